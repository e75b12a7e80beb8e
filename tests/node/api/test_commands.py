"""Operators give blocks up, take them back, prefer one, and fix heights."""

import pytest

from chaindeck.ledger.checkpoints import sign_checkpoint
from chaindeck.ledger.codec import decode_block
from chaindeck.ledger.genesis import build_network
from chaindeck.node.dev import dev_genesis
from tests.ledger.forge import ALICE, BOB, CAROL, Forge, address
from tests.node.api.serving import serving


def order(api, name, block_hash):
    return api.post(f"/api/admin/{name}", {"hash": block_hash}, token=api.cookie)


def test_invalidated_block_is_left_and_reconsidered_it_is_back(fresh):
    hashes = fresh.mine(3)
    answer = order(fresh, "invalidate", hashes[1]).json
    assert (answer["height"], answer["tip"]) == (1, hashes[0])
    tips = fresh.get("/api/admin/tips", token=fresh.cookie).json["tips"]
    assert {tip["hash"]: tip["status"] for tip in tips} == {
        hashes[0]: "active", hashes[2]: "invalid",
    }  # fmt: skip
    assert order(fresh, "reconsider", hashes[1]).json["tip"] == hashes[2]


def test_preferred_block_wins_a_tie(fresh):
    (first,) = fresh.mine()
    rival = Forge(fresh.service.network).assemble(took_ms=5)
    taken = fresh.post("/api/block", {"raw": rival.raw.hex()}, token=fresh.cookie).json
    assert taken["is_active"] is False
    assert order(fresh, "prefer", rival.hash.hex()).json["tip"] == rival.hash.hex()
    assert order(fresh, "prefer", first).json["tip"] == first


@pytest.mark.parametrize("name", ["invalidate", "reconsider", "prefer"])
def test_unknown_block_is_not_found(api, name):
    answer = order(api, name, "0" * 64)
    assert (answer.status, answer.code) == (404, "chain-unknown-block")


def test_genesis_block_cannot_be_given_up(api):
    answer = order(api, "invalidate", api.service.network.block.hash.hex())
    assert (answer.status, answer.code) == (422, "chain-genesis")


@pytest.mark.parametrize(
    "form", [{}, {"hash": "x"}, {"hash": 7}, {"hash": "0" * 64, "more": 1}, {"hash": "A" * 64}]
)
def test_malformed_command_is_refused(api, form):
    answer = api.post("/api/admin/invalidate", form, token=api.cookie)
    assert (answer.status, answer.code) == (422, "json-shape")


def test_command_that_is_no_json_is_refused(api):
    answer = api.post("/api/admin/prefer", b"hash=0", token=api.cookie, kind="text/plain")
    assert (answer.status, answer.code) == (415, "api-content-type")


def form_of(checkpoint):
    return {
        "height": checkpoint.height,
        "hash": checkpoint.hash.hex(),
        "signatures": [signature.hex() for signature in checkpoint.signatures],
    }


@pytest.fixture
def signed(tmp_path):
    genesis = dev_genesis()
    fields = {name: getattr(genesis, name) for name in genesis.__struct_fields__}
    fields["checkpoint_signers"] = tuple(address(key) for key in (ALICE, BOB, CAROL))
    network = build_network(type(genesis)(**{**fields, "checkpoint_quorum": 2}))
    with serving(tmp_path, network=network) as api:
        yield api


def test_checkpoint_of_enough_signers_moves_the_tip_to_its_branch(signed):
    signed.mine(2)
    rival = Forge(signed.service.network).assemble(took_ms=5)
    signed.command("/api/block", {"raw": rival.raw.hex()})
    checkpoint = sign_checkpoint(signed.service.network, 1, rival.hash, [ALICE, CAROL])
    answer = signed.command("/api/admin/checkpoint", form_of(checkpoint))
    assert answer == {"is_new": True, "height": 1, "tip": rival.hash.hex()}
    assert signed.command("/api/admin/checkpoint", form_of(checkpoint))["is_new"] is False


def test_contradicting_checkpoint_is_a_conflict_and_halts_mining(signed):
    (first,) = signed.mine()
    block = decode_block(signed.get("/api/block/1?raw=1").body)
    network = signed.service.network
    signed.command(
        "/api/admin/checkpoint", form_of(sign_checkpoint(network, 1, block.hash, [ALICE, BOB]))
    )
    other = sign_checkpoint(network, 1, bytes(32), [BOB, CAROL])
    answer = signed.post("/api/admin/checkpoint", form_of(other), token=signed.cookie)
    assert (answer.status, answer.code) == (409, "checkpoint-conflict")
    assert first in answer.json["error"]["message"]
    answer = signed.post("/api/mine", {}, token=signed.cookie)
    assert (answer.status, answer.code) == (409, "mine-halted")


@pytest.mark.parametrize(
    ("signatures", "code"),
    [
        ([], "checkpoint-unused"), (["00"], "encoding-length"), (["0"], "json-shape"),
        (["00" * 65 + "\n"], "json-hex"), (["00" * 65] * 300, "checkpoint-unused"),
    ],
)  # fmt: skip
def test_unusable_checkpoint_is_refused(api, signatures, code):
    form = {"height": 1, "hash": "0" * 64, "signatures": signatures}
    answer = api.post("/api/admin/checkpoint", form, token=api.cookie)
    assert (answer.status, answer.code) == (422, code)
