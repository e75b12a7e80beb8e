"""A handful of drawn networks, each with every rule looked at. `make swarm` runs any number.

A failure names the rule and what broke it; `chaindeck simulate swarm-N` repeats the seed.
"""

import msgspec
import pytest

from chaindeck.simulate.drawing import draw_scenario
from chaindeck.simulate.running import Run
from tools.swarm import Outcome, place_of, read_kept, run_seed, run_swarm, summarise

SEEDS = (4, 7, 12, 15, 16, 17, 19, 22, 23, 29)
"""Quick ones, which together draw every kind of fault and topology."""

BROKE_ONCE = (157, 501, 550, 798, 979, 1049, 1334)
"""More blocks judged at a time than the cap, a tip that did not follow what came, owners who signed
an invented block, a body that was missing below others, and three chains that two invented blocks
above the tip halted for ever (798, 1049, 1334)."""


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


def test_swarm_that_was_interrupted_goes_on_where_it_was(tmp_path, capsys):
    kept = tmp_path / "swarm" / "commit.jsonl"
    assert [outcome.seed for outcome in run_swarm(range(4, 5), 1, kept)] == [4]
    broken = Outcome(5, "tips-differ", "two tips", 10, 3600.0, 1.0)
    with kept.open("ab") as file:
        file.write(msgspec.json.encode(broken) + b"\n" + b'{"seed": 6, "ru')
    written = kept.read_bytes()
    assert run_swarm(range(4, 6), 1, kept)[1] == broken
    assert kept.read_bytes() == written, "nothing was simulated again"
    assert "chaindeck simulate swarm-5" in capsys.readouterr().out
    assert [outcome.seed for outcome in read_kept(kept)] == [4, 5]


def test_nothing_is_kept_of_code_that_no_commit_has():
    assert place_of("0123456789ab with uncommitted changes") is None
    assert place_of("HEAD") == place_of("HEAD")
    assert place_of("HEAD").suffix == ".jsonl"
