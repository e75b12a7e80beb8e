"""The memory pool as plainly as it can be said: sets, fractions, everything computed anew.

The slow twin of `pool`, `pool_policy` and `clusters`. It shares no code with them but the errors'
codes and the limits, and takes only correctly signed transactions.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from chaindeck.ledger.coins import decode_coin
from chaindeck.ledger.limits import POOL_FLOOR_STEP_PER_KB
from chaindeck.ledger.pool_types import PoolLimits
from chaindeck.ledger.types import ZERO_HASH, Payment, Transaction, TxId
from tests.ledger.forge import Coins


@dataclass(frozen=True)
class Waiter:
    """One waiting transaction."""

    transaction: Transaction
    fee: int
    arrived_ms: int
    sequence: int
    matures_at: int

    @property
    def size(self) -> int:
        return len(self.transaction.raw)


Ids = frozenset[TxId]
Group = list[TxId]


class NaivePool:
    """Answers as the pool must. Costs whatever it costs."""

    def __init__(self, limits: PoolLimits, maturity: int) -> None:
        self.limits = limits
        self.maturity = maturity
        self.waiting: dict[TxId, Waiter] = {}
        self.last = 0
        self.first = 0

    # Relatives

    def parents(self, transaction: Transaction) -> Ids:
        return frozenset(item.tx_id for item in transaction.inputs if item.tx_id in self.waiting)

    def ancestors(self, tx_id: TxId) -> Ids:
        above = self.parents(self.waiting[tx_id].transaction)
        return frozenset({tx_id}).union(*map(self.ancestors, above))

    def descendants(self, tx_id: TxId) -> Ids:
        return frozenset(other for other in self.waiting if tx_id in self.ancestors(other))

    def clusters(self) -> list[Ids]:
        left, found = set(self.waiting), []
        while left:
            cluster = {left.pop()}
            while True:
                kin = frozenset().union(
                    *map(self.ancestors, cluster), *map(self.descendants, cluster)
                )
                if kin <= cluster:
                    break
                cluster |= kin
            left -= cluster
            found.append(frozenset(cluster))
        return found

    # Order

    def rate(self, group: Iterable[TxId]) -> Fraction:
        waiters = [self.waiting[tx_id] for tx_id in group]
        return Fraction(sum(item.fee for item in waiters), sum(item.size for item in waiters))

    def sequence(self, tx_id: TxId) -> int:
        return self.waiting[tx_id].sequence

    def take_best(self, cluster: Ids) -> list[Group]:
        """Ancestor-greedy: the best transaction with all of its ancestors, again and again."""
        left, taken = set(cluster), []
        while left:
            best = max(
                left,
                key=lambda tx_id: (self.rate(self.ancestors(tx_id) & left), -self.sequence(tx_id)),
            )
            group = sorted(self.ancestors(best) & left, key=self.sequence)
            left -= set(group)
            taken.append(group)
        return taken

    def chunks_of(self, cluster: Ids) -> list[Group]:
        groups = self.take_best(cluster)
        while True:
            for place in range(len(groups) - 1):
                if self.rate(groups[place + 1]) > self.rate(groups[place]):
                    groups[place : place + 2] = [groups[place] + groups[place + 1]]
                    break
            else:
                return groups

    def chunks(self) -> list[Group]:
        """All chunks, best first."""
        keyed = []
        for cluster in self.clusters():
            latest = 0
            for place, chunk in enumerate(self.chunks_of(cluster)):
                latest = (
                    max(latest, *map(self.sequence, chunk))
                    if place
                    else max(map(self.sequence, chunk))
                )
                keyed.append(((-self.rate(chunk), latest, place), chunk))
        return [chunk for _, chunk in sorted(keyed)]

    # Coming

    def judge(
        self, transaction: Transaction, coins: Coins, next_height: int, floor_per_kb: int
    ) -> tuple[str | None, Waiter | None, Ids]:
        """Return the code of a refusal, or the waiter and what it replaces."""
        if transaction.inputs[0].tx_id == ZERO_HASH:
            return "pool-coinbase", None, frozenset()
        if transaction.id in self.waiting:
            return "pool-known", None, frozenset()
        held, matures_at = 0, 0
        for item in transaction.inputs:
            packed = coins.held.get(item.outpoint)
            if packed is not None:
                coin = decode_coin(packed)
                held += coin.amount
                if coin.is_reward:
                    matures_at = max(matures_at, coin.height + self.maturity)
            elif item.tx_id in self.waiting:
                outputs = self.waiting[item.tx_id].transaction.outputs
                if item.output_index >= len(outputs):
                    return "tx-input-missing", None, frozenset()
                output = outputs[item.output_index]
                if not isinstance(output, Payment):
                    return "tx-input-missing", None, frozenset()
                held += output.amount
            else:
                return "tx-input-missing", None, frozenset()
        if matures_at > next_height:
            return "tx-immature", None, frozenset()
        paid = sum(item.amount for item in transaction.outputs if isinstance(item, Payment))
        self.last += 1
        waiter = Waiter(transaction, held - paid, 0, self.last, matures_at)
        if Fraction(waiter.fee * 1000, waiter.size) < floor_per_kb:
            return "pool-fee-low", None, frozenset()
        code, going = self.judge_replacement(waiter)
        return code or self.judge_family(waiter, going), waiter, going

    def judge_replacement(self, waiter: Waiter) -> tuple[str | None, Ids]:
        spent = {item.outpoint for item in waiter.transaction.inputs}
        direct = [
            tx_id
            for tx_id, other in self.waiting.items()
            if spent & {item.outpoint for item in other.transaction.inputs}
        ]
        going = frozenset[TxId]().union(*map(self.descendants, direct))
        if any(Fraction(waiter.fee, waiter.size) <= self.rate([rival]) for rival in direct):
            return "pool-replacement-fee-rate", going
        if len(going) > self.limits.max_replaced:
            return "pool-replacement-count", going
        above = frozenset[TxId]().union(*map(self.ancestors, self.parents(waiter.transaction)))
        if above & going:
            return "pool-replacement-parent", going
        relay = Fraction(POOL_FLOOR_STEP_PER_KB * waiter.size, 1000)
        if direct and waiter.fee < sum(self.waiting[tx_id].fee for tx_id in going) + relay:
            return "pool-replacement-fee", going
        return None, going

    def judge_family(self, waiter: Waiter, going: Ids) -> str | None:
        parents = self.parents(waiter.transaction)
        above = frozenset[TxId]().union(*map(self.ancestors, parents))
        if len(above) + 1 > self.limits.max_ancestors:
            return "pool-ancestors"
        if any(
            len(self.descendants(tx_id) - going) + 1 > self.limits.max_descendants
            for tx_id in above
        ):
            return "pool-descendants"
        kin = [cluster for cluster in self.clusters() if cluster & parents]
        if len(frozenset[TxId]().union(*kin) - going) + 1 > self.limits.max_cluster:
            return "pool-cluster"
        return None

    def accept(
        self,
        transaction: Transaction,
        coins: Coins,
        next_height: int,
        now_ms: int,
        floor_per_kb: int,
    ) -> str | None:
        """Let a transaction in, or return the code of the refusal."""
        code, waiter, going = self.judge(transaction, coins, next_height, floor_per_kb)
        if code is not None or waiter is None:
            return code
        before = dict(self.waiting)
        self.leave(going)
        self.waiting[transaction.id] = Waiter(
            transaction, waiter.fee, now_ms, waiter.sequence, waiter.matures_at
        )
        self.evict()
        if transaction.id not in self.waiting:
            self.waiting = before
            return "pool-full"
        return None

    # Going

    def leave(self, tx_ids: Iterable[TxId]) -> None:
        for tx_id in tx_ids:
            del self.waiting[tx_id]

    def leave_with_descendants(self, tx_ids: Iterable[TxId]) -> None:
        for tx_id in tx_ids:
            if tx_id in self.waiting:
                self.leave(self.descendants(tx_id))

    def evict(self) -> None:
        while (
            len(self.waiting) > self.limits.max_transactions
            or sum(item.size for item in self.waiting.values()) > self.limits.max_bytes
        ):
            self.leave(self.chunks()[-1])

    def expire(self, now_ms: int) -> None:
        old = [
            tx_id
            for tx_id, item in self.waiting.items()
            if now_ms - item.arrived_ms >= self.limits.expiry_ms
        ]
        self.leave_with_descendants(old)

    def block_connected(self, transactions: list[Transaction]) -> None:
        inside = {transaction.id for transaction in transactions}
        spent = {item.outpoint for transaction in transactions for item in transaction.inputs}
        self.waiting = {key: item for key, item in self.waiting.items() if key not in inside}
        self.leave_with_descendants(
            [
                tx_id
                for tx_id, item in self.waiting.items()
                if spent & {source.outpoint for source in item.transaction.inputs}
            ]
        )

    def block_disconnected(
        self, transactions: list[Transaction], coins: Coins, next_height: int, now_ms: int
    ) -> None:
        """Put a block's transactions first again, then let everybody prove that he may stay."""
        self.first -= len(transactions)
        returned = {}
        for sequence, transaction in enumerate(transactions[1:], self.first):
            returned[transaction.id] = Waiter(transaction, 0, now_ms, sequence, 0)
        self.waiting = {**returned, **self.waiting}
        for tx_id in sorted(self.waiting, key=self.sequence):
            if tx_id in self.waiting:
                self.reconsider(tx_id, coins, next_height, is_new=tx_id in returned)
        self.evict()

    def reconsider(self, tx_id: TxId, coins: Coins, next_height: int, *, is_new: bool) -> None:
        waiter = self.waiting.pop(tx_id)
        last = self.last
        code, fresh, _ = self.judge(waiter.transaction, coins, next_height, 0)
        self.last = last
        self.waiting[tx_id] = waiter
        if code in {"tx-input-missing", "tx-immature"}:
            self.leave_with_descendants([tx_id])
            return
        assert fresh is not None
        self.waiting[tx_id] = Waiter(
            waiter.transaction, fresh.fee, waiter.arrived_ms, waiter.sequence, fresh.matures_at
        )
        if is_new:
            (kin,) = [cluster for cluster in self.clusters() if tx_id in cluster]
            if len(kin) > self.limits.max_cluster:
                self.leave_with_descendants([tx_id])
