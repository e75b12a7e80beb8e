"""Figures of a run, from the moments that were measured."""

import math

import pytest

from chaindeck.ledger.types import BlockHash
from chaindeck.simulate.measures import Measures, Spread
from chaindeck.simulate.results import bandwidth, curve, percentiles, reach_times, stale
from tests.simulate.networks import begun, live

S = 1_000_000


def spread(arrivals, *, maker=0, up=4):
    found = Spread(0, maker, height=1, up=up, seen=up)
    for node, at_us in arrivals:
        found.arrive(node, at_us)
    return found


def test_percentiles_are_those_of_the_values_in_order():
    found = percentiles(range(1000, 101_000, 1000))
    assert (found.count, found.p50_ms, found.p95_ms, found.p99_ms, found.max_ms) == (
        100, 50, 95, 99, 100,
    )  # fmt: skip
    assert percentiles([]) is None
    assert percentiles([7000]).p99_ms == 7


def test_way_to_the_maker_itself_and_second_arrivals_do_not_count():
    measures = Measures(begun(1).world, 3)
    assert reach_times(measures, [spread([(0, 0), (1, 5), (1, 9), (7, 6)])]) == [5, 6]


def test_ways_to_nodes_that_were_down_meanwhile_do_not_count():
    measures = Measures(begun(1).world, 3)
    measures.absences[1] = [(2, 4)]
    measures.absences[2] = [(9, 12)]
    assert reach_times(measures, [spread([(0, 0), (1, 5), (2, 6)])]) == [6]


def test_nodes_that_join_were_not_there_before():
    run = begun(
        100,
        duration_s=120,
        mining={"miners": 2},
        faults=[{"kind": "join", "at_s": 60, "nodes": 2}],
    )
    absences = run.measures.absences
    assert {end - run.world.start_us for ((_, end),) in absences.values()} == {60 * S}
    assert len(absences) == 2
    result = run._result("done", None, 1.0)
    assert result.height > 3
    assert result.blocks.max_ms < 5_000


def test_curve_rises_to_the_share_of_nodes_that_were_reached():
    measures = Measures(begun(1).world, 3)
    found = curve(measures, [spread([(0, 0), (1, 1000), (2, 2000)])])
    assert found.share[0] == 0
    assert found.share[-1] == pytest.approx(2 / 3)
    assert found.ms == sorted(found.ms)
    assert curve(measures, []) is None
    assert curve(measures, [spread([(0, 0)], up=1)]) is None


def test_stale_blocks_are_held_against_the_delay_between_miners():
    measures = Measures(begun(1).world, 3)
    measures.blocks[BlockHash(b"good")] = spread([(0, 0), (1, 2 * S), (2, 9 * S)])
    measures.blocks[BlockHash(b"lost")] = spread([(1, 0)], maker=1)
    found = stale(measures, [b"genesis", b"good"], {0: 1.0, 1: 1.0}, 10.0)
    assert (found.found, found.stale, found.rate) == (2, 1, 0.5)
    assert found.delay_s == 1
    assert found.expected == pytest.approx(1 - math.exp(-0.1))
    assert stale(Measures(begun(1).world, 3), [], {}, 10.0) is None


def test_time_in_which_a_miner_was_down_is_no_delay():
    measures = Measures(begun(1).world, 3)
    measures.absences[1] = [(-9 * S, -8 * S), (-2 * S, 1 * S), (3 * S, 7 * S), (8 * S, 99 * S)]
    assert measures.absent_us(1, 0, 8 * S) == 5 * S
    assert measures.absent_us(1, 0, 9 * S) == 6 * S
    assert measures.absent_us(0, 0, 9 * S) == 0
    measures.blocks[BlockHash(b"good")] = spread([(0, 0), (1, 8 * S), (2, 9 * S)])
    found = stale(measures, [b"good"], {0: 1.0, 1: 1.0}, 10.0)
    assert found.delay_s == 1.5
    assert found.expected == pytest.approx(1 - math.exp(-0.15))


def test_absence_of_a_miner_lasts_from_its_end_to_its_return():
    run = begun(
        100,
        duration_s=200,
        mining={"miners": 3},
        faults=[{"kind": "crash", "at_s": 20, "restart_s": 90, "nodes": 2}],
    )
    absences = run.measures.absences
    assert len(absences) == 2
    began_us = run.world.start_us
    assert {(start - began_us, end - began_us) for ((start, end),) in absences.values()} == {
        (20 * S, 90 * S)
    }
    assert run._result("done", None, 1.0).stale.expected < 0.1


def test_stale_rate_of_a_slow_network_is_what_the_formula_says():
    run = begun(
        4_000,
        count=10,
        duration_s=4_000,
        within={"latency_ms": 1_000},
        network={"block_interval_s": 10},
        mining={"miners": 10},
    )
    found = run._result("done", None, 1.0).stale
    assert found.found > 300
    assert 0.05 < found.expected < 0.3
    assert abs(found.rate - found.expected) < 0.06


def test_bandwidth_is_spread_over_steps_from_the_least_to_the_most():
    found = bandwidth([10_000, 20_000, 30_000], 10)
    assert (found.p50, found.max) == (2, 3)
    counts: list[int] = [count for _, count in found.histogram]
    assert sum(counts) == 3
    assert found.histogram[-1] == (pytest.approx(3), 1)
    assert bandwidth([], 10) is None
    assert bandwidth([1], 0) is None


def test_recovery_ends_when_the_last_has_caught_up():
    run = begun(
        100,
        count=4,
        duration_s=200,
        mining={"miners": 2},
        faults=[{"kind": "crash", "at_s": 50, "restart_s": 99, "nodes": 2}],
    )
    live(run, 60)
    recoveries = run._result("done", None, 1.0).recoveries
    assert [item.what for item in recoveries] == ["crash", "crash"]
    assert max(item.took_s or 0 for item in recoveries) < 30


def test_node_that_goes_again_has_nothing_left_to_catch_up_with():
    run = begun(40, mining={"miners": 1})
    node = run.nodes[2]
    node.state.tip = node.state.tree.genesis
    run.measures.disrupted("crash", [], run.nodes)
    run.measures.disrupted("crash", [node], run.nodes)
    assert [item.took_us for item in run.measures.recoveries] == [0, None]
    run.measures.stopped(node)
    assert [item.took_us for item in run.measures.recoveries] == [0, 0]


def test_equal_branches_are_caught_up_with_by_another_block_only():
    run = begun(40, count=2, mining={"miners": 2})
    one, other = run.nodes
    run.measures.disrupted("partition", run.nodes, run.nodes)
    assert run.measures.recoveries[-1].took_us == 0
    fork = run.miners[1].make_block()
    one.take_block(run.miners[0].make_block())
    other.take_block(fork)
    run.measures.disrupted("partition", run.nodes, run.nodes)
    assert run.measures.recoveries[-1].took_us is None


def test_only_so_many_blocks_and_payments_are_followed():
    measures = Measures(begun(1).world, 3)
    assert measures._most_blocks == 2_000
    assert Measures(begun(1).world, 20_000)._most_payments == 200
