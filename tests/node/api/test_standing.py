"""Status, live figures and health say where the node stands."""

import os

from chaindeck.ledger.checkpoints import Checkpoint
from chaindeck.ledger.types import BlockHash, Height
from tests.ledger.forge import ALICE
from tests.node.api.serving import serving
from tests.node.running import faucet_payment


def test_status_of_a_new_chain_names_node_and_network(fresh):
    status = fresh.get("/api/status").json
    assert status["node_id"] == fresh.service.instance_id
    assert status["network"]["name"] == "dev"
    assert status["network"]["id"] == fresh.service.network.id.hex()
    assert (status["height"], status["work"]) == (0, "0")
    assert status["tip"] == fresh.service.network.block.hash.hex()
    assert status["sync"] == {"state": "current", "best_header_height": 0}
    assert status["peers"] == {
        "linked": 0, "inbound": 0, "outbound": 0, "known": 0, "sources": {}, "topology": "mesh",
    }  # fmt: skip
    assert status["clock_offset_ms"] is None


def test_node_that_is_in_no_network_has_no_peers(tmp_path):
    with serving(tmp_path, has_peers=False) as api:
        status = api.get("/api/status").json
        assert status["peers"] is None
        assert status["sync"]["state"] == "current"


def test_nobody_found_is_a_warning(fresh):
    fresh.app.context.peering._network.machine.topology.is_alone = True
    assert "No peer for 30 seconds" in fresh.get("/api/status").json["warnings"][-1]


def test_status_follows_blocks_and_payments(fresh):
    (tip,) = fresh.mine()
    payment = faucet_payment(fresh.service, ALICE.key_hash)
    assert fresh.offer(payment).status == 200
    status = fresh.get("/api/status").json
    assert (status["height"], status["tip"]) == (1, tip)
    assert status["mempool"] == {"count": 1, "bytes": payment.size, "floor_per_kb": 0}


def test_development_chain_says_so_and_that_its_clock_stands(fresh):
    assert fresh.get("/api/status").json["profile"] == "dev"
    fresh.command("/api/dev/clock", {"is_frozen": True})
    warnings = " ".join(fresh.get("/api/status").json["warnings"])
    assert "worth nothing" in warnings
    assert "stands still" in warnings


def test_contradicting_checkpoints_are_a_warning(tmp_path):
    with serving(tmp_path, has_dev=False) as api:
        assert api.get("/api/status").json["profile"] == "local"
        assert api.get("/api/status").json["warnings"] == []

        rivals = [Checkpoint(Height(7), BlockHash(bytes([byte]) * 32), ()) for byte in (1, 2)]
        api.service.state.checkpoints.conflict = (rivals[0], rivals[1])
        assert "height 7" in api.get("/api/status").json["warnings"][0]


def test_blocks_have_ages_once_there_are_two(fresh):
    assert fresh.get("/api/stats").json["propagation"] is None
    fresh.mine(3)
    propagation = fresh.get("/api/stats").json["propagation"]
    assert propagation["blocks"] == 3
    assert 0 <= propagation["median_ms"] <= propagation["p95_ms"]


def test_peers_whose_clocks_are_behind_are_not_called_ahead(fresh, monkeypatch):
    topology = fresh.app.context.peering._network.machine.topology
    for offset_ms, words in ((-6_000, "6.0 s behind this one"), (7_500, "7.5 s ahead of this")):
        monkeypatch.setattr(topology, "median_offset_ms", lambda offset_ms=offset_ms: offset_ms)
        assert words in fresh.get("/api/status").json["warnings"][-1]


def test_rates_are_null_until_there_are_two_blocks(fresh):
    for blocks in (0, 1):
        stats = fresh.get("/api/stats").json
        assert stats["window_blocks"] == 0, blocks
        assert stats["blocks_per_minute"] is None
        assert stats["network_hashes_per_s"] is None
        assert stats["intervals"] is None
        fresh.mine()


def test_rates_are_counted_over_the_window(fresh):
    fresh.command("/api/dev/clock", {"is_frozen": True})
    for _ in range(3):
        fresh.mine()
        fresh.command("/api/dev/clock", {"advance_ms": 2_000})
    stats = fresh.get("/api/stats").json
    assert stats["window_blocks"] == 2
    assert stats["blocks_per_minute"] == 30
    assert stats["transactions_per_s"] == 0.5
    assert stats["network_hashes_per_s"] == 1
    assert stats["intervals"] == {
        "target_ms": 10_000, "mean_ms": 2_000, "shortest_ms": 2_000, "longest_ms": 2_000,
        "latest_ms": 2_000,
    }  # fmt: skip
    assert stats["own_hashes_per_s"] > 0
    assert stats["memory_bytes"] > 1_000_000
    assert stats["feed_sequence"] == fresh.service.feed.sequence


def test_window_has_at_most_100_intervals(fresh):
    fresh.mine(105)
    assert fresh.get("/api/stats").json["window_blocks"] == 100


def test_health_names_process_and_instance(api):
    health = api.get("/health").json
    assert health == {
        "ok": True, "instance_id": api.service.instance_id, "pid": os.getpid(), "height": 0,
    }  # fmt: skip
