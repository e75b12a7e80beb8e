"""A network is founded by commands: keys shown by address alone, and a checked document."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from chaindeck.cli import main
from chaindeck.ledger.addresses import encode_address
from chaindeck.ledger.genesis import build_network, decode_genesis, encode_genesis
from chaindeck.store.key_file import load_key
from tests.ledger.forge import ALICE, BOB, CAROL, address, dev_network

A, B, C = (address(key, "deck") for key in (ALICE, BOB, CAROL))


class Desk:
    """A founder's folder."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.document = folder / "grid.json"
        self._capsys = capsys
        self.error = ""

    def run(self, *arguments: object, code: int = 0) -> Any:
        """Run a command of `chain` and return its JSON; what it complains of is in `error`."""
        try:
            actual: object = main(["chain", *map(str, arguments), "--json"])
        except SystemExit as stopped:
            actual = stopped.code
        out, self.error = self._capsys.readouterr()
        assert actual == code, self.error
        return json.loads(out) if out else None

    def found(self, *options: object, code: int = 0) -> Any:
        return self.run("genesis", self.document, "--name=grid", *options, code=code)


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(tmp_path, capsys)


class TestGenesis:
    def test_consortium_is_founded_by_naming_who_takes_part(self, desk: Desk) -> None:
        said = desk.found("--miner", A, "--miner", B, "--signer", A, "--signer", B, "--signer", C)
        genesis = decode_genesis(desk.document.read_bytes())
        assert said["network_id"] == build_network(genesis).id.hex()
        assert (genesis.miners, genesis.checkpoint_signers) == ((A, B), (A, B, C))
        assert (said["checkpoint_quorum"], said["seal_window"]) == (2, 1)
        assert genesis.maturity == 100
        assert genesis.time_ms > 1_767_225_600_000

    def test_founder_may_choose_every_parameter(self, desk: Desk) -> None:
        desk.found(
            "--miner", address(ALICE, "grid"),
            "--signer", address(BOB, "grid"),
            "--allocate", address(CAROL, "grid"), "12.5",
            "--address-prefix=grid", "--time-ms=1800000000000", "--block-interval-ms=1000",
            "--difficulty=lwma60", "--easiest-bits=207fffff", "--subsidy=0",
            "--halving-interval=5", "--maturity=6", "--max-block-bytes=7000",
            "--max-block-signatures=8", "--mining-diversity-permille=9", "--checkpoint-quorum=1",
        )  # fmt: skip
        genesis = decode_genesis(desk.document.read_bytes())
        assert [(entry.address, entry.amount) for entry in genesis.allocations] == [
            (address(CAROL, "grid"), 1_250_000_000)
        ]
        expected = {
            "address_prefix": "grid", "time_ms": 1_800_000_000_000, "block_interval_ms": 1_000,
            "difficulty": "lwma60", "easiest_bits": 0x207FFFFF, "subsidy": 0,
            "halving_interval": 5, "maturity": 6, "max_block_bytes": 7_000,
            "max_block_signatures": 8, "mining_diversity_permille": 9, "checkpoint_quorum": 1,
        }  # fmt: skip
        assert {name: getattr(genesis, name) for name in expected} == expected

    def test_network_of_whoever_mines_is_founded_too(self, desk: Desk) -> None:
        desk.found("--profile=local", "--subsidy=1.5", "--allocate", A, "1")
        genesis = decode_genesis(desk.document.read_bytes())
        assert (genesis.name, genesis.miners, genesis.subsidy) == ("grid", (), 150_000_000)

    def test_document_that_is_there_is_left_alone(self, desk: Desk) -> None:
        desk.found("--miner", A)
        before = desk.document.read_bytes()
        desk.found("--miner", B, code=1)
        assert "file-taken" in desk.error
        assert desk.document.read_bytes() == before

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            (["--miner", "deck1q"], "at miners[0])"),
            (["--miner", A, "--miner", A], "(genesis-repeated, at miners[1])"),
            (["--miner", address(ALICE)], "(address-prefix, at miners[0])"),
            (["--miner", A, "--signer", "x"], "at checkpoint_signers[0])"),
            (["--miner", A, "--signer", A, "--checkpoint-quorum=2"], "at checkpoint_quorum)"),
            (["--miner", A, "--allocate", "x", "1"], "at allocations[0])"),
            (["--miner", A, "--allocate", A, "1,5"], "argument --allocate: an amount"),
            (["--miner", A, "--name=Grid"], "(genesis-range, at name)"),
            (["--miner", A, "--block-interval-ms=1"], "at block_interval_ms)"),
            (["--miner", A, "--difficulty=easy"], "one of step100, lwma60, none, not 'easy'"),
            (["--miner", A, "--easiest-bits=easy"], "a target looks like 1e0fffff, not 'easy'"),
            (["--miner", A, "--address-prefix=Deck"], "1 to 16 small letters, not 'Deck'"),
            ([], "name each with --miner ADDRESS"),
            (["--profile=local", "--miner", A], "listed by --profile consortium alone"),
        ],
    )
    def test_what_founds_no_network_is_named(
        self, desk: Desk, options: list[str], said: str
    ) -> None:
        desk.found(*options, code=2)
        assert said in desk.error
        assert not desk.document.exists()


class TestKey:
    def test_key_is_written_for_its_owner_and_shown_by_address(self, desk: Desk) -> None:
        path = desk.folder / "seal.key"
        said = desk.run("key", path, "--address-prefix=grid")
        assert said["address"] == encode_address(load_key(path).key_hash, "grid")
        assert path.read_text().strip() not in json.dumps(said) + desk.error
        assert path.stat().st_mode & 0o777 == 0o600
        before = path.read_bytes()
        desk.run("key", path, code=1)
        assert "file-taken" in desk.error
        assert path.read_bytes() == before

    def test_key_comes_out_of_a_wallet(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("CHAINDECK_HOME", str(desk.folder))
        monkeypatch.setattr("sys.stdin", io.StringIO())
        password = desk.folder / "password"
        password.write_text("correct horse battery\n")
        password.chmod(0o600)
        document = desk.folder / "dev.json"
        document.write_bytes(encode_genesis(dev_network().genesis))
        making = ["wallet", "new", "seal", f"--genesis={document}", f"--password-file={password}"]
        assert main([*making, "--json"]) == 0
        wallet = json.loads(capsys.readouterr().out)
        path = desk.folder / "seal.key"
        taking = ("key", path, "--wallet=seal", f"--password-file={password}")
        assert desk.run(*taking)["address"] == wallet["address"]
        assert address(load_key(path)) == wallet["address"]
        desk.run("key", desk.folder / "b", *taking[2:], "--address", address(ALICE), code=1)
        assert "wallet-unknown-address" in desk.error
        desk.run("key", desk.folder / "c", "--wallet=none", code=2)
        assert "there is no wallet none" in desk.error
