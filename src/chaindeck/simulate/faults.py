"""What goes wrong in a run, when, and how it is undone at the end.

Knows nodes and the world, not who pays or mines; whoever has to follow is told through `Follower`.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Protocol

from chaindeck.simulate.limits import DRIFT_STEP_US
from chaindeck.simulate.node import SimulatedNode
from chaindeck.simulate.scenario import (
    ChurnPart,
    Clock,
    Crash,
    Fault,
    HashRate,
    Join,
    Partition,
    Scenario,
)
from chaindeck.simulate.world import SECOND, World


class Follower(Protocol):
    """Whoever has to follow what happens to the network."""

    nodes: list[SimulatedNode]
    """All honest nodes."""

    def set_power(self, power: float) -> None:
        """Change the hash rate to so many times what it was at first."""

    def add_node(self) -> SimulatedNode:
        """Make a fresh node that knows a few others; it is not started."""

    def disrupted(self, what: str, nodes: Sequence[SimulatedNode]) -> None:
        """Something is right again; these nodes have to catch up with all others now."""

    def clock_moved(self, node: SimulatedNode) -> None:
        """A node's clock was set."""


class Faults:
    """Schedules the faults of one scenario."""

    def __init__(
        self, world: World, scenario: Scenario, dice: random.Random, follower: Follower
    ) -> None:
        self._world = world
        self._scenario = scenario
        self._dice = dice
        self._follower = follower
        self._is_over = False

    def start(self) -> None:
        for fault in self._scenario.faults:
            self._at(fault.at_s, self._begin, fault)
        churn = self._scenario.churn
        if churn is not None and churn.leaves_per_minute:
            self._at(churn.from_s, self._churn, churn)

    def undo(self) -> None:
        """Put everything right: one network, all nodes there, all clocks right."""
        self._is_over = True
        self._world.heal()
        for node in self._follower.nodes:
            if node.clock_offset_ms:
                self._set_clock(node, 0)
            if not node.is_up:
                node.start()
        self._follower.disrupted("end", self._follower.nodes)

    def _begin(self, fault: Fault) -> None:
        if self._is_over:
            return
        match fault:
            case Partition():
                self._world.part(self._islands(fault))
                self._at(fault.heal_s, self._heal)
            case Crash():
                self._crash(fault)
            case Clock():
                nodes = self._draw(fault.nodes)
                for node in nodes:
                    self._set_clock(node, node.clock_offset_ms + fault.step_ms)
                if fault.drift_ppm:
                    self._drift(fault, nodes, 0)
                self._at(fault.until_s, self._mend_clocks, nodes)
            case HashRate(power=power):
                self._follower.set_power(power)
            case Join(nodes=count):
                for _ in range(count):
                    node = self._follower.add_node()
                    node.start()
                    self._follower.disrupted("join", [node])

    def _at(self, time_s: float, action: object, *arguments: object) -> None:
        assert callable(action)
        self._world.at(self._world.start_us + int(time_s * SECOND), action, *arguments)

    def _draw(self, count: int) -> list[SimulatedNode]:
        up = [node for node in self._follower.nodes if node.is_up]
        return self._dice.sample(up, min(count, len(up)))

    # Partitions

    def _islands(self, fault: Partition) -> dict[int, int]:
        residents = self._world.residents
        if fault.islands:
            names = [place.name for place in self._scenario.places]
            island_of = {
                names.index(name): number
                for number, island in enumerate(fault.islands, 1)
                for name in island
            }
            return {item.number: island_of.get(item.place, 0) for item in residents}
        sums = [sum(fault.shares[: end + 1]) for end in range(len(fault.shares))]
        order = [item.number for item in residents]
        self._dice.shuffle(order)
        points = [(place + 0.5) / len(order) * sums[-1] for place in range(len(order))]
        return {
            number: next(island for island, end in enumerate(sums) if point < end)
            for number, point in zip(order, points, strict=True)
        }

    def _heal(self) -> None:
        if not self._is_over:
            self._world.heal()
            up = [node for node in self._follower.nodes if node.is_up]
            self._follower.disrupted("partition", up)

    # Crashes

    def _crash(self, fault: Crash) -> None:
        if fault.numbers:
            named = [self._follower.nodes[number] for number in fault.numbers]
            nodes = [node for node in named if node.is_up]
        else:
            nodes = self._draw(fault.nodes)
        for node in nodes:
            node.crash(torn_batches=fault.torn_writes, is_silent=fault.is_silent)
        self._at(fault.restart_s, self._restart, nodes, "crash")

    def _restart(self, nodes: Sequence[SimulatedNode], what: str) -> None:
        for node in nodes:
            if not node.is_up:
                node.start()
                self._follower.disrupted(what, [node])

    # Clocks

    def _set_clock(self, node: SimulatedNode, offset_ms: int) -> None:
        node.set_clock(offset_ms)
        self._follower.clock_moved(node)

    def _drift(self, fault: Clock, nodes: Sequence[SimulatedNode], passed_us: int) -> None:
        if self._is_over or self._world.elapsed_s >= fault.until_s:
            return
        before_ms = passed_us * fault.drift_ppm // (1_000 * SECOND)
        passed_us += DRIFT_STEP_US
        after_ms = passed_us * fault.drift_ppm // (1_000 * SECOND)
        for node in nodes:
            self._set_clock(node, node.clock_offset_ms + after_ms - before_ms)
        self._world.after(DRIFT_STEP_US, self._drift, fault, nodes, passed_us)

    def _mend_clocks(self, nodes: Sequence[SimulatedNode]) -> None:
        for node in nodes:
            self._set_clock(node, 0)

    # Churn

    def _churn(self, churn: ChurnPart) -> None:
        until_s = churn.until_s or self._scenario.duration_s
        if self._is_over or self._world.elapsed_s >= until_s:
            return
        for node in self._draw(1):
            is_fresh = self._dice.random() * 100 < churn.fresh_percent
            if is_fresh:
                node.wipe_out()
            else:
                node.stop()
            away_us = int(self._dice.expovariate(1 / churn.away_s) * SECOND)
            self._world.after(away_us, self._come_back, node)
        wait_s = self._dice.expovariate(churn.leaves_per_minute / 60)
        self._world.after(int(wait_s * SECOND), self._churn, churn)

    def _come_back(self, node: SimulatedNode) -> None:
        if not self._is_over:
            self._restart([node], "return")
