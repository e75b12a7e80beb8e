"""`chaindeck simulate` as a person uses it."""

import json

import pytest

from chaindeck.cli import main
from chaindeck.ledger.errors import RuleError
from chaindeck.simulate.invariants import RULES, Broken, Invariants

QUICK = ["small-office", "--duration", "30"]


def simulate(*words):
    return main(["simulate", *words])


def test_list_names_every_shipped_scenario_with_a_sentence(capsys):
    assert simulate("--list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("thousand ") and line.endswith(".") for line in lines)
    assert simulate("--list", "--json") == 0
    assert {row["scenario"] for row in json.loads(capsys.readouterr().out)} >= {"small-office"}


def test_run_shows_figures_and_its_trace(capsys):
    assert simulate(*QUICK, "--seed", "5") == 0
    out = capsys.readouterr().out
    assert "small-office, seed 5" in out
    assert "mined" in out
    assert "trace" in out


def test_replay_of_the_same_run_succeeds_and_of_another_fails(capsys):
    assert simulate(*QUICK, "--json") == 0
    trace = json.loads(capsys.readouterr().out)["trace_hash"]
    assert simulate(*QUICK, "--replay", trace[:16]) == 0
    capsys.readouterr()
    assert simulate(*QUICK, "--seed", "2", "--replay", trace) == 1
    assert "another run" in capsys.readouterr().err


def test_own_file_and_fewer_nodes(tmp_path, capsys):
    path = tmp_path / "own.toml"
    path.write_text('about = "x"\nduration_s = 20\nsettle_s = 5\n[nodes]\ncount = 9\n')
    assert simulate(str(path), "--nodes", "3", "--json") == 0
    assert json.loads(capsys.readouterr().out)["nodes"] == 3


def test_report_is_written_as_a_page(tmp_path):
    path = tmp_path / "run.html"
    assert simulate(*QUICK, "--report", str(path)) == 0
    assert path.read_text().startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["smal-office"], "scenario-unknown"),
        (["small-office", "--nodes", "0"], "scenario-shape"),
        (["small-office", "--nodes", "1"], "scenario-range"),
    ],
)
def test_scenario_that_is_none_ends_with_misuse_and_an_example(words, code, capsys):
    assert simulate(*words) == 2
    assert code in capsys.readouterr().err


def test_file_that_is_no_toml_ends_with_misuse(tmp_path, capsys):
    path = tmp_path / "bad.toml"
    path.write_text("about =")
    assert simulate(str(path)) == 2
    assert "scenario-syntax" in capsys.readouterr().err


def test_broken_rule_ends_with_the_command_that_repeats_it(capsys, monkeypatch):
    def fail(self, nodes):
        raise Broken("tips-differ", "two tips", node=3, at_s=12.5)

    monkeypatch.setattr(Invariants, "quiet", fail)
    assert simulate(*QUICK, "--nodes", "4", "--seed", "3") == 1
    told = capsys.readouterr().err
    assert RULES["tips-differ"] in told
    assert "at 12.500000 virtual s, node 3" in told
    again = "again: chaindeck simulate small-office --seed 3 --nodes 4 --duration 30 --replay "
    assert again in told
    assert not issubclass(Broken, RuleError)
