"""A handful of drawn networks, each with every rule looked at. `make swarm` runs any number.

A failure names the rule and what broke it; `chaindeck simulate swarm-N` repeats the seed.
"""

import pytest

from chaindeck.simulate.drawing import draw_scenario
from chaindeck.simulate.running import Run
from tools.swarm import Outcome, run_seed, summarise

SEEDS = (4, 7, 12, 15, 16, 17, 19, 22, 23, 29)
"""Quick ones, which together draw every kind of fault and topology."""

BROKE_ONCE = (501, 550, 979)
"""A tip that did not follow what came, owners who signed an invented block, and a body that was
missing below others."""


@pytest.mark.parametrize("seed", SEEDS + BROKE_ONCE)
def test_drawn_network_breaks_no_rule(seed):
    assert run_seed(seed).told == ""


def test_seeds_of_the_tests_draw_every_fault_and_most_topologies():
    drawn = [draw_scenario(seed) for seed in SEEDS]
    kinds = {type(fault).__name__ for scenario in drawn for fault in scenario.faults}
    assert kinds == {"Partition", "Crash", "Clock", "HashRate", "Join"}
    assert len({scenario.nodes.topology for scenario in drawn}) >= 4
    assert any(scenario.churn for scenario in drawn)
    assert any(scenario.adversaries for scenario in drawn)


def test_every_seed_draws_a_scenario_that_passes_the_checks_of_files():
    for seed in range(300):
        assert draw_scenario(seed) == draw_scenario(seed)
    for seed in range(30):
        assert Run(draw_scenario(seed)).scenario.seed == seed


def test_summary_counts_what_broke():
    outcomes = [Outcome(1, "", "", 10, 3600.0, 1.0), Outcome(2, "tips-differ", "x", 5, 0.0, 1.0)]
    assert summarise(outcomes) == (
        "2 networks, 1.0 virtual hours, 15 events; rules broken: 1 tips-differ"
    )
