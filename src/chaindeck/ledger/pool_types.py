"""The words of the memory pool: what waits, what became of it, how much may wait.

A waiting transaction is kept as its bytes with its outputs, if they are few, and the values that
ordering it needs, and decoded again when somebody looks at the rest, which takes 3 us.
"""

from __future__ import annotations

import enum
from typing import ClassVar

import msgspec

from chaindeck.ledger.codec import decode_transaction
from chaindeck.ledger.errors import RuleError
from chaindeck.ledger.limits import (
    POOL_EXPIRY_MS,
    POOL_MAX_ANCESTORS,
    POOL_MAX_BYTES,
    POOL_MAX_CLUSTER,
    POOL_MAX_DESCENDANTS,
    POOL_MAX_REPLACED,
    POOL_MAX_TRANSACTIONS,
    POOL_MIN_FEE_PER_KB,
)
from chaindeck.ledger.types import Amount, FullId, Height, OutPoint, Output, Transaction, TxId


class PoolLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How much may wait. The defaults are explained in `limits`."""

    max_bytes: int = POOL_MAX_BYTES
    max_transactions: int = POOL_MAX_TRANSACTIONS
    expiry_ms: int = POOL_EXPIRY_MS
    max_ancestors: int = POOL_MAX_ANCESTORS
    max_descendants: int = POOL_MAX_DESCENDANTS
    max_cluster: int = POOL_MAX_CLUSTER
    max_replaced: int = POOL_MAX_REPLACED
    min_fee_per_kb: int = POOL_MIN_FEE_PER_KB


class Pooled(msgspec.Struct, frozen=True, eq=False, gc=False):
    """A waiting transaction. While it has no relatives in the pool it is its own chunk."""

    count: ClassVar[int] = 1

    id: TxId
    full_id: FullId
    raw: bytes
    size: int
    signature_count: int
    outpoints: tuple[OutPoint, ...]
    """What it spends, in the order of its inputs."""

    fee: Amount
    arrived_ms: int
    sequence: int
    """Whoever came earlier has the smaller one. A parent's is always smaller than its child's."""

    matures_at: Height
    """The first block that may hold it: later than now only if a mining reward became younger."""

    sort_key: int
    """Its place among chunks while it is alone; see `clusters.sort_key`."""

    outputs: tuple[Output, ...] = ()
    """Under whose owners it is listed; none where they are many: see `pool_owners`."""

    @property
    def members(self) -> tuple[Pooled, ...]:
        return (self,)

    @property
    def transaction(self) -> Transaction:
        """The decoded transaction, made anew at each look."""
        return decode_transaction(self.raw)


class DropCode(enum.StrEnum):
    """Why a transaction that waited waits no more. The values are stable.

    expired    it waited longer than the pool's limit
    evicted    the pool was full, and others pay more; or a reorganisation joined too many relatives
    replaced   a later transaction spends the same coin and pays more
    conflict   a block spent its coin in another transaction
    immature   a reorganisation made the mining reward that it spends too young
    missing    a reorganisation took the coin away that it spends

    What goes because it spends an output of such a transaction has the same code.
    """

    EXPIRED = "expired"
    EVICTED = "evicted"
    REPLACED = "replaced"
    CONFLICT = "conflict"
    IMMATURE = "immature"
    MISSING = "missing"


class Dropped(msgspec.Struct, frozen=True):
    """A transaction that no longer waits though no block holds it."""

    tx_id: TxId
    code: DropCode
    detail: str
    """For people: which transaction is to blame, or which rule."""


class Accepted(msgspec.Struct, frozen=True):
    """The transaction waits now, or would, in a dry run."""

    tx_id: TxId
    fee: Amount
    replaced: tuple[Dropped, ...] = ()
    evicted: tuple[Dropped, ...] = ()


class Rejected(msgspec.Struct, frozen=True):
    """The transaction does not wait, and nothing else changed."""

    tx_id: TxId
    error: RuleError


class Position(msgspec.Struct, frozen=True):
    """How far a waiting transaction is from its block."""

    bytes_ahead: int
    blocks: int
    """1 for the next block, if blocks are full and nothing better arrives."""


class FeeBucket(msgspec.Struct, frozen=True):
    """What waits at one level of fees, from `least_per_kb` up to the next bucket's."""

    least_per_kb: int
    count: int
    bytes: int


class ProjectedBlock(msgspec.Struct, frozen=True):
    """A block to come, if nothing better arrives. Fee rates are base units per 1,000 bytes."""

    count: int
    bytes: int
    fees: int
    highest_per_kb: int
    lowest_per_kb: int
