"""Each shipped scenario with an adversary, run short: what it can do, and what is done about it.

Every run looks at all rules, so that no honest node bars another, all end with one chain and the
same coins, and every payment is mined or refused. What is asserted here is what the scenario is
about.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from chaindeck.simulate.adversaries import KINDS
from chaindeck.simulate.results import Result
from chaindeck.simulate.running import Run
from chaindeck.simulate.scenario import shorten
from chaindeck.simulate.scenarios import load_scenario, names

PREFIX = "against-"
LONG_S = {"hopper": 500.0, "time-cheat": 500.0}
SHORT_S = {"orphans": 60.0}


def parted_for(*codes: str) -> Callable[[Run, Result], None]:
    """It is let go, and for this."""

    def check(_run: Run, result: Result) -> None:
        assert set(codes) <= set(result.partings), result.partings

    return check


def is_left_alone(_run: Run, result: Result) -> None:
    """It breaks no rule that could be proved, and gets nothing for it."""
    assert not set(result.partings) - {"peer-closed", "peer-duplicate"}


def no_deeper_than(blocks: int) -> Callable[[Run, Result], None]:
    def check(_run: Run, result: Result) -> None:
        assert max(result.reorganisations, default=0) <= blocks

    return check


def is_settled_by_people(run: Run, _result: Result) -> None:
    assert run.operators.settled >= 1
    floors = {node.state.tree.floor.header.hash for node in run.nodes}
    assert len(floors) == 1
    assert run.network.block.hash not in floors
    assert all(node.state.checkpoints.conflict is None for node in run.nodes)


def blocks_still_come(run: Run, result: Result) -> None:
    assert max(took_s for _, took_s in result.intervals) < 240
    tip = run.nodes[0].state.tip
    assert tip.header.time_ms <= run.nodes[0].clock_ms + 30_000


CHECKS: dict[str, Callable[[Run, Result], None]] = {
    "boaster": parted_for("peer-stalling"),
    "bridge": is_left_alone,
    "drip": parted_for("peer-silent"),
    "equivocator": is_settled_by_people,
    "flood": parted_for("peer-flood"),
    "forger": parted_for("peer-payment", "peer-barred"),
    "hopper": blocks_still_come,
    "low-work": is_left_alone,
    "mutator": no_deeper_than(3),
    "noise": parted_for("frame-checksum", "frame-size", "frame-type", "peer-barred"),
    "orphans": is_left_alone,
    "poisoner": parted_for("peer-flood"),
    "private-chain": no_deeper_than(30),
    "replayer": parted_for("message-unexpected"),
    "selfish-miner": no_deeper_than(6),
    "silent": parted_for("peer-handshake-timeout"),
    "spoofer": is_left_alone,
    "squatter": parted_for("peer-evicted"),
    "tease": is_left_alone,
    "time-cheat": blocks_still_come,
    "twin": parted_for("peer-duplicate"),
    "withholder": parted_for("peer-stalling"),
}


@pytest.mark.parametrize("name", CHECKS)
def test_honest_nodes_pay_and_mine_and_agree_against(name: str) -> None:
    span_s = LONG_S.get(name, SHORT_S.get(name, 120.0))
    scenario = replace(shorten(load_scenario(PREFIX + name), span_s), settle_s=60)
    run = Run(scenario, name=PREFIX + name)
    result = run.finish()
    assert result.fault is None, result.fault
    assert result.height >= 5
    assert result.fates["mined"] >= 0.9 * result.payments_total > 0
    assert result.payments is not None
    assert result.payments.p95_ms < 2_000
    assert result.blocks is not None
    assert result.blocks.p50_ms < 500
    CHECKS[name](run, result)


def test_every_adversary_is_in_a_shipped_scenario_and_each_of_those_is_tested() -> None:
    shipped = {name.removeprefix(PREFIX) for name in names() if name.startswith(PREFIX)}
    assert shipped == set(CHECKS)
    fought = {part.name for name in shipped for part in load_scenario(PREFIX + name).adversaries}
    assert fought == set(KINDS)
