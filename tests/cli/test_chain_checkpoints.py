"""A checkpoint goes from signer to signer; each signature is of a listed key and this block."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from chaindeck.cli import main
from chaindeck.ledger.checkpoints import sign_checkpoint
from chaindeck.ledger.genesis import Network, encode_genesis
from chaindeck.store.key_file import create_key
from tests.ledger.forge import ALICE, BOB, CAROL, DAVE, address, dev_network

HASH = "09" * 32
SECRETS = {"alice": b"\1" * 32, "bob": b"\2" * 32, "carol": b"\3" * 32, "dave": b"\4" * 32}


class Desk:
    """The signers' keys and their network's document, in one folder."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.network: Network = dev_network(
            checkpoint_signers=tuple(address(key) for key in (ALICE, BOB, CAROL)),
            checkpoint_quorum=2,
        )
        self.document = folder / "grid.json"
        self.document.write_bytes(encode_genesis(self.network.genesis))
        self.file = folder / "checkpoint.json"
        for name, secret in SECRETS.items():
            create_key(folder / f"{name}.key", secret)
        self._capsys = capsys
        self.error = ""

    def run(self, action: str, *arguments: object, code: int = 0) -> Any:
        words = ["chain", "checkpoint", action, *map(str, arguments), "--json"]
        try:
            actual: object = main([*words, f"--genesis={self.document}"])
        except SystemExit as stopped:
            actual = stopped.code
        out, self.error = self._capsys.readouterr()
        assert actual == code, self.error
        return json.loads(out) if out else None

    def sign(self, name: str, *options: object, code: int = 0, file: Path | None = None) -> Any:
        key = self.folder / f"{name}.key"
        return self.run("sign", file or self.file, f"--key={key}", *options, code=code)


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(tmp_path, capsys)


def test_signers_add_to_one_file_whoever_comes_first(desk: Desk) -> None:
    said = desk.sign("carol", "--height=5", f"--hash={HASH}")
    assert (said["signers"], said["needed"]) == ([address(CAROL)], 2)
    assert set(desk.sign("alice")["signers"]) == {address(ALICE), address(CAROL)}
    desk.sign("alice", "--height=5", f"--hash={HASH}")
    held = json.loads(desk.file.read_text())
    expected = sign_checkpoint(desk.network, 5, bytes.fromhex(HASH), [ALICE, CAROL])
    assert (held["height"], held["hash"]) == (5, HASH)
    assert held["signatures"] == [signature.hex() for signature in expected.signatures]


def test_wallet_of_a_signer_signs(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CHAINDECK_HOME", str(desk.folder))
    monkeypatch.setattr("sys.stdin", io.StringIO())
    password = desk.folder / "password"
    password.write_text("correct horse battery\n")
    password.chmod(0o600)
    for name in ("bob", "dave"):
        bringing = ["wallet", "import", name, "--key", f"--secret-file={desk.folder / name}.key"]
        assert main([*bringing, f"--genesis={desk.document}", f"--password-file={password}"]) == 0
    capsys.readouterr()
    signing = ("sign", desk.file, "--height=5", f"--hash={HASH}", f"--password-file={password}")
    assert desk.run(*signing, "--wallet=bob")["signers"] == [address(BOB)]
    desk.run(*signing, "--wallet=dave", code=2)
    assert "dave has no signer's key of dev" in desk.error


def test_stranger_is_told_by_address(desk: Desk) -> None:
    desk.sign("dave", "--height=5", f"--hash={HASH}", code=2)
    assert f"{address(DAVE)} is not a checkpoint signer of dev" in desk.error
    assert not desk.file.exists()


def test_signature_of_something_else_is_refused(desk: Desk) -> None:
    desk.sign("alice", "--height=5", f"--hash={HASH}")
    before = desk.file.read_bytes()
    desk.sign("bob", "--height=6", code=2)
    assert "is of another block than --height says" in desk.error
    desk.sign("bob", f"--hash={'00' * 32}", code=2)
    assert "is of another block than --hash says" in desk.error
    desk.file.write_bytes(before.replace(HASH.encode(), b"08" * 32))
    desk.sign("bob", code=1)
    assert "checkpoint-signer" in desk.error
    desk.file.write_bytes(before.replace(b'"signatures": [\n    "', b'"signatures": [\n    "x'))
    desk.sign("bob", code=1)
    assert "signatures[0]" in desk.error


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "say which block: --height N"),
        (["--height=-1"], "a height is a number from 0 up"),
        (["--height=4294967296"], "a height is a number from 0 up"),
        (["--height=5", "--hash=09"], "a hash has 64 hexadecimal digits"),
        (["--height=5", "--hash=x"], "a hash has 64 hexadecimal digits"),
    ],
)
def test_new_file_needs_a_block(desk: Desk, options: list[str], said: str) -> None:
    desk.sign("alice", *options, code=2)
    assert said in desk.error


def test_files_of_different_blocks_are_not_joined(desk: Desk) -> None:
    other = desk.folder / "other.json"
    desk.sign("alice", "--height=5", f"--hash={HASH}")
    desk.sign("bob", "--height=6", f"--hash={HASH}", file=other)
    desk.run("post", desk.file, other, code=2)
    assert "the files are of different blocks" in desk.error


def test_file_that_is_missing_is_named(desk: Desk) -> None:
    desk.run("post", desk.folder / "absent.json", code=1)
    assert "absent.json" in desk.error
