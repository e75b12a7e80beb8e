"""The shipped scenarios without an adversary, each in quick motion: what it is there to show.

All times of a scenario are divided, so that everything in it happens, only sooner. Every run looks
at all rules; asserted here is what the scenario is about.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from chaindeck.simulate.node import SimulatedNode
from chaindeck.simulate.results import Result
from chaindeck.simulate.running import Run
from chaindeck.simulate.scenario import Crash, HashRate, Scenario, convert_scenario
from chaindeck.simulate.scenarios import load_scenario, names

_TIMES = {"at_s", "heal_s", "restart_s", "from_s", "until_s", "duration_s"}
_SETTLE_S = 60
FEWER = 12
"""Nodes instead of thirty, most of them miners."""


def quickened(name: str, times: float) -> Scenario:
    """A shipped scenario in which everything comes so many times sooner."""

    def quicken(part: Any) -> Any:
        if isinstance(part, dict):
            return {
                key: value / times if key in _TIMES and value is not None else quicken(value)
                for key, value in part.items()
            }
        return [quicken(item) for item in part] if isinstance(part, list | tuple) else part

    scenario = convert_scenario(quicken(msgspec.to_builtins(load_scenario(name))))
    return replace(scenario, settle_s=_SETTLE_S)


def finish(run: Run) -> Result:
    """Let a run come to its end, at which all payments have to be accounted for."""
    result = run.finish()
    assert result.fault is None, result.fault
    assert sum(result.fates.values()) == result.payments_total
    assert result.fates["waiting"] == 0
    return result


def catching_up(result: Result, what: str) -> list[float]:
    """How long it took each time; every time it came to an end."""
    took = [item.took_s for item in result.recoveries if item.what == what]
    assert None not in took
    return [item for item in took if item is not None]


class Watched(Run):
    """A run that remembers who went with what, and how far clocks were off."""

    def __init__(self, scenario: Scenario) -> None:
        self.lost_blocks: list[int | None] = []
        self.offsets_ms: set[int] = set()
        super().__init__(scenario)

    def stopped(self, node: SimulatedNode, *, lost_blocks: int | None = None) -> None:
        self.lost_blocks.append(lost_blocks)
        super().stopped(node, lost_blocks=lost_blocks)

    def clock_moved(self, node: SimulatedNode) -> None:
        self.offsets_ms.add(node.clock_offset_ms)
        super().clock_moved(node)


def fewer(name: str, count: int, **changes: Any) -> Scenario:
    """A shipped scenario of so many nodes, a tenth of which mine at most."""
    shipped = load_scenario(name)
    nodes = replace(shipped.nodes, count=count)
    mining = replace(shipped.mining, miners=min(shipped.mining.miners, max(1, count // 10)))
    return replace(shipped, nodes=nodes, mining=mining, settle_s=_SETTLE_S, **changes)


def test_every_shipped_scenario_without_an_adversary_is_run_here() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    run_here = set(re.findall(r'(?:quickened|fewer)\("([a-z-]+)"', text))
    assert run_here == {name for name in names() if not name.startswith("against-")}


def test_five_in_one_office_find_each_other_and_every_payment_is_mined() -> None:
    result = finish(Run(fewer("small-office", 5, duration_s=120.0)))
    assert result.height >= 5
    assert result.fates["mined"] == result.payments_total >= 60
    assert result.blocks is not None
    assert result.blocks.max_ms < 1_000


def test_gossip_reaches_all_of_many_nodes_in_a_few_ways() -> None:
    run = Run(fewer("thousand", 120, duration_s=60.0))
    result = finish(run)
    assert not any(node.machine.topology.is_mesh for node in run.nodes)
    assert result.height >= 3
    assert result.fates["mined"] == result.payments_total > 0
    assert result.payments is not None
    assert result.blocks is not None
    assert result.blocks.p95_ms < 1_000
    reached = [len(spread.arrivals_us) for spread in run.measures.payments.values()]
    assert sum(reached) >= 0.9 * len(run.nodes) * len(reached)


def test_blocks_alone_reach_all_of_many_nodes() -> None:
    run = Run(fewer("ten-thousand", 200, duration_s=30.0))
    result = finish(run)
    assert not any(node.machine.topology.is_mesh for node in run.nodes)
    assert result.height >= 2
    assert result.payments_total == 0
    assert result.blocks is not None
    assert result.blocks.p95_ms < 1_000


def test_large_block_of_what_waits_everywhere_travels_as_quickly_as_a_small_one() -> None:
    scenario = fewer("big-blocks", 60)
    run = Run(scenario)
    result = finish(run)
    sizes = [len(run.library.blocks[item].raw) for item in run.nodes[0].keeper.active[1:]]
    assert max(sizes) >= 900 * scenario.network.max_block_kb
    assert result.blocks is not None
    assert result.blocks.p95_ms < 1_000


def test_network_that_fell_apart_twice_finds_together_and_accounts_for_every_payment() -> None:
    result = finish(Run(quickened("partition-and-heal", 5)))
    assert result.islands == [(60, 120), (220, 250)]
    healed = catching_up(result, "partition")
    assert len(healed) == 2
    assert max(healed) < 60
    assert max(result.reorganisations) >= 2
    assert result.fates["mined"] >= 0.9 * result.payments_total > 0


def test_blocks_come_on_after_ninety_nine_of_a_hundred_hashes_went() -> None:
    scenario = quickened("hash-rate-collapse", 6)
    run = Run(scenario)
    result = finish(run)
    powers = [fault for fault in scenario.faults if isinstance(fault, HashRate)]
    before, collapse = powers[-2:]
    assert collapse.power == before.power / 100
    early = [took_s for at_s, took_s in result.intervals if at_s < collapse.at_s][-100:]
    late = [took_s for at_s, took_s in result.intervals if at_s > collapse.at_s]
    unchanged_s = sum(early) / len(early) * before.power / collapse.power
    assert len(late) >= 10
    assert sum(late) / len(late) < 0.75 * unchanged_s
    assert max(late) < unchanged_s


def test_news_are_quick_inside_a_site_and_take_the_links_time_between_sites() -> None:
    scenario = quickened("three-sites", 20)
    run = Run(scenario)
    result = finish(run)
    ways: dict[bool, list[int]] = {True: [], False: []}
    for spread in run.measures.payments.values():
        for after_us, number in spread.arrivals_us:
            if number != spread.maker:
                is_near = run.nodes[number].place == run.nodes[spread.maker].place
                ways[is_near].append(after_us)
    near, far = (sorted(ways[is_near]) for is_near in (True, False))
    assert near[len(near) // 2] < 10_000
    assert 35_000 <= far[len(far) // 2] < 200_000
    burst = scenario.load.bursts[0]
    calm = scenario.load.payments_per_s * scenario.duration_s
    assert result.payments_total > calm + burst.payments_per_s * (burst.until_s - burst.from_s) / 2
    assert result.fates["mined"] >= 0.9 * result.payments_total


def test_machines_that_lost_power_and_promised_writes_catch_up_every_time() -> None:
    scenario = quickened("crashes", 5)
    run = Watched(scenario)
    result = finish(run)
    crashes = [fault for fault in scenario.faults if isinstance(fault, Crash)]
    assert len(crashes) == 4
    assert len(catching_up(result, "crash")) == sum(fault.nodes for fault in crashes)
    assert max(catching_up(result, "crash")) < 30
    torn = {fault.torn_writes for fault in crashes}
    assert set(run.lost_blocks) == torn == {0, 1, 2}
    assert set(result.fates) >= {"mined", "lost"}
    assert result.fates["mined"] > result.payments_total / 2


def test_network_of_which_one_leaves_every_few_seconds_keeps_its_newcomers_and_pace() -> None:
    shipped = quickened("churn", 12)
    nodes = replace(shipped.nodes, count=FEWER, known=FEWER // 3)
    run = Watched(replace(shipped, nodes=nodes))
    result = finish(run)
    assert len(run.lost_blocks) >= 10
    assert any(run.lost_blocks)
    assert result.nodes == FEWER + 6
    assert len(catching_up(result, "join")) == 6
    assert max(catching_up(result, "return")) < 30
    assert result.stale is not None
    # Miners are away a third of the time; the races of those who are there are few.
    assert result.stale.expected < 0.05
    assert result.fates["mined"] >= 0.9 * result.payments_total > 0


def test_clocks_that_jump_and_drift_neither_stop_blocks_nor_part_nodes() -> None:
    run = Watched(quickened("clock-steps", 5))
    result = finish(run)
    assert {20_000, 90_000, -90_000} <= run.offsets_ms
    assert any(0 < offset_ms < 20_000 for offset_ms in run.offsets_ms), "nobody's clock drifts"
    assert not any(node.clock_offset_ms for node in run.nodes)
    assert result.height >= 20
    assert max(took_s for _, took_s in result.intervals) < 120
    assert max(result.reorganisations, default=0) <= 3
    assert result.fates["mined"] == result.payments_total > 0
