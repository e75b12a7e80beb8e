"""Clusters: waiting transactions that are connected by spending each other, in the order to mine.

A cluster keeps its members as a list of chunks: sets of transactions that belong in a block
together, each with at most the fee rate of the one before, parents always before their children.
All chunks of all clusters then form one global order, whose beginning is the next block and whose
end is what a full pool gives up first. That one order serves both is why chunks are worth their
trouble: packages ordered apart for mining and for eviction disagree, and a pool then gives up what
the next block would have taken.

The order within a cluster: take the transaction that has, together with its ancestors, the highest
fee rate; put them next; repeat. Then join neighbours while the later one pays the higher rate. It
depends on the members alone, not on how they arrived, so taking a change back restores it exactly.

This module knows no limit and no coin. Most transactions have no relatives waiting; those never
come here and are chunks by themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import msgspec

from chaindeck.ledger.pool_types import Pooled
from chaindeck.ledger.types import TxId

MAX_MEMBERS = 127
"""What the bits of a sort key can tell apart; a pool's limit must stay at or below it."""

_RATE_BITS = 48
_SEQUENCE_BITS = 57
_POSITION_BITS = 7
FIRST_SEQUENCE = 1 << _SEQUENCE_BITS - 1
"""In the middle, because what returns from a disconnected block goes before all that waits."""


class Chunk(msgspec.Struct, frozen=True, gc=False):
    """Transactions of one cluster that are mined or given up together, parents first.

    A value: a cluster that is ordered anew has equal chunks where nothing changed.
    """

    members: tuple[Pooled, ...]
    fee: int
    size: int
    signature_count: int
    sort_key: int

    @property
    def count(self) -> int:
        return len(self.members)


AnyChunk = Pooled | Chunk
"""A transaction without relatives is its own chunk."""


class Cluster(msgspec.Struct, frozen=True, eq=False, gc=False):
    """Two or more connected transactions. Never changed: another one takes its place."""

    members: tuple[Pooled, ...]
    """By sequence, so parents before children; positions below and bits count along it."""

    positions: dict[TxId, int]
    ancestors: list[int]
    """For each member the bits of itself and all that it depends on."""

    descendants: list[int]
    """For each member the bits of itself and all that depend on it."""

    chunks: tuple[Chunk, ...]

    def select(self, bits: int) -> list[Pooled]:
        """Return the members that these bits stand for, by sequence."""
        return [self.members[position] for position in _positions(bits)]

    def chunk_of(self, tx_id: TxId) -> Chunk:
        return next(
            chunk for chunk in self.chunks if any(member.id == tx_id for member in chunk.members)
        )


def fee_rate(fee: int, size: int) -> int:
    """Return an integer that orders fee rates exactly as the fractions `fee / size` are ordered.

    Two different fractions with sizes below 2**24 (127 transactions of 100,000 bytes) lie at least
    2**-48 apart, so scaled by 2**48 they stay apart when rounded down.
    """
    return (fee << _RATE_BITS) // size


def sort_key(rate: int, sequence: int, position: int = 0) -> int:
    """Return the key that puts chunks in order: best rate, then earliest, then position."""
    return (sequence << _POSITION_BITS | position) - (rate << _SEQUENCE_BITS + _POSITION_BITS)


def end_of_rate(rate: int) -> int:
    """Return the key that all chunks of at least this rate stand before, and no other does."""
    return sort_key(rate, 1 << _SEQUENCE_BITS)


def build_cluster(members: Iterable[Pooled]) -> Cluster:
    """Order connected transactions, at least two and at most `MAX_MEMBERS` of them."""
    ordered = tuple(sorted(members, key=_by_sequence))
    assert 1 < len(ordered) <= MAX_MEMBERS, "the pool's limits keep clusters small"
    positions = {member.id: position for position, member in enumerate(ordered)}
    ancestors = _find_ancestors(ordered, positions)
    descendants = _find_descendants(ancestors)
    groups = _linearise(ordered, ancestors, descendants)
    return Cluster(ordered, positions, ancestors, descendants, tuple(_build_chunks(groups)))


def split_connected(members: Sequence[Pooled]) -> list[list[Pooled]]:
    """Return the connected groups among transactions that are given by sequence, each so too."""
    group_of: dict[bytes, list[Pooled]] = {}
    for member in members:
        group = group_of[member.id] = [member]
        for outpoint in member.outpoints:
            joined = group_of.get(outpoint[:32])
            if joined is not None and joined is not group:
                joined += group
                group_of.update((moved.id, joined) for moved in group)
                group = joined
    groups = {id(group): group for group in group_of.values()}
    return [sorted(group, key=_by_sequence) for group in groups.values()]


def _by_sequence(member: Pooled) -> int:
    return member.sequence


def _find_ancestors(members: Sequence[Pooled], positions: dict[TxId, int]) -> list[int]:
    ancestors: list[int] = []
    for position, member in enumerate(members):
        bits = 1 << position
        for outpoint in member.outpoints:
            parent = positions.get(TxId(outpoint[:32]))
            if parent is not None:
                bits |= ancestors[parent]
        ancestors.append(bits)
    return ancestors


def _find_descendants(ancestors: Sequence[int]) -> list[int]:
    descendants = [0] * len(ancestors)
    for position, bits in enumerate(ancestors):
        for ancestor in _positions(bits):
            descendants[ancestor] |= 1 << position
    return descendants


def _positions(bits: int) -> Iterator[int]:
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest


def _linearise(
    members: Sequence[Pooled], ancestors: Sequence[int], descendants: Sequence[int]
) -> list[list[Pooled]]:
    """Return the members of each chunk in order."""
    rates = [fee_rate(member.fee, member.size) for member in members]
    # In the order of arrival nobody pays for a parent: chains of equal fees, or of none.
    if all(later <= earlier for earlier, later in pairwise(rates)):
        return [[member] for member in members]
    taken = [
        [members[position] for position in _positions(bits)]
        for bits in _take_best(members, ancestors, descendants)
    ]
    return _merge_rising(taken)


def _take_best(
    members: Sequence[Pooled], ancestors: Sequence[int], descendants: Sequence[int]
) -> Iterator[int]:
    """Yield the bits of the best transaction left with its ancestors left, until none is left.

    Fees and sizes of each member's ancestors are kept as sums and reduced by what is taken, which
    makes a cluster of n cost n * n small steps instead of n * n * n.
    """
    totals = [_total([members[place] for place in _positions(bits)]) for bits in ancestors]
    fees, sizes = [fee for fee, _ in totals], [size for _, size in totals]
    rates = [fee_rate(fee, size) for fee, size in zip(fees, sizes, strict=True)]
    left = (1 << len(members)) - 1
    while left:
        best = max(_positions(left), key=rates.__getitem__)
        bits = ancestors[best] & left
        left &= ~bits
        changed = 0
        for taken in _positions(bits):
            waiting = descendants[taken] & left
            changed |= waiting
            for place in _positions(waiting):
                fees[place] -= members[taken].fee
                sizes[place] -= members[taken].size
        for place in _positions(changed):
            rates[place] = fee_rate(fees[place], sizes[place])
        yield bits


def _merge_rising(groups: Iterable[list[Pooled]]) -> list[list[Pooled]]:
    """Join neighbours until no group pays a higher rate than the one before."""
    merged: list[tuple[int, int, list[Pooled]]] = []
    for group in groups:
        joined = group
        fee, size = _total(group)
        while merged and fee_rate(fee, size) > fee_rate(*merged[-1][:2]):
            before_fee, before_size, before = merged.pop()
            fee, size, joined = fee + before_fee, size + before_size, before + joined
        merged.append((fee, size, joined))
    return [group for _, _, group in merged]


def _build_chunks(groups: Iterable[list[Pooled]]) -> Iterator[Chunk]:
    """Make chunks whose sort keys rise: among equal rates a later one must not seem earlier."""
    latest = 0
    for position, group in enumerate(groups):
        fee, size = _total(group)
        latest = max(latest, *(member.sequence for member in group))
        yield Chunk(
            tuple(group),
            fee,
            size,
            sum(member.signature_count for member in group),
            sort_key(fee_rate(fee, size), latest, position),
        )


def _total(members: Iterable[Pooled]) -> tuple[int, int]:
    """Return fee and size of transactions together."""
    fee = size = 0
    for member in members:
        fee += member.fee
        size += member.size
    return fee, size
