"""The overview of the pool counts all that waits, once a second at most."""

from chaindeck.node.limits import POOL_VIEW_S
from tests.ledger.forge import BOB
from tests.node.running import faucet_payment


def test_overview_counts_what_waits(fresh):
    payment = faucet_payment(fresh.service, BOB.key_hash, fee=1_000)
    fresh.offer(payment)
    overview = fresh.get("/api/mempool").json
    assert (overview["count"], overview["bytes"]) == (1, payment.size)
    assert overview["max_block_bytes"] == fresh.service.network.genesis.max_block_bytes
    assert sum(bucket["count"] for bucket in overview["fee_histogram"]) == 1
    (block,) = overview["projected_blocks"]
    assert (block["count"], block["bytes"], block["fees"]) == (1, payment.size, 1_000)


def test_overview_is_made_anew_after_a_second(fresh):
    assert fresh.get("/api/mempool").json["count"] == 0
    fresh.offer(faucet_payment(fresh.service, BOB.key_hash))
    assert fresh.get("/api/mempool").json["count"] == 0
    fresh.app.context.overview.good_until_s -= POOL_VIEW_S
    assert fresh.get("/api/mempool").json["count"] == 1
