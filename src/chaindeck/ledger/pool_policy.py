"""Which of the valid transactions a pool wants: fees, families, replacements.

Each check looks at the contents and raises a `PoolError`, or returns what follows; none changes
anything. Fee rates are compared as products of integers, never as quotients.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet

import msgspec

from chaindeck.ledger.clusters import AnyChunk
from chaindeck.ledger.errors import (
    ClusterTooLarge,
    FeeTooLow,
    ReplacementFee,
    ReplacementFeeRate,
    ReplacementSpendsReplaced,
    ReplacementTooBroad,
    TooManyAncestors,
    TooManyDescendants,
)
from chaindeck.ledger.limits import (
    POOL_FLOOR_FULLNESS_PERMILLE,
    POOL_FLOOR_HALF_LIFE_MS,
    POOL_FLOOR_STEP_PER_KB,
)
from chaindeck.ledger.pool_contents import PoolContents
from chaindeck.ledger.pool_plan import Candidate
from chaindeck.ledger.pool_types import Pooled, PoolLimits
from chaindeck.ledger.types import TxId


class Floor(msgspec.Struct, frozen=True):
    """The fee that newcomers must pay after others were given up, and since when."""

    per_kb: int = 0
    since_ms: int = 0

    def at(self, now_ms: int) -> int:
        """Return what is left of it: half after each half-life, a straight line in between.

        Below half a step it is gone, or it would keep what pays nothing out for hours.
        """
        waited_ms = max(0, now_ms - self.since_ms)
        halvings, rest_ms = divmod(waited_ms, POOL_FLOOR_HALF_LIFE_MS)
        twice_ms = 2 * POOL_FLOOR_HALF_LIFE_MS
        left = (self.per_kb * (twice_ms - rest_ms) // twice_ms) >> min(halvings, 64)
        return left if 2 * left >= POOL_FLOOR_STEP_PER_KB else 0

    def above(self, chunk: AnyChunk, now_ms: int) -> Floor:
        """Return the floor after a chunk was given up: a step above what it paid."""
        per_kb = chunk.fee * 1000 // chunk.size + POOL_FLOOR_STEP_PER_KB
        return Floor(max(per_kb, self.at(now_ms)), now_ms)


def is_crowded(contents: PoolContents, limits: PoolLimits) -> bool:
    """Whether enough waits for the floor to be in force."""
    return (
        contents.total_bytes * 1000 > limits.max_bytes * POOL_FLOOR_FULLNESS_PERMILLE
        or len(contents) * 1000 > limits.max_transactions * POOL_FLOOR_FULLNESS_PERMILLE
    )


def is_over(contents: PoolContents, limits: PoolLimits) -> bool:
    """Whether more waits than may."""
    return contents.total_bytes > limits.max_bytes or len(contents) > limits.max_transactions


def check_floor(candidate: Candidate, floor_per_kb: int) -> None:
    """Raise if the transaction pays less than the floor for its own bytes."""
    size = candidate.transaction.size
    if candidate.fee * 1000 < floor_per_kb * size:
        raise FeeTooLow(fee_per_kb=candidate.fee * 1000 // size, floor_per_kb=floor_per_kb)


def check_replacement(
    contents: PoolContents, candidate: Candidate, limits: PoolLimits
) -> list[Pooled]:
    """Return what goes if the candidate comes: who spends its coins, and what depends on them.

    To be worth the room and the relay of both, it must pay a higher rate than each one whose coin
    it takes, and on the whole more than everything that goes, by a step for its own bytes.
    """
    direct = _conflicts(contents, candidate)
    if not direct:
        return []
    fee, size = candidate.fee, candidate.transaction.size
    for rival in direct:
        if fee * rival.size <= rival.fee * size:
            raise ReplacementFeeRate(replaced=rival.id.hex())
    going = contents.descendants(rival.id for rival in direct)
    if len(going) > limits.max_replaced:
        raise ReplacementTooBroad(count=len(going), limit=limits.max_replaced)
    _check_independent(contents, candidate, {entry.id for entry in going})
    relay_fee = -(-POOL_FLOOR_STEP_PER_KB * size // 1000)
    needed = sum(entry.fee for entry in going) + relay_fee
    if fee < needed:
        raise ReplacementFee(fee=fee, needed=needed)
    return going


def check_family(
    contents: PoolContents, parents: Sequence[TxId], going: Iterable[Pooled], limits: PoolLimits
) -> None:
    """Raise if a child of these waiting transactions makes any family too large.

    What the child would replace does not count. If its going would split a cluster, the parts are
    still counted together: who is that close to the limit can wait for a block.
    """
    gone = {entry.id for entry in going}
    ancestors = contents.ancestors(parents)
    count = len(ancestors) + 1
    if count > limits.max_ancestors:
        raise TooManyAncestors(count=count, limit=limits.max_ancestors)
    for ancestor in ancestors:
        count = _count_staying(contents.descendants([ancestor.id]), gone) + 1
        if count > limits.max_descendants:
            raise TooManyDescendants(
                count=count, ancestor=ancestor.id.hex(), limit=limits.max_descendants
            )
    count = _count_staying(kindred(contents, parents), gone) + 1
    if count > limits.max_cluster:
        raise ClusterTooLarge(count=count, limit=limits.max_cluster)


def kindred(contents: PoolContents, relatives: Iterable[TxId]) -> list[Pooled]:
    """Return every member of the clusters of these waiting transactions."""
    members: dict[TxId, Pooled] = {}
    for tx_id in relatives:
        cluster = contents.cluster(tx_id)
        lone = contents.get(tx_id)
        assert lone is not None, "relatives wait"
        for member in (lone,) if cluster is None else cluster.members:
            members[member.id] = member
    return list(members.values())


def _count_staying(entries: Iterable[Pooled], gone: AbstractSet[TxId]) -> int:
    return sum(1 for entry in entries if entry.id not in gone)


def _conflicts(contents: PoolContents, candidate: Candidate) -> list[Pooled]:
    """Return the waiting transactions that spend a coin of the candidate, in its order."""
    rivals: dict[TxId, Pooled] = {}
    for outpoint in candidate.outpoints:
        rival = contents.spender(outpoint)
        if rival is not None:
            rivals[rival.id] = rival
    return list(rivals.values())


def _check_independent(
    contents: PoolContents, candidate: Candidate, going: AbstractSet[TxId]
) -> None:
    for ancestor in contents.ancestors(parent for _, parent in candidate.parents):
        if ancestor.id in going:
            raise ReplacementSpendsReplaced(replaced=ancestor.id.hex())
