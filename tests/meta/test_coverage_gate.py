"""The coverage gate notices a missing line, a missing branch and a floor over nothing."""

import json

import pytest

from tools import coverage_gate

FLOORS = {"chaindeck/ledger/": 100.0}


def report(lines=(), branches=()):
    return {
        "src/chaindeck/ledger/money.py": {
            "summary": {
                "covered_lines": 10 - len(lines),
                "num_statements": 10,
                "covered_branches": 4 - len(branches),
                "num_branches": 4,
            },
            "missing_lines": list(lines),
            "missing_branches": list(branches),
        }
    }


def test_full_coverage_passes():
    assert not coverage_gate.check_floors(report(), FLOORS)


@pytest.mark.parametrize(
    ("gaps", "named"),
    [({"lines": [7]}, "money.py:7"), ({"branches": [[3, 5]]}, "money.py:3->5")],
)
def test_missing_line_or_branch_is_named(gaps, named):
    (problem,) = coverage_gate.check_floors(report(**gaps), FLOORS)
    assert named in problem


def test_floor_below_the_figure_holds():
    assert not coverage_gate.check_floors(report(lines=[7]), {"chaindeck/ledger/": 92.0})


def test_floor_over_no_file_is_a_problem():
    (problem,) = coverage_gate.check_floors(report(), {"chaindeck/attic/": 100.0})
    assert "no file" in problem


def test_exit_status_tells(tmp_path, monkeypatch):
    monkeypatch.setattr(coverage_gate, "FLOORS", FLOORS)
    path = tmp_path / "coverage.json"
    for files, status in ((report(), 0), (report(lines=[1]), 1)):
        path.write_text(json.dumps({"files": files, "totals": {"percent_covered": 99.0}}))
        assert coverage_gate.main([str(path)]) == status
