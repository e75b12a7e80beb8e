"""How much to offer: a fee rate from what waits at a node."""

from __future__ import annotations

from collections.abc import Sequence

from chaindeck.ledger.pool_types import FeeBucket
from chaindeck.wallet.limits import TOP_FEE_FACTOR


def estimate_fee_per_kb(
    histogram: Sequence[FeeBucket], *, block_bytes: int, blocks: int, floor_per_kb: int
) -> int:
    """Return a rate at which a transaction is mined within `blocks` blocks, as things stand.

    The histogram has the highest level first, as a node gives it. What fits beside all that waits
    pays only the floor; otherwise the rate beats the level that no longer fits as a whole.
    """
    assert block_bytes > 0
    assert blocks > 0
    ahead_bytes, above = 0, None
    for bucket in histogram:
        ahead_bytes += bucket.bytes
        if ahead_bytes > block_bytes * blocks:
            beats = above if above is not None else max(1, bucket.least_per_kb) * TOP_FEE_FACTOR
            return max(floor_per_kb, beats)
        above = bucket.least_per_kb
    return floor_per_kb
