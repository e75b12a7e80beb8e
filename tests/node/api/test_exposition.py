"""Prometheus finds every figure, in its own format."""

import re

from chaindeck.node.api.exposition import _escape
from tests.ledger.forge import BOB
from tests.node.api.serving import serving
from tests.node.running import faucet_payment

LINE = re.compile(
    r'# (HELP|TYPE) \w+ .+|\w+(\{\w+="[^"\n]*"(,\w+="[^"\n]*")*\})? [0-9.e+-]+'
)  # fmt: skip


def samples(api):
    text = api.get("/metrics").body.decode()
    assert text.endswith("\n")
    for line in text.splitlines():
        assert LINE.fullmatch(line), line
    pairs = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in pairs}


def test_figures_follow_the_chain_and_the_pool(fresh):
    fresh.mine(2)
    payment = faucet_payment(fresh.service, BOB.key_hash)
    fresh.offer(payment)
    fresh.offer(payment)
    found = samples(fresh)
    assert found["chaindeck_height"] == 2
    assert found["chaindeck_pool_transactions"] == 1
    assert found["chaindeck_payments_accepted_total"] == 1
    assert found['chaindeck_payments_rejected_total{code="pool-known"}'] == 1
    assert found["process_resident_memory_bytes"] > 1e6
    assert found["process_cpu_seconds_total"] > 0


def test_figures_of_chain_mining_and_network_are_there(fresh):
    (first, *_) = fresh.mine(3)
    fresh.command("/api/admin/invalidate", {"hash": first})
    found = samples(fresh)
    assert found["chaindeck_reorganisations_total"] == 1
    assert found["chaindeck_deep_reorganisations_total"] == 0
    assert found["chaindeck_parked_branches"] == 0
    assert found["chaindeck_checkpoint_conflict"] == 0
    assert found["chaindeck_hashes_per_second"] > 0
    assert found['chaindeck_peers{direction="inbound"}'] == 0
    assert found['chaindeck_peers{direction="outbound"}'] == 0
    assert found["chaindeck_known_addresses"] == 0
    assert found["chaindeck_bars"] == 0
    states = {name: value for name, value in found.items() if "sync_state" in name}
    assert states['chaindeck_sync_state{state="current"}'] == 1
    assert sum(states.values()) == 1


def test_node_in_no_network_has_no_figures_of_peers(tmp_path):
    with serving(tmp_path, has_peers=False) as api:
        assert "chaindeck_peers" not in api.get("/metrics").body.decode()


def test_requests_are_counted_by_route_and_status(fresh):
    fresh.get("/api/block/0")
    fresh.get("/api/block/7")
    fresh.get("/nothing")
    found = samples(fresh)
    route = 'route="GET /api/block/{block}"'
    assert found[f'chaindeck_requests_total{{{route},status="200"}}'] == 1
    assert found[f'chaindeck_requests_total{{{route},status="404"}}'] == 1
    assert found['chaindeck_requests_total{route="none",status="404"}'] == 1
    assert found[f"chaindeck_request_seconds_count{{{route}}}"] == 2
    assert found[f'chaindeck_request_seconds_bucket{{{route},le="+Inf"}}'] == 2
    assert found[f"chaindeck_request_seconds_sum{{{route}}}"] > 0


def test_labels_are_escaped():
    assert _escape('a"b\\c\nd') == 'a\\"b\\\\c\\nd'
