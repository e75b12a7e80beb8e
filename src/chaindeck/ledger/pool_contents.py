"""What waits, held so that every question about it is quick: by id, by coin, by kin, in order.

It keeps its own structure consistent and knows no policy: whoever adds a transaction has made sure
that its coins exist, that nobody else here spends them and that its cluster stays small. `pool`
does that. Nothing here depends on the order in which dictionaries were filled, so that taking a
transaction out and putting it back leaves no trace.

    entries     id -> transaction
    spenders    coin -> the one waiting transaction that spends it
    clusters    id -> cluster, for those that have relatives here
    order       all chunks, best first: `clusters` says what that means
    listings    the same transactions by age or size, kept from the first time that anybody asks
    owners      owner -> the transactions that pay it: `pool_owners`
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice, takewhile
from operator import attrgetter
from typing import Any

from sortedcontainers import SortedKeyList

from chaindeck.kernel import hash256
from chaindeck.ledger.clusters import (
    MAX_MEMBERS,
    AnyChunk,
    Chunk,
    Cluster,
    build_cluster,
    end_of_rate,
    fee_rate,
    split_connected,
)
from chaindeck.ledger.limits import POOL_HISTOGRAM_PER_KB
from chaindeck.ledger.pool_owners import PoolOwners
from chaindeck.ledger.pool_types import FeeBucket, Pooled, ProjectedBlock
from chaindeck.ledger.types import FullId, OutPoint, Payment, Transaction, TxId

_SORT_KEY = attrgetter("sort_key")
_BY_AGE = attrgetter("sequence")
_COUNT, _SIZE, _FEE = attrgetter("count"), attrgetter("size"), attrgetter("fee")


class PoolContents:
    """The waiting transactions and every order they are looked at in."""

    def __init__(self) -> None:
        self.total_bytes = 0
        self._entries: dict[TxId, Pooled] = {}
        self._by_full_id: dict[FullId, Pooled] = {}
        self._spenders: dict[OutPoint, Pooled] = {}
        self._clusters: dict[TxId, Cluster] = {}
        self._order = SortedKeyList(key=_SORT_KEY)
        self._listings: dict[Callable[[Pooled], int], Any] = {}
        self.owners = PoolOwners()

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, tx_id: object) -> bool:
        return tx_id in self._entries

    def get(self, tx_id: TxId) -> Pooled | None:
        return self._entries.get(tx_id)

    def find(self, full_id: FullId) -> Pooled | None:
        """Return the waiting transaction with exactly these signatures."""
        return self._by_full_id.get(full_id)

    def full_ids(self) -> list[FullId]:
        """Return what all waiting transactions are announced by."""
        return list(self._by_full_id)

    def spender(self, outpoint: OutPoint) -> Pooled | None:
        """Return the waiting transaction that spends this coin."""
        return self._spenders.get(outpoint)

    def coin(self, outpoint: OutPoint) -> Payment | None:
        """Return what an output of a waiting transaction pays, whether or not it is spent here."""
        maker = self._entries.get(TxId(outpoint[:32]))
        return None if maker is None else payment_at(maker.transaction, outpoint)

    def chunks(self) -> Iterator[AnyChunk]:
        """Yield all chunks, best first. The contents must not change meanwhile."""
        return iter(self._order)

    def worst_chunk(self) -> AnyChunk:
        """Return the last chunk. Nothing that stays depends on it: it ends its cluster."""
        worst: AnyChunk = self._order[-1]
        return worst

    def cluster(self, tx_id: TxId) -> Cluster | None:
        """Return the cluster of a waiting transaction, None if it has no relatives here."""
        return self._clusters.get(tx_id)

    def ancestors(self, parents: Iterable[TxId]) -> list[Pooled]:
        """Return these waiting transactions and all that they depend on, by sequence."""
        found: dict[TxId, Pooled] = {}
        for parent in parents:
            cluster = self._clusters.get(parent)
            kin = [self._entries[parent]]
            if cluster is not None:
                kin = cluster.select(cluster.ancestors[cluster.positions[parent]])
            found.update((member.id, member) for member in kin)
        return sorted(found.values(), key=_BY_AGE)

    def descendants(self, tx_ids: Iterable[TxId]) -> list[Pooled]:
        """Return these waiting transactions and all that depend on them, by sequence."""
        found: dict[TxId, Pooled] = {}
        for tx_id in tx_ids:
            cluster = self._clusters.get(tx_id)
            kin = [self._entries[tx_id]]
            if cluster is not None:
                kin = cluster.select(cluster.descendants[cluster.positions[tx_id]])
            found.update((member.id, member) for member in kin)
        return sorted(found.values(), key=_BY_AGE)

    def relatives(self, entry: Pooled) -> list[TxId]:
        """Return the waiting parents and children of a transaction that may not wait yet itself."""
        parents = [TxId(outpoint[:32]) for outpoint in entry.outpoints]
        children = [
            self._spenders[outpoint].id
            for outpoint in made_outpoints(entry.transaction)
            if outpoint in self._spenders
        ]
        return [*(parent for parent in parents if parent in self._entries), *children]

    def add(self, entry: Pooled, relatives: Sequence[TxId]) -> None:
        """Let a transaction wait. `relatives` are its parents and children among those waiting."""
        self._entries[entry.id] = entry
        self._by_full_id[entry.full_id] = entry
        for outpoint in entry.outpoints:
            self._spenders[outpoint] = entry
        self.owners.add(entry)
        self.total_bytes += entry.size
        for listing in self._listings.values():
            listing.add(entry)
        if relatives:
            self._join(entry, relatives)
        else:
            self._order.add(entry)

    def restore(self, entries: Iterable[Pooled]) -> None:
        """Put back what was removed."""
        for entry in sorted(entries, key=_BY_AGE):
            self.add(entry, self.relatives(entry))

    def remove(self, entries: Iterable[Pooled]) -> None:
        """Take transactions out. What depends on them goes too, or finds its coin elsewhere."""
        torn: dict[int, Cluster] = {}
        alone: list[Pooled] = []
        for entry in entries:
            del self._entries[entry.id]
            del self._by_full_id[entry.full_id]
            for outpoint in entry.outpoints:
                del self._spenders[outpoint]
            self.owners.remove(entry)
            self.total_bytes -= entry.size
            for listing in self._listings.values():
                listing.remove(entry)
            cluster = self._clusters.pop(entry.id, None)
            if cluster is None:
                alone.append(entry)
            else:
                torn[id(cluster)] = cluster
        if alone:
            self._take_from_order(alone)
        for cluster in torn.values():
            self._mend(cluster)

    def by_age(self, after: int | None = None) -> Iterator[tuple[int, Pooled]]:
        """Yield cursor and transaction, the oldest first, from behind the cursor given.

        A cursor stays good while transactions come and go; an iterator does not.
        """
        return self._list(_BY_AGE, after)

    def by_size(self, after: int | None = None) -> Iterator[tuple[int, Pooled]]:
        """Like `by_age`, the largest first."""
        return self._list(_by_size, after)

    def by_fee(self, after: int | None = None) -> Iterator[tuple[int, Pooled]]:
        """Like `by_age`, in the order of mining, which is that of fee rates seen with relatives."""
        first = None if after is None else after // (MAX_MEMBERS + 1)
        for chunk in self._order.irange_key(min_key=first):
            for place, member in enumerate(chunk.members):
                cursor = chunk.sort_key * (MAX_MEMBERS + 1) + place
                if after is None or cursor > after:
                    yield cursor, member

    def bytes_ahead(self, entry: Pooled) -> int:
        """Return the bytes that would be mined before a waiting transaction. Adds them all up."""
        cluster = self._clusters.get(entry.id)
        chunk = entry if cluster is None else cluster.chunk_of(entry.id)
        rank = self._order.bisect_key_left(chunk.sort_key)
        before: int = sum(map(_SIZE, islice(self._order, rank)))
        for member in chunk.members[: chunk.members.index(entry)]:
            before += member.size
        return before

    def fee_histogram(self) -> list[FeeBucket]:
        """Return what waits at each level of fees seen with relatives, the highest level first."""
        buckets, first = [], 0
        for least in POOL_HISTOGRAM_PER_KB:
            end = self._order.bisect_key_left(end_of_rate(fee_rate(least, 1000)))
            count = sum(map(_COUNT, self._order.islice(first, end)))
            size = sum(map(_SIZE, self._order.islice(first, end)))
            buckets.append(FeeBucket(least, count, size))
            first = end
        return buckets

    def projected_blocks(
        self, max_bytes: int, max_signatures: int, count: int
    ) -> list[ProjectedBlock]:
        """Return up to `count` blocks as they would be mined in order, each filled without gaps."""
        assert count > 0
        blocks: list[ProjectedBlock] = []
        first = size = signatures = 0
        for place, chunk in enumerate(self._order):
            size += chunk.size
            signatures += chunk.signature_count
            if place > first and (size > max_bytes or signatures > max_signatures):
                blocks.append(self._project(first, place))
                if len(blocks) == count:
                    return blocks
                first, size, signatures = place, chunk.size, chunk.signature_count
        return [*blocks, self._project(first, len(self._order))] if self._order else blocks

    def digest(self) -> bytes:
        """Return one hash of all that waits, signatures included: equal for equal pools."""
        return hash256(b"".join(sorted(self._by_full_id)))

    def dump(self) -> Iterator[tuple[bytes, int]]:
        """Yield encoded transaction and time of arrival, parents before children."""
        for entry in sorted(self._entries.values(), key=_BY_AGE):
            yield entry.raw, entry.arrived_ms

    def _project(self, first: int, end: int) -> ProjectedBlock:
        chunks = list(self._order.islice(first, end))
        best, worst = chunks[0], chunks[-1]
        return ProjectedBlock(
            sum(map(_COUNT, chunks)),
            sum(map(_SIZE, chunks)),
            sum(map(_FEE, chunks)),
            best.fee * 1000 // best.size,
            worst.fee * 1000 // worst.size,
        )

    def _take_from_order(self, alone: Sequence[Pooled]) -> None:
        """Take out chunks of one. Those at the front, as a block takes them, go in one piece."""
        gone = {entry.sort_key for entry in alone}
        front = sum(1 for _ in takewhile(lambda chunk: chunk.sort_key in gone, self._order))
        last_key = self._order[front - 1].sort_key if front else None
        del self._order[:front]
        for entry in alone:
            if last_key is None or entry.sort_key > last_key:
                self._order.remove(entry)

    def _join(self, entry: Pooled, relatives: Iterable[TxId]) -> None:
        members = {entry.id: entry}
        old: dict[int, Chunk] = {}
        for tx_id in relatives:
            cluster = self._clusters.get(tx_id)
            if tx_id in members:
                continue
            if cluster is None:
                members[tx_id] = self._entries[tx_id]
                self._order.remove(members[tx_id])
            else:
                members.update((member.id, member) for member in cluster.members)
                old.update((chunk.sort_key, chunk) for chunk in cluster.chunks)
        self._install(build_cluster(members.values()), old)

    def _install(self, cluster: Cluster, old: dict[int, Chunk]) -> None:
        """Put a cluster's chunks in the place of old ones; most are the same, and stay."""
        for chunk in cluster.chunks:
            if old.get(chunk.sort_key) == chunk:
                del old[chunk.sort_key]
            else:
                self._order.add(chunk)
        for gone in old.values():
            self._order.remove(gone)
        self._clusters.update(dict.fromkeys(cluster.positions, cluster))

    def _mend(self, torn: Cluster) -> None:
        """Order again what is left of a cluster of which members were removed."""
        old = {chunk.sort_key: chunk for chunk in torn.chunks}
        left = [member for member in torn.members if member.id in self._entries]
        for group in split_connected(left):
            if len(group) == 1:
                del self._clusters[group[0].id]
                self._order.add(group[0])
            else:
                self._install(build_cluster(group), {})
        for gone in old.values():
            self._order.remove(gone)

    def _list(
        self, key: Callable[[Pooled], int], after: int | None
    ) -> Iterator[tuple[int, Pooled]]:
        if key not in self._listings:
            self._listings[key] = SortedKeyList(self._entries.values(), key=key)
        entries = self._listings[key].irange_key(min_key=after, inclusive=(False, True))
        return ((key(entry), entry) for entry in entries)


def payment_at(transaction: Transaction, outpoint: OutPoint) -> Payment | None:
    """Return the payment that a coin key names in its transaction, if there is one."""
    index = int.from_bytes(outpoint[32:], "big")
    if index >= len(transaction.outputs):
        return None
    output = transaction.outputs[index]
    return output if isinstance(output, Payment) else None


def made_outpoints(transaction: Transaction) -> list[OutPoint]:
    """Return the keys of all outputs, data included, which nobody can spend."""
    return [transaction.outpoint(index) for index in range(len(transaction.outputs))]


def _by_size(entry: Pooled) -> int:
    """Order by size downwards, then by age: sequences stay below 2**57."""
    return entry.sequence - (entry.size << 57)
