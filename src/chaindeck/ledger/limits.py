"""Every number of the ledger that is not a parameter of one network, with its unit and reason.

Parameters that a genesis document sets live in `genesis`; those here hold for every network.
"""

from typing import Final

COIN: Final = 10**8
"""Base units in one coin."""

MAX_AMOUNT: Final = 9_000_000_000_000_000
"""Base units. Below 2**53, so that an amount survives JSON readers that use doubles."""

MAX_TRANSACTION_BYTES: Final = 100_000
"""Bounds the work that one unpaid message can cause."""

MAX_DATA_BYTES: Final = 256
"""A data output anchors a hash and a label; documents belong elsewhere."""

MAX_OUTPUT_INDEX: Final = 0xFFFFFFFF
"""Output indexes are four bytes in the coin key."""

SIGNATURE_BYTES: Final = 65
HEADER_BYTES: Final = 96

MAX_TIME_AHEAD_MS: Final = 30_000
"""A block further ahead of the local clock is held and retried, never condemned."""

DECAY_STEP_MS: Final = 60_000
"""The target doubles once for each such span without a block, so that a network that lost most of
its hash rate recovers in minutes instead of hours."""

RETARGET_BLOCKS: Final = 100
MAX_RETARGET_FACTOR: Final = 4
LWMA_BLOCKS: Final = 60
LWMA_MAX_INTERVALS: Final = 6
"""One block counts for at most so many intervals in the weighted mean."""

REORG_ALERT_BLOCKS: Final = 6
"""Deeper reorganisations are worth an alert."""

REORG_PARK_BLOCKS: Final = 100
"""Deeper reorganisations wait for an operator or a checkpoint: following them by themselves lets
one hidden branch rewrite a day, refusing them for good splits a network."""

REWIND_BLOCKS: Final = 100
"""Blocks that are taken back in one change when a development chain goes back far: their bodies and
what they changed are in memory meanwhile."""

MAX_TIPS: Final = 1_000
"""Branch ends kept; the least work goes first."""

MAX_JSON_BYTES: Final = 4 * MAX_TRANSACTION_BYTES
"""One transaction in JSON form: hexadecimal doubles it, names and punctuation double it again."""

SIGNATURES_A_THREAD: Final = 16
"""Fewer are not worth starting a thread for."""

MAX_ADDRESSES_KNOWN: Final = 16_384
"""Addresses whose key hash is remembered, 4 MB: decoding one costs as much as half a payment."""

MAX_SIGNATURE_CACHE: Final = 400_000
"""Transactions whose signatures are known to be good, at most: one full pool at least, 40 MB."""

POOL_MAX_BYTES: Final = 128 * 1024 * 1024
POOL_MAX_TRANSACTIONS: Final = 200_000
POOL_EXPIRY_MS: Final = 3_600_000
POOL_MAX_ANCESTORS: Final = 25
POOL_MAX_DESCENDANTS: Final = 25
"""Both count the transaction itself."""

POOL_MAX_CLUSTER: Final = 100
"""Transactions that are connected through spending each other; bounds the work of ordering them."""

POOL_LISTED_OUTPUTS: Final = 8
"""Outputs up to which a waiting transaction is listed under the owners that it pays: 0.2 kB each,
so that a full pool of the worst kind stays below 400 MB. Payments have two."""

POOL_MIN_FEE_PER_KB: Final = 0
"""Base units. Private networks often pay no fees; the floor rises only while the pool is full."""

POOL_FLOOR_STEP_PER_KB: Final = 1_000
"""Base units by which the floor rises above what was evicted, and by which a replacement must
raise the fee for its own relay."""

POOL_FLOOR_HALF_LIFE_MS: Final = 600_000
"""How fast the floor falls again once there is room."""

POOL_MAX_REPLACED: Final = 100
"""Transactions that one replacement may push out."""

POOL_FLOOR_FULLNESS_PERMILLE: Final = 500
"""Of the pool's capacity: the floor is in force only above it. Below, nothing is about to be given
up, and a network without fees must not refuse payments long after its pool was full once."""

POOL_HISTOGRAM_PER_KB: Final = (
    *(1_000_000, 500_000, 200_000, 100_000, 50_000, 20_000),
    *(10_000, 5_000, 2_000, 1_000, 500, 1, 0),
)
"""Base units: where the buckets of the fee histogram begin. The last holds what pays nothing."""

TEMPLATE_CLOSE_BYTES: Final = 1_000
"""A block with less room than this is full; looking further costs more than it brings."""

TEMPLATE_MAX_MISSES: Final = 1_000
"""Chunks in a row that did not fit, after which a block is full."""

ONE_CHANGE_BYTES: Final = 256 * 1024
"""A body up to here, some 1,600 payments, is kept in the change that connects it and adds some
0.1 ms to it. A larger one is kept before, where that may take its time."""

MAX_COINBASE_BYTES: Final = 340
"""A coinbase with one payment and one data output of full length is 2 bytes smaller."""

MAX_MINERS: Final = 1_000
"""Miners that a genesis document may list."""

MAX_CHECKPOINT_SIGNERS: Final = 255
"""A checkpoint counts its signatures in one byte."""

MAX_ALLOCATIONS: Final = 1_000
"""Outputs of the genesis coinbase; keeps it within a transaction's size."""

MAX_FORESEEN: Final = 16
"""Blocks whose coins are kept for those that wait behind them, twice as many as wait at a time."""
