"""The benchmark harness: warm-up, turns, verdicts, table, JSON and the gate."""

import json

import pytest

import bench.__main__ as program
from bench.harness import Benchmark, format_figure, judge, measure, render_table, write_json


class Scripted:
    """A benchmark body that returns the given figures in order and notes each call."""

    def __init__(self, figures, log=None, name=""):
        self.figures = iter(figures)
        self.log = [] if log is None else log
        self.name = name

    def __call__(self):
        self.log.append(self.name)
        return next(self.figures)


def make(figures=(0.0, 1.0, 2.0, 3.0), **changes):
    settings = {"name": "hash", "unit": "MH/s", "floor": None, "goal": None, "repetitions": 3}
    return Benchmark(run=Scripted(figures), **(settings | changes))


def test_warm_up_figure_does_not_count():
    result = measure(make([1000.0, 1.0, 3.0, 2.0]))
    assert (result.median, result.lowest, result.highest) == (2.0, 1.0, 3.0)


def test_reference_is_run_turn_by_turn():
    log: list[str] = []
    benchmark = Benchmark(
        name="hash",
        unit="MH/s",
        run=Scripted([9.0, 1.0, 2.0, 3.0], log, "run"),
        reference=Scripted([9.0, 4.0, 4.0, 4.0], log, "reference"),
        floor=None,
        goal=None,
        repetitions=3,
    )
    result = measure(benchmark)
    assert log == ["run", "reference"] * 4
    assert result.reference_median == 4.0
    assert result.ratio == 0.5


def test_ratio_is_absent_without_a_reference():
    assert measure(make()).ratio is None


def test_quick_run_takes_three_repetitions():
    benchmark = make([0.0] * 20, repetitions=7)
    measure(benchmark, quick=True)
    assert len(benchmark.run.log) == 4


@pytest.mark.parametrize(
    ("median", "higher_is_better", "verdict"),
    [
        (15.0, True, "goal"),
        (14.9, True, "floor"),
        (12.0, True, "floor"),
        (11.9, True, "below"),
        (12.0, False, "below"),
    ],
)
def test_verdict_changes_at_floor_and_goal(median, higher_is_better, verdict):
    benchmark = make(floor=12.0, goal=15.0, higher_is_better=higher_is_better)
    if not higher_is_better:
        benchmark = make(floor=10.0, goal=6.0, higher_is_better=False)
    assert judge(benchmark, median) == verdict


@pytest.mark.parametrize(("median", "verdict"), [(6.0, "goal"), (10.0, "floor"), (10.1, "below")])
def test_lower_figure_wins_where_lower_is_better(median, verdict):
    assert judge(make(floor=10.0, goal=6.0, higher_is_better=False), median) == verdict


def test_bar_that_is_not_set_counts_as_reached():
    assert judge(make(), 0.0) == "goal"
    assert judge(make(floor=1.0), 1.0) == "goal"


@pytest.mark.parametrize(
    ("value", "text"), [(None, "-"), (0.01234, "0.0123"), (14.72, "14.7"), (32800.4, "32,800")]
)
def test_figures_keep_three_digits(value, text):
    assert format_figure(value) == text


def test_table_lines_up():
    results = [measure(make(name="a")), measure(make(name="a longer name", floor=100.0))]
    lines = render_table(results).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert lines[0].split()[0] == "benchmark"
    assert lines[2].endswith("below")


def test_json_holds_commit_machine_and_spread(tmp_path):
    path = tmp_path / "deep" / "result.json"
    write_json([measure(make())], path)
    report = json.loads(path.read_text())
    assert set(report) == {"date", "commit", "machine", "results"}
    assert report["machine"]["cores"]
    assert report["results"][0]["lowest"] == 1.0


@pytest.fixture
def fake_group(monkeypatch):
    """One group named `fake` whose only benchmark misses its floor."""
    monkeypatch.setattr(program, "find_groups", lambda: ["fake"])
    monkeypatch.setattr(program, "load_group", lambda name: [make(floor=100.0)])


@pytest.mark.usefixtures("fake_group")
def test_missed_floor_fails_only_behind_the_gate(tmp_path, capsys):
    target = ["--json", str(tmp_path / "out.json"), "--quick"]
    assert program.main(["fake", *target]) == 0
    assert program.main([*target, "--gate"]) == 1
    assert "below" in capsys.readouterr().out


@pytest.mark.usefixtures("fake_group")
def test_unknown_group_is_refused(capsys):
    with pytest.raises(SystemExit) as stop:
        program.main(["nothing"])
    assert stop.value.code == 2
    assert "there are fake" in capsys.readouterr().err


def test_groups_are_the_modules_beside_the_harness():
    assert not program.NOT_GROUPS & set(program.find_groups())
    for group in program.find_groups():
        assert all(isinstance(item, Benchmark) for item in program.load_group(group))
