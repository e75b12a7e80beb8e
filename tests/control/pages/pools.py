"""What waits, for tests of pages."""

from typing import Any

from chaindeck.records.services.pool import Waiting
from tests.records.growing import OWNERS, address

POOL: dict[str, Any] = {
    "count": 7,
    "bytes": 2_000,
    "floor_per_kb": 1,
    "max_count": 100,
    "max_bytes": 9_000,
    "fee_histogram": [
        {"least_per_kb": 1_000, "count": 4, "bytes": 900},
        {"least_per_kb": 10, "count": 3, "bytes": 1_100},
    ],
    "projected_blocks": [
        {"count": 7, "bytes": 2_000, "fees": 9, "highest_per_kb": 1_200, "lowest_per_kb": 10}
    ],
}


def waiting(grower, fee=5, tx_hash="ab" * 32):
    spent = grower.coins[-1][0]
    outputs = [(address(OWNERS[1]), 1_000)]
    spends = (spent[0].hex(), spent[1])
    return Waiting(tx_hash, spends, outputs, fee=fee, size=100, made_ms=1, arrived_ms=2)
