"""Developers go back to snapshots, start over, turn the clock, and are paid by the faucet."""

import pytest

from chaindeck.node.api.forms import LATEST_TIME_MS
from tests.ledger.forge import BOB, address


def test_snapshot_is_gone_back_to(fresh):
    fresh.mine(2)
    name = fresh.command("/api/dev/snapshot")["id"]
    fresh.mine(3)
    assert fresh.command("/api/dev/revert", {"id": name})["height"] == 2


def test_unknown_snapshot_is_not_found(api):
    answer = api.post("/api/dev/revert", {"id": "moon"}, token=api.cookie)
    assert (answer.status, answer.code) == (404, "dev-snapshot")


def test_reset_is_the_genesis_block(fresh):
    fresh.mine(2)
    answer = fresh.command("/api/dev/reset")
    assert answer == {"height": 0, "tip": fresh.service.network.block.hash.hex(), "work": "0"}


def test_reset_leaves_nothing_of_before(fresh):
    paid = fresh.command("/api/dev/faucet", {"address": address(BOB), "amount": 5})["id"]
    (first, _, last) = fresh.mine(3)
    raw = fresh.get(f"/api/block/{first}?raw=1").body
    fresh.command("/api/dev/reset")
    tips = fresh.get("/api/admin/tips", token=fresh.cookie).json["tips"]
    assert [tip["height"] for tip in tips] == [0]
    assert fresh.get(f"/api/transaction/{paid}").json["status"] == "unknown"
    assert fresh.get(f"/api/block/{last}").code == "chain-unknown-block"
    lifted = fresh.post("/api/admin/reconsider", {"hash": first}, token=fresh.cookie)
    assert (lifted.status, lifted.code) == (404, "chain-unknown-block")
    old = fresh.post("/api/block", raw, kind="application/octet-stream", token=fresh.cookie).json
    assert (old["status"], old["is_active"]) == ("accepted", True)
    assert fresh.get("/api/status").json["tip"] == first


def test_faucet_pays_an_address(fresh):
    form = {"address": address(BOB), "amount": 1_234}
    tx_id = fresh.command("/api/dev/faucet", form)["id"]
    assert fresh.get(f"/api/transaction/{tx_id}").json["status"] == "pooled"
    fresh.mine()
    balance = fresh.get(f"/api/address/{address(BOB)}").json["balance"]
    assert balance["confirmed"] == 1_234


def test_faucet_that_has_not_enough_says_so(api):
    form = {"address": address(BOB), "amount": 9_000_000_000_000_000}
    answer = api.post("/api/dev/faucet", form, token=api.cookie)
    assert (answer.status, answer.code) == (409, "dev-faucet")


@pytest.mark.parametrize("amount", [0, -1, 9_000_000_000_000_001, "1"])
def test_faucet_pays_only_amounts(api, amount):
    form = {"address": address(BOB), "amount": amount}
    assert api.post("/api/dev/faucet", form, token=api.cookie).code == "json-shape"


def test_clock_is_set_moved_stopped_and_started(fresh):
    answer = fresh.command("/api/dev/clock", {"time_ms": 1_900_000_000_000, "is_frozen": True})
    assert answer["is_frozen"] is True
    frozen_at = answer["time_ms"]
    assert fresh.command("/api/dev/clock", {})["time_ms"] == frozen_at
    answer = fresh.command("/api/dev/clock", {"advance_ms": 60_000})
    assert answer == {"time_ms": frozen_at + 60_000, "is_frozen": True}
    answer = fresh.command("/api/dev/clock", {"is_frozen": False})
    assert answer["is_frozen"] is False
    assert answer["time_ms"] >= frozen_at + 60_000


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"time_ms": LATEST_TIME_MS}, 200), ({"time_ms": LATEST_TIME_MS + 1}, 422),
        ({"time_ms": -1}, 422), ({"time_ms": LATEST_TIME_MS, "advance_ms": 1}, 400),
        ({"advance_ms": -LATEST_TIME_MS}, 400), ({"time_ms": 0}, 200),
    ],
)  # fmt: skip
def test_clock_shows_times_from_1970_to_9999(fresh, form, status):
    fresh.command("/api/dev/clock", {"time_ms": 1_900_000_000_000, "is_frozen": True})
    assert fresh.post("/api/dev/clock", form, token=fresh.cookie).status == status
