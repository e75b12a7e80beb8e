"""`chaindeck verify` checks a proof without a network."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chaindeck.cli.main import main
from chaindeck.ledger.codec import build_header, decode_header
from chaindeck.ledger.targets import bits_of
from tests.functional.processes import node
from tests.records.growing import OWNERS, address


def with_harder_target(text: str) -> str:
    header = decode_header(bytes.fromhex(text))
    harder = build_header(
        height=header.height,
        previous=header.previous,
        merkle_root=header.merkle_root,
        time_ms=header.time_ms,
        target_bits=bits_of(1),
        tx_count=header.tx_count,
    )
    return harder.raw.hex()


@pytest.fixture(scope="module")
def proof(tmp_path_factory):
    """What a node gives of a payment in a block of several."""
    with node(tmp_path_factory.mktemp("verify") / "node") as one:
        order = {"address": address(OWNERS[1]), "amount": 5_000}
        one.post("/api/mine", {"blocks": 3})
        ids = [one.post("/api/dev/faucet", order)["id"] for _ in range(3)]
        one.post("/api/mine", {"blocks": 1})
        return one.get(f"/api/transaction/{ids[1]}?proof=1")


@pytest.fixture
def verify(tmp_path: Path, capsys):
    def run(answer, *options: str) -> tuple[int, str]:
        path = tmp_path / "proof.json"
        path.write_bytes(answer if isinstance(answer, bytes) else json.dumps(answer).encode())
        code = main(["verify", str(path), *options])
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


def test_proof_of_a_node_holds_and_names_its_block(proof, verify):
    code, said = verify(proof, "--block", proof["block"], "--json")
    assert code == 0
    found = json.loads(said)
    assert (found["transaction"], found["block"]) == (proof["id"], proof["block"])
    assert found["height"] == proof["height"]


def test_proof_of_another_block_than_the_wanted_one_is_refused(proof, verify):
    code, said = verify(proof, "--block", "ab" * 32)
    assert code == 1
    assert "client-proof" in said
    assert "another block" in said


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("id", "ab" * 32, "another transaction"),
        ("block", "ab" * 32, "another block"),
        ("height", 99, "the height 4"),
        ("proof", None, "without the way"),
    ],
)
def test_claim_that_the_proof_does_not_bear_is_refused(proof, verify, name, value, reason):
    code, said = verify({**proof, name: value})
    assert code == 1
    assert reason in said


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("index", lambda index: index + 1, "another root"),
        ("branch", lambda branch: branch[:-1], "too short"),
        ("header", with_harder_target, "above the target"),
        ("header", lambda text: text[2:], "96"),
        ("transaction", lambda text: text[:-2] + "ff", "another root"),
        ("transaction", lambda _: "not hex", "non-hexadecimal"),
    ],
)
def test_forged_proof_is_refused(proof, verify, name, change, reason):
    forged = {**proof, "proof": {**proof["proof"], name: change(proof["proof"][name])}}
    code, said = verify(forged)
    assert code == 1
    assert reason in said


def test_file_that_is_no_proof_is_refused(verify):
    for content in (b"{}", b"nonsense", b"", b'{"id": "\xff"}', b"\xff\xfe"):
        code, said = verify(content)
        assert code == 1
        assert "no answer of a node" in said
