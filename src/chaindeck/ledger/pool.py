"""The memory pool: what waits for a block, who may come in, who has to go.

Start with `Pool.accept`; the other entrances are `block_connected`, `block_disconnected` and
`expire`. Acceptance has three steps, so that the long one can run elsewhere:

    plan = pool.prepare(transactions, view, next_height)        rules, coins
    recovered = recover_many(plan.digests, plan.signatures)     any thread, no pool
    results = pool.admit(plan, *recovered, now_ms)              owners, policy, change

The pool knows no clock, thread or peer. What waits and in which order is in `pool_contents` and
`clusters`, what is wanted in `pool_policy`. A transaction that is refused changes nothing, save
that being too poor for a full pool raises the floor for those that follow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from chaindeck.kernel import recover_many
from chaindeck.ledger.clusters import FIRST_SEQUENCE, MAX_MEMBERS, fee_rate, sort_key
from chaindeck.ledger.codec import block_transactions, decode_transaction
from chaindeck.ledger.errors import AlreadyPooled, ImmatureCoin, PoolFull, RuleError
from chaindeck.ledger.genesis import Network
from chaindeck.ledger.pool_contents import PoolContents, made_outpoints
from chaindeck.ledger.pool_owners import listed_outputs
from chaindeck.ledger.pool_plan import Candidate, Plan, Planner, missing_input, reject
from chaindeck.ledger.pool_policy import (
    Floor,
    check_family,
    check_floor,
    check_replacement,
    is_crowded,
    is_over,
    kindred,
)
from chaindeck.ledger.pool_types import (
    Accepted,
    DropCode,
    Dropped,
    Pooled,
    PoolLimits,
    Position,
    Rejected,
)
from chaindeck.ledger.ports import CoinView
from chaindeck.ledger.signatures import SignatureCache
from chaindeck.ledger.transactions import check_owners
from chaindeck.ledger.types import Block, FullId, Height, Transaction, TxId

Keep = Callable[[Sequence[Accepted | Rejected]], None]
"""Writes down who was let in, or raises."""

_DEFAULT_LIMITS = PoolLimits()


def keep_nowhere(_: Sequence[Accepted | Rejected]) -> None:
    """Keep a pool in memory alone."""


class Pool(PoolContents):
    """The transactions that wait on one network."""

    def __init__(
        self, network: Network, cache: SignatureCache, limits: PoolLimits = _DEFAULT_LIMITS
    ) -> None:
        super().__init__()
        assert limits.max_cluster <= MAX_MEMBERS
        self.limits = limits
        self.revision = 0
        """How many blocks have come and gone; a plan from before is stale."""
        self._network = network
        self._cache = cache
        self._planner = Planner(self, network, cache)
        self._floor = Floor()
        self._next_sequence = FIRST_SEQUENCE
        self._first_sequence = FIRST_SEQUENCE

    def accept(
        self,
        transactions: Sequence[Transaction],
        view: CoinView,
        next_height: Height,
        now_ms: int,
        *,
        threads: int = 2,
        dry_run: bool = False,
    ) -> list[Accepted | Rejected]:
        """Prepare, recover and admit at once; see `admit`."""
        plan = self.prepare(transactions, view, next_height)
        recovered = recover_many(plan.digests, plan.signatures, threads)
        return self.admit(plan, *recovered, now_ms, dry_run=dry_run)

    def prepare(
        self, transactions: Sequence[Transaction], view: CoinView, next_height: Height
    ) -> Plan:
        """Check all but signatures and policy. Hand the plan's signatures to `recover_many`."""
        return self._planner.plan(transactions, view, next_height, self.revision)

    def renew(self, plan: Plan, view: CoinView, next_height: Height) -> Plan:
        """Bring a plan up to date whose revision is no longer the pool's."""
        return self._planner.renew(plan, view, next_height, self.revision)

    def admit(
        self,
        plan: Plan,
        key_hashes: bytes,
        statuses: bytes,
        now_ms: int,
        *,
        arrived_ms: Sequence[int] | None = None,
        keep: Keep = keep_nowhere,
        dry_run: bool = False,
    ) -> list[Accepted | Rejected]:
        """Let in what is signed by the owners and wanted; return what became of each, in order.

        `key_hashes` and `statuses` are the kernel's answer to the plan. `arrived_ms` restores the
        times of a dump. `keep` is told the results before anybody else is; what it raises is raised
        here, and nobody was let in. A dry run tells the same and leaves everything as it was.
        """
        assert plan.revision == self.revision, "renew a plan when a block has come or gone"
        assert 65 * len(statuses) == len(plan.signatures)
        before = self._floor, self._next_sequence
        admission = _Admission(key_hashes, statuses, now_ms)
        results: list[Accepted | Rejected] = []
        for position, item in enumerate(plan.items):
            arrived = now_ms if arrived_ms is None else arrived_ms[position]
            results.append(
                item if isinstance(item, Rejected) else self._try(item, arrived, admission)
            )
        if dry_run:
            self._take_back(admission, before)
            return results
        try:
            keep(results)
        except Exception:
            self._take_back(admission, before)
            raise
        self._cache.add(admission.signed)
        return results

    def block_connected(self, block: Block) -> list[Dropped]:
        """Take out what a valid block holds or contradicts; return the latter.

        It wants the block rather than its spent coins: a coin that the block itself made and spent
        is not among those, yet somebody here may have meant to spend it, and the owner who lost
        wants to know to which transaction. Those that waited here are not even decoded for it.
        """
        self.revision += 1
        ids = [TxId(tx_id) for tx_id in block.index.txids]
        confirmed = [self._entries[tx_id] for tx_id in ids if tx_id in self._entries]
        if len(confirmed) == len(self._entries):
            # Nobody is left whom the rest of the block could contradict.
            self.remove(confirmed)
            return []
        offsets = block.index.offsets
        strangers = [
            decode_transaction(block.raw[offsets[place] : offsets[place + 1]])
            for place, tx_id in enumerate(ids)
            if tx_id not in self._entries
        ]
        self.remove(confirmed)
        return [lost for winner in strangers for lost in self._yield_to(winner)]

    def block_disconnected(
        self, block: Block, view: CoinView, next_height: Height, now_ms: int
    ) -> list[Dropped]:
        """Bring a block's transactions back, before all that waits; return who lost by it.

        `view` and `next_height` are those of the block's parent. Returned transactions owe no
        floor and may exceed the limits of families, but not that of clusters, and a full pool
        gives up its worst, be they new or old.
        """
        self.revision += 1
        coinbase, *returned = block_transactions(block)
        dropped = self._drop_spenders(coinbase, DropCode.MISSING)
        dropped += self._drop_immature(next_height)
        items = self._planner.plan(returned, view, next_height, self.revision).items
        self._first_sequence -= len(items)
        for sequence, (transaction, item) in enumerate(
            zip(returned, items, strict=True), self._first_sequence
        ):
            dropped += self._return(transaction, item, sequence, now_ms)
        return dropped + _describe(self._evict(now_ms), DropCode.EVICTED, "the pool is full")

    def expire(self, now_ms: int) -> list[Dropped]:
        """Drop what has waited too long, with all that depends on it. Looks at all that waits."""
        latest_ms = now_ms - self.limits.expiry_ms
        expired = [entry for entry in self._entries.values() if entry.arrived_ms <= latest_ms]
        detail = f"waited for {self.limits.expiry_ms} ms"
        expired.sort(key=lambda entry: entry.sequence)
        return [lost for entry in expired for lost in self._drop(entry, DropCode.EXPIRED, detail)]

    def floor_per_kb(self, now_ms: int) -> int:
        """Return the fee for 1,000 bytes that a newcomer must pay at the moment."""
        least = self.limits.min_fee_per_kb
        return max(least, self._floor.at(now_ms)) if is_crowded(self, self.limits) else least

    def position(self, tx_id: TxId) -> Position | None:
        """Return how far a waiting transaction is from its block, None if it does not wait."""
        entry = self.get(tx_id)
        if entry is None:
            return None
        ahead = self.bytes_ahead(entry)
        last_byte = ahead + entry.size - 1
        return Position(ahead, 1 + last_byte // self._network.genesis.max_block_bytes)

    def _try(self, item: Candidate, arrived_ms: int, admission: _Admission) -> Accepted | Rejected:
        try:
            return self._admit(item, arrived_ms, admission)
        except RuleError as error:
            return reject(item.transaction, error)

    def _admit(self, item: Candidate, arrived_ms: int, admission: _Admission) -> Accepted:
        self._check_current(item)
        admission.check_signed(item)
        check_floor(item, self.floor_per_kb(admission.now_ms))
        replaced = check_replacement(self, item, self.limits)
        parents = [parent for _, parent in item.parents]
        if parents:
            check_family(self, parents, replaced, self.limits)
        self.remove(replaced)
        entry = _build_entry(item, self._next_sequence, arrived_ms)
        self.add(entry, parents)
        evicted = self._evict(admission.now_ms)
        if entry.id not in self._entries:
            self.restore([*replaced, *(other for other in evicted if other is not entry)])
            raise PoolFull
        self._next_sequence += 1
        admission.note(entry, [*replaced, *evicted])
        if not replaced and not evicted:
            return Accepted(entry.id, entry.fee)
        return Accepted(
            entry.id,
            entry.fee,
            tuple(_describe(replaced, DropCode.REPLACED, f"replaced by {entry.id.hex()}")),
            tuple(_describe(evicted, DropCode.EVICTED, "the pool is full")),
        )

    def _take_back(self, admission: _Admission, before: tuple[Floor, int]) -> None:
        self._floor, self._next_sequence = before
        admission.undo(self)

    def _check_current(self, item: Candidate) -> None:
        """Raise if what others did since the plan was made leaves no place for the candidate."""
        if item.transaction.id in self._entries:
            raise AlreadyPooled
        for position, parent in item.parents:
            if parent not in self._entries:
                raise missing_input(position)

    def _evict(self, now_ms: int) -> list[Pooled]:
        """Give up the worst chunks until all fits, and raise the floor above them."""
        evicted: list[Pooled] = []
        while is_over(self, self.limits):
            worst = self.worst_chunk()
            self._floor = self._floor.above(worst, now_ms)
            self.remove(worst.members)
            evicted += worst.members
        return evicted

    def _return(
        self, transaction: Transaction, item: Candidate | Rejected, sequence: int, now_ms: int
    ) -> list[Dropped]:
        """Let one transaction of a disconnected block wait again, or drop all that needs it."""
        if isinstance(item, Candidate):
            try:
                self._check_current(item)
            except RuleError as error:
                item = reject(transaction, error)
        if isinstance(item, Rejected):
            return self._refuse(transaction, item.error)
        lost = self._yield_to(transaction)
        entry = _build_entry(item, sequence, now_ms)
        relatives = self.relatives(entry)
        if len(kindred(self, relatives)) >= self.limits.max_cluster:
            detail = "too many relatives wait"
            own = Dropped(transaction.id, DropCode.EVICTED, detail)
            return [*lost, own, *self._drop_spenders(transaction, DropCode.EVICTED)]
        self.add(entry, relatives)
        return lost

    def _refuse(self, transaction: Transaction, error: RuleError) -> list[Dropped]:
        if isinstance(error, AlreadyPooled):
            return []
        code = DropCode.IMMATURE if isinstance(error, ImmatureCoin) else DropCode.MISSING
        own = Dropped(transaction.id, code, str(error))
        return [own, *self._drop_spenders(transaction, code)]

    def _yield_to(self, winner: Transaction) -> list[Dropped]:
        """Drop what spends the same coins as a transaction that a block holds or held."""
        detail = f"{winner.id.hex()} spends the same coin"
        losers = [self.spender(item.outpoint) for item in winner.inputs]
        return self._drop_all(losers, DropCode.CONFLICT, detail)

    def _drop_spenders(self, maker: Transaction, code: DropCode) -> list[Dropped]:
        detail = f"spends an output of {maker.id.hex()}, which is gone"
        spenders = [self.spender(outpoint) for outpoint in made_outpoints(maker)]
        return self._drop_all(spenders, code, detail)

    def _drop_immature(self, next_height: Height) -> list[Dropped]:
        young = [entry for entry in self._entries.values() if entry.matures_at > next_height]
        young.sort(key=lambda entry: entry.sequence)
        return self._drop_all(young, DropCode.IMMATURE, "spends a mining reward that is too young")

    def _drop_all(
        self, entries: Iterable[Pooled | None], code: DropCode, detail: str
    ) -> list[Dropped]:
        """Drop those that still wait, with all that depends on them."""
        return [
            lost
            for entry in entries
            if entry is not None and entry.id in self._entries
            for lost in self._drop(entry, code, detail)
        ]

    def _drop(self, entry: Pooled, code: DropCode, detail: str) -> list[Dropped]:
        if entry.id not in self._entries:
            return []
        going = self.descendants([entry.id])
        self.remove(going)
        return [Dropped(entry.id, code, detail), *_describe(going[1:], code, _depends_on(entry))]


class _Admission:
    """One call of `admit`: what the kernel said, who proved to be signed, how to take it back."""

    def __init__(self, key_hashes: bytes, statuses: bytes, now_ms: int) -> None:
        self._key_hashes = key_hashes
        self._statuses = statuses
        self.now_ms = now_ms
        self.signed: list[FullId] = []
        self._trail: list[tuple[Pooled, list[Pooled]]] = []

    def check_signed(self, item: Candidate) -> None:
        """Raise unless the owners signed. What the plan does not list is known to be good."""
        if not item.signature_count:
            return
        first, end = item.first_signature, item.first_signature + item.signature_count
        key_hashes, statuses = self._key_hashes[20 * first : 20 * end], self._statuses[first:end]
        check_owners(item.transaction, item.coins, key_hashes, statuses)
        self.signed.append(item.transaction.full_id)

    def note(self, entry: Pooled, gone: list[Pooled]) -> None:
        """Remember one change: who came, and who went for it."""
        self._trail.append((entry, gone))

    def undo(self, pool: Pool) -> None:
        """Take all changes back, the last first."""
        for entry, gone in reversed(self._trail):
            pool.remove([entry])
            pool.restore(gone)


def _build_entry(item: Candidate, sequence: int, arrived_ms: int) -> Pooled:
    transaction = item.transaction
    size = len(transaction.raw)
    return Pooled(
        transaction.id,
        transaction.full_id,
        transaction.raw,
        size,
        transaction.signature_count,
        item.outpoints,
        item.fee,
        arrived_ms,
        sequence,
        item.matures_at,
        sort_key(fee_rate(item.fee, size), sequence),
        listed_outputs(transaction),
    )


def _describe(entries: Iterable[Pooled], code: DropCode, detail: str) -> list[Dropped]:
    return [Dropped(entry.id, code, detail) for entry in entries]


def _depends_on(entry: Pooled) -> str:
    return f"depends on {entry.id.hex()}, which went"
