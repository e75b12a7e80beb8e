"""A fee rate beats what would not fit beside it, and no more."""

import pytest

from chaindeck.ledger.pool_types import FeeBucket
from chaindeck.wallet.fees import estimate_fee_per_kb

HISTOGRAM = [FeeBucket(1_000, 1, 400), FeeBucket(500, 1, 300), FeeBucket(0, 1, 300)]


def estimate(histogram=HISTOGRAM, *, block_bytes=1_000, blocks=1, floor_per_kb=7):
    return estimate_fee_per_kb(
        histogram, block_bytes=block_bytes, blocks=blocks, floor_per_kb=floor_per_kb
    )


@pytest.mark.parametrize(
    ("block_bytes", "rate"),
    [(1_000, 7), (999, 500), (700, 500), (699, 1_000), (400, 1_000), (399, 2_000)],
)
def test_level_that_no_longer_fits_is_beaten(block_bytes, rate):
    assert estimate(block_bytes=block_bytes) == rate


def test_patience_lowers_the_rate():
    assert estimate(block_bytes=400, blocks=1) == 1_000
    assert estimate(block_bytes=400, blocks=3) == 7


def test_floor_is_always_paid():
    assert estimate([]) == 7
    assert estimate(block_bytes=999, floor_per_kb=800) == 800


def test_pool_of_free_transactions_is_beaten_by_anything():
    assert estimate([FeeBucket(0, 9, 2_000)], floor_per_kb=0) == 2
