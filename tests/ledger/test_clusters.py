"""The order within clusters: never worse than ancestor-greedy, and exact in its comparisons."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaindeck.ledger.clusters import (
    FIRST_SEQUENCE,
    MAX_MEMBERS,
    build_cluster,
    end_of_rate,
    fee_rate,
    sort_key,
    split_connected,
)
from chaindeck.ledger.codec import build_transaction
from chaindeck.ledger.limits import MAX_AMOUNT, MAX_TRANSACTION_BYTES
from chaindeck.ledger.pool_types import Pooled, PoolLimits
from chaindeck.ledger.types import Amount, FullId, Height, OutPoint, TxId
from tests.ledger.naive_pool import NaivePool, Waiter


def name(number: int) -> TxId:
    return TxId(number.to_bytes(32, "big"))


def waiter(number: int, fee: int, size: int, parents: tuple[int, ...] = ()) -> Pooled:
    """A transaction that arrived as the `number`-th and spends these earlier ones."""
    outpoints = tuple(OutPoint(name(parent) + number.to_bytes(4, "big")) for parent in parents)
    return Pooled(
        name(number), FullId(name(number)), b"", size, 1, outpoints,
        Amount(fee), 0, FIRST_SEQUENCE + number, Height(0), 0,
    )  # fmt: skip


def groups_of(*members: Pooled) -> list[list[int]]:
    """The chunks of a cluster, as the numbers of their members."""
    return [
        [member.sequence - FIRST_SEQUENCE for member in chunk.members]
        for chunk in build_cluster(members).chunks
    ]


@st.composite
def families(draw: st.DrawFn) -> list[Pooled]:
    """Transactions that spend earlier ones at random, not all of them connected."""
    count = draw(st.integers(2, 8))
    return [
        waiter(
            number,
            draw(st.integers(0, 20)),
            draw(st.integers(1, 10)),
            tuple(sorted(draw(st.sets(st.integers(1, number - 1), max_size=2))))
            if number > 1
            else (),
        )
        for number in range(1, count + 1)
    ]


@st.composite
def clusters(draw: st.DrawFn) -> list[Pooled]:
    groups = split_connected(draw(families()))
    largest = max(groups, key=len)
    return largest if len(largest) > 1 else [waiter(1, 3, 2), waiter(2, 9, 3, (1,))]


class Scratch(NaivePool):
    """The naive pool over transactions that exist by name only."""

    def __init__(self, members: list[Pooled]) -> None:
        super().__init__(PoolLimits(), maturity=0)
        self.members = {member.id: member for member in members}
        unused = Waiter(build_transaction([], [], 0), 0, 0, 0, 0)
        self.waiting = dict.fromkeys(self.members, unused)

    def ancestors(self, tx_id: TxId) -> frozenset[TxId]:
        above = [TxId(outpoint[:32]) for outpoint in self.members[tx_id].outpoints]
        return frozenset({tx_id}).union(*map(self.ancestors, above))

    def rate(self, group) -> Fraction:
        members = [self.members[tx_id] for tx_id in group]
        return Fraction(sum(item.fee for item in members), sum(item.size for item in members))

    def sequence(self, tx_id: TxId) -> int:
        return self.members[tx_id].sequence


class TestFeeRate:
    @given(*[st.integers(0, MAX_AMOUNT), st.integers(1, MAX_MEMBERS * MAX_TRANSACTION_BYTES)] * 2)
    def test_orders_as_fractions_do(self, fee, size, other_fee, other_size) -> None:
        exact, other = Fraction(fee, size), Fraction(other_fee, other_size)
        rate, other_rate = fee_rate(fee, size), fee_rate(other_fee, other_size)
        assert (rate < other_rate, rate == other_rate) == (exact < other, exact == other)

    def test_tells_the_closest_rates_apart(self) -> None:
        size = MAX_MEMBERS * MAX_TRANSACTION_BYTES
        assert fee_rate(size - 1, size) < fee_rate(size, size)
        assert fee_rate(size - 2, size - 1) < fee_rate(size - 1, size)

    def test_key_puts_rate_before_age_and_age_before_position(self) -> None:
        first = FIRST_SEQUENCE
        keys = [
            sort_key(fee_rate(MAX_AMOUNT, 1), first + 9),
            sort_key(fee_rate(2, 100), first + 9, MAX_MEMBERS),
            sort_key(fee_rate(1, 100), 0),
            sort_key(fee_rate(1, 100), first),
            sort_key(fee_rate(1, 100), first, 1),
            sort_key(fee_rate(1, 100), first, MAX_MEMBERS),
            sort_key(fee_rate(1, 100), first + 1),
            sort_key(0, 0),
        ]
        assert keys == sorted(keys)

    def test_end_of_a_rate_lies_behind_its_last_and_before_the_next_worse(self) -> None:
        end = end_of_rate(fee_rate(1, 100))
        assert sort_key(fee_rate(1, 100), 2 * FIRST_SEQUENCE - 1, MAX_MEMBERS) < end
        assert end <= sort_key(fee_rate(1, 100) - 1, 0)


class TestOrder:
    def test_child_that_pays_takes_its_parent_along(self) -> None:
        assert groups_of(waiter(1, 0, 100), waiter(2, 500, 100, (1,))) == [[1, 2]]

    def test_child_that_pays_less_follows_later(self) -> None:
        assert groups_of(waiter(1, 500, 100), waiter(2, 10, 100, (1,))) == [[1], [2]]

    def test_equal_rates_stay_apart_in_the_order_of_arrival(self) -> None:
        chain = [waiter(1, 0, 100), waiter(2, 0, 90, (1,)), waiter(3, 0, 80, (2,))]
        assert groups_of(*chain) == [[1], [2], [3]]
        keys = [chunk.sort_key for chunk in build_cluster(chain).chunks]
        assert keys == sorted(set(keys))

    def test_later_one_of_equal_rate_never_seems_earlier(self) -> None:
        """The second child came before the third, yet its chunk of the same rate comes after."""
        parent, poor = waiter(1, 10, 100), waiter(2, 55, 100, (1,))
        rich = waiter(3, 100, 100, (1,))
        cluster = build_cluster([parent, poor, rich])
        assert groups_of(parent, poor, rich) == [[1, 3], [2]]
        keys = [chunk.sort_key for chunk in cluster.chunks]
        assert keys == sorted(set(keys))

    def test_best_sibling_pays_for_the_shared_parent(self) -> None:
        parent = waiter(1, 0, 100)
        siblings = [waiter(2, 300, 100, (1,)), waiter(3, 900, 100, (1,)), waiter(4, 0, 100, (1,))]
        assert groups_of(parent, *siblings) == [[1, 3], [2], [4]]

    def test_order_does_not_depend_on_the_order_of_asking(self) -> None:
        members = [waiter(1, 5, 10), waiter(2, 50, 10, (1,)), waiter(3, 70, 10, (1,))]
        assert build_cluster(members).chunks == build_cluster(members[::-1]).chunks

    @pytest.mark.parametrize("count", [2, MAX_MEMBERS])
    def test_smallest_and_largest_cluster_are_ordered(self, count: int) -> None:
        chain = [waiter(1, 0, 100)]
        chain += [waiter(number, number, 100, (number - 1,)) for number in range(2, count + 1)]
        assert groups_of(*chain) == [list(range(1, count + 1))]

    @pytest.mark.parametrize("count", [1, MAX_MEMBERS + 1])
    def test_other_sizes_are_a_mistake_of_the_caller(self, count: int) -> None:
        with pytest.raises(AssertionError):
            build_cluster([waiter(number, 0, 100) for number in range(1, count + 1)])

    @given(clusters())
    def test_is_that_of_the_naive_pool(self, members) -> None:
        expected = Scratch(members).chunks_of(frozenset(member.id for member in members))
        chunks = build_cluster(members).chunks
        assert [[member.id for member in chunk.members] for chunk in chunks] == expected

    @given(clusters())
    def test_collects_fees_nowhere_later_than_ancestor_greedy(self, members) -> None:
        """Drawn as fees over bytes, plain greedy lies on or below the chunks' line."""
        chunks = build_cluster(members).chunks
        by_id = {member.id: member for member in members}
        size = fee = 0
        for group in Scratch(members).take_best(frozenset(by_id)):
            size += sum(by_id[tx_id].size for tx_id in group)
            fee += sum(by_id[tx_id].fee for tx_id in group)
            assert fee <= fees_within(chunks, size)

    @given(clusters())
    def test_bits_stand_for_relatives(self, members) -> None:
        cluster = build_cluster(members)
        naive = Scratch(members)
        for member in members:
            place = cluster.positions[member.id]
            above = {kin.id for kin in cluster.select(cluster.ancestors[place])}
            below = {kin.id for kin in cluster.select(cluster.descendants[place])}
            assert above == naive.ancestors(member.id)
            assert below == {kin.id for kin in members if member.id in naive.ancestors(kin.id)}
            assert member in cluster.chunk_of(member.id).members


class TestSplitting:
    @given(families())
    def test_groups_are_connected_inside_and_apart_outside(self, members) -> None:
        groups = split_connected(members)
        assert sorted(member.id for group in groups for member in group) == [
            member.id for member in members
        ]
        naive = Scratch(members)
        assert {frozenset(member.id for member in group) for group in groups} == set(
            naive.clusters()
        )
        for group in groups:
            assert group == sorted(group, key=lambda member: member.sequence)

    def test_nothing_splits_into_nothing(self) -> None:
        assert split_connected([]) == []

    def test_parents_meet_in_a_shared_child(self) -> None:
        apart = [waiter(1, 0, 1), waiter(2, 0, 1), waiter(3, 0, 1)]
        assert len(split_connected(apart)) == 3
        assert len(split_connected([*apart, waiter(4, 0, 1, (1, 2, 3))])) == 1


def fees_within(chunks, size: int) -> Fraction:
    """What the first `size` bytes of these chunks pay, a chunk cut through counting in part."""
    fees = Fraction(0)
    for chunk in chunks:
        taken = min(size, chunk.size)
        fees += Fraction(chunk.fee * taken, chunk.size)
        size -= taken
    return fees
