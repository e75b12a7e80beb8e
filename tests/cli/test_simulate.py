"""`chaindeck simulate` as a person uses it."""

import json

import pytest

from chaindeck.cli import main
from chaindeck.ledger.errors import RuleError
from chaindeck.simulate.invariants import RULES, Broken, Invariants
from chaindeck.simulate.running import Run

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


def test_page_that_is_there_is_kept_when_the_scenario_is_none(tmp_path):
    path = tmp_path / "run.html"
    path.write_text("an earlier run")
    assert simulate("smal-office", "--report", str(path)) == 2
    assert path.read_text() == "an earlier run"


@pytest.mark.parametrize(
    ("place", "reason"),
    [("none/run.html", "No such file or directory"), (".", "Is a directory")],
)
def test_place_where_no_page_can_be_written_is_refused_before_the_run(
    place, reason, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(Run, "finish", lambda *_: pytest.fail("it ran"))
    assert simulate(*QUICK, "--report", str(tmp_path / place)) == 2
    assert reason in capsys.readouterr().err


def test_place_is_looked_at_and_left_as_it_was(tmp_path, monkeypatch):
    new, old = tmp_path / "new.html", tmp_path / "old.html"
    old.write_text("an earlier run")
    seen = []

    def look(self, progress):
        seen.append((new.exists(), old.read_text()))
        raise KeyboardInterrupt

    monkeypatch.setattr(Run, "finish", look)
    for path in (new, old):
        assert simulate(*QUICK, "--report", str(path)) == 130
    assert seen == [(False, "an earlier run")] * 2


def test_result_is_shown_even_if_its_page_cannot_be_written_any_more(tmp_path, capsys, monkeypatch):
    folder = tmp_path / "reports"
    folder.mkdir()
    finish = Run.finish

    def finish_late(self, progress):
        result = finish(self, progress)
        folder.rmdir()
        return result

    monkeypatch.setattr(Run, "finish", finish_late)
    assert simulate(*QUICK, "--report", str(folder / "run.html")) == 1
    shown = capsys.readouterr()
    assert "trace" in shown.out
    assert "run.html" in shown.err


@pytest.mark.parametrize(
    ("name", "reason"), [("gone.toml", "No such file or directory"), (".", "Is a directory")]
)
def test_scenario_file_that_cannot_be_read_ends_with_misuse(name, reason, tmp_path, capsys):
    path = str(tmp_path / name)
    assert simulate(path) == 2
    told = capsys.readouterr().err
    assert path.rstrip("/.") in told
    assert reason in told


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
