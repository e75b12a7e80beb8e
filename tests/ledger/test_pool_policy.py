"""Whom the pool wants, each rule from both sides: families, replacements, floor, a full pool."""

from __future__ import annotations

from itertools import islice

import pytest

from chaindeck.ledger import errors
from chaindeck.ledger.limits import (
    POOL_FLOOR_HALF_LIFE_MS,
    POOL_FLOOR_STEP_PER_KB,
)
from chaindeck.ledger.pool_policy import Floor
from chaindeck.ledger.pool_types import Accepted, DropCode, PoolLimits
from tests.ledger.waiting import GRANT, Waiting, codes, grow, ids, refused, welcomed

SIZE = 200


class TestFamilies:
    def test_chain_grows_to_the_limit_of_ancestors(self) -> None:
        world = Waiting(PoolLimits(max_ancestors=3))
        chain = grow(world, 3)
        error = world.refusal(world.payment(chain[-1]))
        assert isinstance(error, errors.TooManyAncestors)
        assert error.values == {"count": 4, "limit": 3}

    def test_two_clusters_count_together_as_ancestors(self) -> None:
        world = Waiting(PoolLimits(max_ancestors=4))
        one, two = grow(world, 2), grow(world, 2)
        assert isinstance(world.refusal(world.payment(one[-1], two[-1])), errors.TooManyAncestors)
        three = grow(world, 1)
        world.wait(world.payment(one[-1], three[-1]))

    def test_parent_has_children_up_to_its_limit(self) -> None:
        world = Waiting(PoolLimits(max_descendants=3))
        parent = world.wait(world.payment(world.grant(), parts=4))
        for index in (0, 1):
            world.wait(world.spend([parent.outpoint(index)], 9))
        error = world.refusal(world.spend([parent.outpoint(2)], 9))
        assert isinstance(error, errors.TooManyDescendants)
        assert error.values == {"count": 4, "limit": 3, "ancestor": parent.id.hex()}

    def test_cluster_grows_to_its_limit(self) -> None:
        world = Waiting(PoolLimits(max_cluster=4))
        one, two = grow(world, 2), grow(world, 2)
        error = world.refusal(world.spend([one[1].outpoint(0), two[1].outpoint(0)], 9))
        assert isinstance(error, errors.ClusterTooLarge)
        assert error.values == {"count": 5, "limit": 4}
        third = world.wait(world.payment(two[1]))
        fourth = world.wait(world.payment(third))
        assert isinstance(world.refusal(world.payment(fourth)), errors.ClusterTooLarge)

    def test_who_would_be_replaced_does_not_count(self) -> None:
        world = Waiting(PoolLimits(max_descendants=2, max_cluster=2))
        parent = world.wait(world.payment(world.grant()))
        world.wait(world.payment(parent))
        world.wait(world.payment(parent, fee=900))
        assert len(world.pool) == 2


class TestReplacing:
    def test_higher_rate_and_fee_replace_a_payment_and_what_depends_on_it(self) -> None:
        world = Waiting()
        source = world.grant()
        first = world.wait(world.payment(source, fee=100, size=SIZE))
        child = world.wait(world.payment(first, fee=50, size=SIZE))
        better = world.payment(source, fee=350, size=SIZE)
        (result,) = world.accept(better)
        assert isinstance(result, Accepted)
        assert codes(result.replaced) == [(tx_id, DropCode.REPLACED) for tx_id in ids(first, child)]
        assert better.id.hex() in result.replaced[0].detail
        assert [entry.id for _, entry in world.pool.by_age()] == [better.id]

    @pytest.mark.parametrize(("fee", "error"), [(349, errors.ReplacementFee), (350, None)])
    def test_fee_must_pay_for_all_that_goes_and_for_the_relay(self, fee, error) -> None:
        world = Waiting()
        source = world.grant()
        first = world.wait(world.payment(source, fee=100, size=SIZE))
        world.wait(world.payment(first, fee=50, size=SIZE))
        (result,) = world.accept(world.payment(source, fee=fee, size=SIZE))
        if error is None:
            assert isinstance(result, Accepted)
        else:
            assert isinstance(refused(result), error)
            assert refused(result).values == {"fee": 349, "needed": 350}

    def test_relay_is_rounded_up(self) -> None:
        world = Waiting()
        source = world.grant()
        world.wait(world.payment(source, size=SIZE))
        assert POOL_FLOOR_STEP_PER_KB == 1_000
        better = world.payment(source, fee=SIZE, size=SIZE + 1)
        assert isinstance(world.refusal(better), errors.ReplacementFee)

    @pytest.mark.parametrize("fee", [400, 401])
    def test_rate_must_beat_that_of_each_rival(self, fee: int) -> None:
        world = Waiting()
        cheap, dear = world.grant(), world.grant()
        world.wait(world.payment(cheap, fee=10, size=SIZE))
        rival = world.wait(world.payment(dear, fee=200, size=SIZE))
        better = world.payment(cheap, dear, fee=fee, size=2 * SIZE)
        error = world.refusal(better)
        if fee == 400:
            assert isinstance(error, errors.ReplacementFeeRate)
            assert error.values == {"replaced": rival.id.hex()}
        else:
            assert isinstance(error, errors.ReplacementFee)

    @pytest.mark.parametrize("count", [2, 3])
    def test_number_of_replaced_is_limited(self, count: int) -> None:
        world = Waiting(PoolLimits(max_replaced=2))
        first = grow(world, count)[0]
        better = world.spend([first.inputs[0].outpoint], GRANT - 5_000)
        (result,) = world.accept(better)
        if count == 2:
            assert isinstance(result, Accepted)
        else:
            assert isinstance(refused(result), errors.ReplacementTooBroad)
            assert refused(result).values == {"count": 3, "limit": 2}

    def test_output_of_what_goes_cannot_be_spent(self) -> None:
        world = Waiting()
        source = world.grant()
        first = world.wait(world.payment(source, parts=2))
        child = world.wait(world.payment(first))
        for spent in (first.outpoint(1), child.outpoint(0)):
            error = world.refusal(world.spend([source, spent], 9))
            assert isinstance(error, errors.ReplacementSpendsReplaced)
        assert len(world.pool) == 2

    def test_member_of_a_batch_may_replace_an_earlier_one(self) -> None:
        world = Waiting()
        source = world.grant()
        first, better = world.payment(source), world.payment(source, fee=900)
        results = world.accept(first, better)
        assert isinstance(results[0], Accepted)
        assert codes(welcomed(results[1]).replaced) == [(first.id, DropCode.REPLACED)]


class TestFloor:
    @pytest.mark.parametrize(("fee", "is_enough"), [(199, False), (200, True)])
    def test_least_fee_of_the_operator_holds_always(self, fee: int, is_enough: bool) -> None:
        world = Waiting(PoolLimits(min_fee_per_kb=1_000))
        (result,) = world.accept(world.payment(world.grant(), fee=fee, size=SIZE))
        assert isinstance(result, Accepted) == is_enough
        if not is_enough:
            assert isinstance(refused(result), errors.FeeTooLow)
            assert refused(result).values == {"fee_per_kb": 995, "floor_per_kb": 1_000}

    def test_floor_halves_in_each_half_life_and_ends_below_half_a_step(self) -> None:
        floor, start = Floor(8_000, 50), 50
        half = POOL_FLOOR_HALF_LIFE_MS
        assert floor.at(0) == floor.at(start) == 8_000
        assert floor.at(start + half // 2) == 6_000
        assert floor.at(start + half) == 4_000
        assert floor.at(start + 2 * half) == 2_000
        assert floor.at(start + 4 * half) == POOL_FLOOR_STEP_PER_KB // 2
        assert floor.at(start + 4 * half + 10_000) == 0
        assert floor.at(start + 10**6 * half) == 0

    def test_giving_up_raises_the_floor_which_holds_while_the_pool_is_crowded(self) -> None:
        world = Waiting(PoolLimits(max_transactions=4))
        for fee in (100, 200, 300, 400, 500):
            world.wait(world.payment(world.grant(), fee=fee, size=SIZE))
        assert world.pool.floor_per_kb(world.now_ms) == 500 + POOL_FLOOR_STEP_PER_KB
        poor = world.payment(world.grant(), fee=299, size=SIZE)
        error = world.refusal(poor)
        assert isinstance(error, errors.FeeTooLow)
        assert error.values == {"fee_per_kb": 1_495, "floor_per_kb": 1_500}
        best = [entry.transaction for _, entry in islice(world.pool.by_fee(), 2)]
        world.mine(best[0])
        assert world.pool.floor_per_kb(world.now_ms) == 1_500
        world.mine(best[1])
        assert world.pool.floor_per_kb(world.now_ms) == 0
        world.wait(poor)

    def test_bytes_crowd_a_pool_too(self) -> None:
        world = Waiting(PoolLimits(max_bytes=2 * SIZE))
        for fee in (0, 1, 300):
            world.accept(world.payment(world.grant(), fee=fee, size=SIZE))
        assert world.pool.total_bytes == 2 * SIZE
        assert world.pool.floor_per_kb(world.now_ms) > 0

    def test_floor_of_a_richer_chunk_is_not_lowered_by_a_poorer_one(self) -> None:
        world = Waiting()
        rich = world.pool.get(world.wait(world.payment(world.grant(), fee=900, size=SIZE)).id)
        poor = world.pool.get(world.wait(world.payment(world.grant(), size=SIZE)).id)
        floor = Floor().above(rich, 0)
        assert floor == Floor(5_500, 0)
        assert floor.above(poor, 0) == floor


class TestFullPool:
    @pytest.mark.parametrize(
        "limits", [PoolLimits(max_transactions=3), PoolLimits(max_bytes=3 * SIZE)]
    )
    def test_worst_goes_when_one_too_many_comes(self, limits: PoolLimits) -> None:
        world = Waiting(limits)
        waiting = [
            world.wait(world.payment(world.grant(), fee=fee, size=SIZE)) for fee in (30, 10, 20)
        ]
        (result,) = world.accept(world.payment(world.grant(), fee=500, size=SIZE))
        assert isinstance(result, Accepted)
        assert codes(result.evicted) == [(waiting[1].id, DropCode.EVICTED)]
        assert len(world.pool) == 3

    def test_newcomer_that_is_the_worst_is_refused_and_changes_only_the_floor(self) -> None:
        world = Waiting(PoolLimits(max_transactions=2))
        source = world.grant()
        world.wait(world.payment(source, fee=50, size=SIZE))
        world.wait(world.payment(world.grant(), fee=50, size=SIZE))
        before = world.snapshot()[:7]
        assert isinstance(world.refusal(world.payment(world.grant(), size=SIZE)), errors.PoolFull)
        assert world.snapshot()[:7] == before
        assert world.pool.floor_per_kb(world.now_ms) == POOL_FLOOR_STEP_PER_KB

    def test_what_a_refused_newcomer_pushed_out_is_back_in_its_place(self) -> None:
        world = Waiting(PoolLimits(max_bytes=4 * SIZE))
        poor = world.wait(world.payment(world.grant(), fee=10, size=SIZE))
        world.wait(world.payment(poor, fee=10, size=SIZE))
        source = world.grant()
        world.wait(world.payment(source, fee=11, size=SIZE))
        before = world.snapshot()[:7]
        large = world.payment(source, fee=9_000, size=5 * SIZE)
        assert isinstance(world.refusal(large), errors.PoolFull)
        assert world.snapshot()[:7] == before

    def test_tail_of_a_cluster_goes_and_its_rich_beginning_stays(self) -> None:
        world = Waiting(PoolLimits(max_transactions=3))
        head = world.wait(world.payment(world.grant(), fee=100, size=SIZE))
        tail = world.wait(world.payment(head, fee=1, size=SIZE))
        world.wait(world.payment(world.grant(), fee=50, size=SIZE))
        (result,) = world.accept(world.payment(world.grant(), fee=500, size=SIZE))
        assert codes(welcomed(result).evicted) == [(tail.id, DropCode.EVICTED)]
        assert head.id in world.pool

    def test_dry_run_tells_the_same_and_changes_nothing(self) -> None:
        world = Waiting(PoolLimits(max_transactions=3))
        source = world.grant()
        world.wait(world.payment(source, fee=10, size=SIZE))
        for _ in range(2):
            world.wait(world.payment(world.grant(), fee=5, size=SIZE))
        before = world.snapshot()
        better = world.payment(source, fee=400, size=SIZE)
        batch = [
            better,
            world.payment(better, fee=600, size=SIZE),
            world.payment(world.grant(), fee=700, size=SIZE),
            world.payment(world.grant(), size=SIZE),
        ]
        before = world.snapshot()
        told = world.accept(*batch, dry_run=True)
        assert world.snapshot() == before
        done = world.accept(*batch)
        assert told[:3] == done[:3]
        assert type(refused(told[3])) is type(refused(done[3]))
