"""Small networks for tests: a scenario of a few fields, and a run up to any moment."""

from __future__ import annotations

from typing import Any

from chaindeck.simulate.running import Run
from chaindeck.simulate.scenario import Scenario, convert_scenario
from chaindeck.simulate.world import SECOND


def scenario(**fields: Any) -> Scenario:
    """Three nodes for a minute, changed as asked; `count` stands for `nodes.count`."""
    count = fields.pop("count", 3)
    nodes = {"count": count, **fields.pop("nodes", {})}
    document = {"about": "A test.", "duration_s": 60, "settle_s": 60, "nodes": nodes}
    return convert_scenario({**document, **fields})


def begun(seconds: float = 10, **fields: Any) -> Run:
    """A run that has lived for so long."""
    run = Run(scenario(**fields))
    run.begin()
    run.world.run_until(run.world.start_us + int(seconds * SECOND))
    return run


def live(run: Run, seconds: float) -> None:
    run.world.run_until(run.world.now_us + int(seconds * SECOND))
