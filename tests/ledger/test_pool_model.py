"""Random lives of a small pool, held against the naive one after every step."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from chaindeck.ledger.codec import block_transactions, decode_transaction
from chaindeck.ledger.pool_owners import payments_to
from chaindeck.ledger.pool_types import Accepted, PoolLimits, Rejected
from chaindeck.ledger.templates import build_template
from chaindeck.ledger.types import OutPoint, Payment, Transaction, TxId
from tests.ledger.forge import ALICE, BOB, CAROL
from tests.ledger.naive_pool import NaivePool
from tests.ledger.waiting import UNSIGNED, Waiting

LIMITS = PoolLimits(
    max_bytes=2_400,
    max_transactions=12,
    expiry_ms=100_000,
    max_ancestors=5,
    max_descendants=6,
    max_cluster=8,
    max_replaced=4,
)
OTHER_SIGNATURE = bytes(64) + b"\x01"
SUBSIDY = 10_000
OWNERS = [key.key_hash for key in (ALICE, BOB, CAROL)]

picks = st.lists(st.integers(0, 10**6), min_size=1, max_size=3)
fees = st.one_of(st.just(0), st.integers(0, 1_500), st.integers(0, 10).map(lambda fee: fee * 150))


class PoolLife(RuleBasedStateMachine):
    """Pays, replaces, mines, reorganises and waits, at random."""

    def __init__(self) -> None:
        super().__init__()
        self.world = Waiting(LIMITS, subsidy=SUBSIDY)
        self.pool = self.world.pool
        self.naive = NaivePool(LIMITS, maturity=3)
        self.coins: dict[OutPoint, int] = {}
        self.made: list[Transaction] = []

    @initialize(amounts=st.lists(st.integers(50_000, 90_000), min_size=6, max_size=12))
    def grant(self, amounts: list[int]) -> None:
        for amount in amounts:
            self.coins[self.world.grant(amount)] = amount

    def payment(self, picked: list[int], fee: int, parts: int, size: int) -> Transaction:
        """Spend coins picked from all that ever were, so also spent ones and vanished ones."""
        known = list(self.coins)
        sources = list(dict.fromkeys(known[-1 - pick % len(known)] for pick in picked))
        total = sum(self.coins[source] for source in sources)
        payment = self.world.spend(
            sources,
            total - min(fee, total - parts),
            parts=parts,
            size=size or None,
            to=[ALICE.key_hash, *OWNERS[picked[0] % len(OWNERS) :]],
        )
        self.learn(payment)
        return payment

    def learn(self, payment: Transaction) -> None:
        self.made.append(payment)
        for index, output in enumerate(payment.outputs):
            if isinstance(output, Payment) and output.amount > 10 and output.key_hash == OWNERS[0]:
                self.coins[payment.outpoint(index)] = output.amount

    def submit(self, payments: list[Transaction]) -> None:
        """Try payments out together, which must change nothing, then hand them in one by one."""
        before = self.world.snapshot()
        tried = self.world.accept(*payments, dry_run=True)
        assert self.world.snapshot() == before
        gone: set[TxId] = set()
        for payment, foretold in zip(payments, tried, strict=True):
            result, code = self.hand_in(payment)
            assert code_of(result) == code
            # Where an input went missing within the batch, another fault may be named before it.
            if not gone & {item.tx_id for item in payment.inputs}:
                assert describe(foretold) == describe(result)
            if isinstance(foretold, Accepted):
                assert code is None
                gone |= {lost.tx_id for lost in (*foretold.replaced, *foretold.evicted)}
            else:
                assert code is not None
                gone.add(payment.id)

    def hand_in(self, payment: Transaction) -> tuple[Accepted | Rejected, str | None]:
        """Let a payment in, here and in the naive pool."""
        floor = self.pool.floor_per_kb(self.world.now_ms)
        (result,) = self.world.accept(payment)
        code = self.naive.accept(
            payment, self.world.forge.coins, self.world.next_height, self.world.now_ms, floor
        )
        return result, code

    @rule(
        picked=picks,
        fee=fees,
        parts=st.sampled_from([1, 2, 3, 4, 9]),
        size=st.sampled_from([0, 0, 400, 700]),
    )
    def pay(self, picked: list[int], fee: int, parts: int, size: int) -> None:
        self.submit([self.payment(picked, fee, parts, size)])

    @rule(drafts=st.lists(st.tuples(picks, fees, st.integers(1, 3)), min_size=2, max_size=4))
    def pay_in_a_batch(self, drafts: list[tuple[list[int], int, int]]) -> None:
        self.submit([self.payment(picked, fee, parts, 0) for picked, fee, parts in drafts])

    @precondition(lambda self: self.made)
    @rule(pick=st.integers(0, 10**6), resigned=st.booleans())
    def pay_again(self, pick: int, resigned: bool) -> None:
        payment = self.made[pick % len(self.made)]
        if resigned:
            payment = decode_transaction(payment.raw.replace(UNSIGNED, OTHER_SIGNATURE))
            self.world.forge.cache.add([payment.full_id])
        self.submit([payment])

    @rule(max_bytes=st.integers(1_000, 4_000), max_signatures=st.integers(0, 12))
    def mine_a_template(self, max_bytes: int, max_signatures: int) -> None:
        template = build_template(
            self.pool,
            self.world.forge.network,
            self.world.next_height,
            max_bytes=max_bytes,
            max_signatures=max_signatures,
        )
        assert template.size <= max_bytes
        assert template.signature_count <= max_signatures
        assert not self.world.mine_template(template)
        self.follow_block()

    @rule(drafts=st.lists(st.tuples(picks, fees), max_size=3))
    def somebody_else_mines(self, drafts: list[tuple[list[int], int]]) -> None:
        spent: set[OutPoint] = set()
        payments = []
        for picked, fee in drafts:
            payment = self.payment(picked, fee, 1, 0)
            sources = {item.outpoint for item in payment.inputs}
            code, _, _ = NaivePool(LIMITS, maturity=3).judge(
                payment, self.world.forge.coins, self.world.next_height, 0
            )
            if code is None and not sources & spent:
                spent |= sources
                payments.append(payment)
        self.world.mine(*payments)
        self.follow_block()

    def follow_block(self) -> None:
        transactions = list(block_transactions(self.world.blocks[-1]))
        self.learn(transactions[0])
        self.naive.block_connected(transactions)

    @precondition(lambda self: self.world.blocks)
    @rule()
    def lose_a_block(self) -> None:
        transactions = list(block_transactions(self.world.blocks[-1]))
        self.world.unmine()
        self.naive.block_disconnected(
            transactions, self.world.forge.coins, self.world.next_height, self.world.now_ms
        )

    @rule(waited_ms=st.sampled_from([1_000, 60_000, 100_000, 700_000]))
    def time_passes(self, waited_ms: int) -> None:
        self.world.now_ms += waited_ms
        self.pool.expire(self.world.now_ms)
        self.naive.expire(self.world.now_ms)

    @invariant()
    def the_same_waits_in_the_same_order(self) -> None:
        naive = [list(chunk) for chunk in self.naive.chunks()]
        assert [[member.id for member in chunk.members] for chunk in self.pool.chunks()] == naive
        for tx_id, waiter in self.naive.waiting.items():
            entry = self.pool.get(tx_id)
            assert entry is not None
            assert (entry.fee, entry.arrived_ms, entry.matures_at) == (
                waiter.fee,
                waiter.arrived_ms,
                waiter.matures_at,
            )

    @invariant()
    def caps_and_totals_hold(self) -> None:
        entries = [entry for _, entry in self.pool.by_age()]
        assert len(entries) == len(self.pool) <= LIMITS.max_transactions
        assert sum(entry.size for entry in entries) == self.pool.total_bytes <= LIMITS.max_bytes
        assert all(len(cluster) <= LIMITS.max_cluster for cluster in self.naive.clusters())

    @invariant()
    def every_coin_exists_and_is_spent_once(self) -> None:
        spent = [coin for _, entry in self.pool.by_age() for coin in entry.outpoints]
        assert len(spent) == len(set(spent)) == len(self.pool._spenders)
        for outpoint in spent:
            assert outpoint in self.world.forge.coins.held or self.pool.coin(outpoint)

    @invariant()
    def every_owner_finds_what_pays_him(self) -> None:
        """As a search of all that waits does, whether transactions have few outputs or many."""
        entries = [entry for _, entry in self.pool.by_age()]
        for owner in OWNERS:
            found = [*self.pool.owners.listed(owner), *self.pool.owners.unlisted()]
            paid = {key: item for entry in found for key, item in payments_to(entry, owner)}
            assert paid == {
                entry.transaction.outpoint(index): output
                for entry in entries
                for index, output in enumerate(entry.transaction.outputs)
                if isinstance(output, Payment) and output.key_hash == owner
            }
        assert len(self.pool) or not (self.pool.owners._payers or self.pool.owners._wide)

    @invariant()
    def orders_are_topological_and_rates_fall(self) -> None:
        seen: set[TxId] = set()
        last = None
        for chunk in self.pool.chunks():
            rate = Fraction(chunk.fee, chunk.size)
            assert last is None or rate <= last
            last = rate
            assert chunk.fee == sum(member.fee for member in chunk.members)
            assert chunk.size == sum(member.size for member in chunk.members)
            assert chunk.count == len(chunk.members)
            for member in chunk.members:
                assert not {coin[:32] for coin in member.outpoints} & set(self.pool._entries) - seen
                seen.add(member.id)

    @invariant()
    def a_template_of_everything_is_a_valid_block(self) -> None:
        template = build_template(self.pool, self.world.forge.network, self.world.next_height)
        assert len(template.members) == len(self.pool)
        payments = [member.transaction for member in template.members]
        change = self.world.forge.connect(self.world.forge.assemble(payments, fees=template.fees))
        assert change.fees == template.fees


def code_of(result: Accepted | Rejected) -> str | None:
    return None if isinstance(result, Accepted) else result.error.code


def describe(result: Accepted | Rejected) -> object:
    """What became of a transaction, comparable."""
    if isinstance(result, Accepted):
        return result
    return result.error.code, result.error.field, result.error.values


PoolLife.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
TestPoolLife = PoolLife.TestCase
