"""`chaindeck status` and `logs` without anything that runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chaindeck.cli.main import main
from chaindeck.cli.status import show_age
from chaindeck.supervisor.first_start import prepare
from chaindeck.supervisor.settings import read_environment


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-3, "0 s"),
        (59.4, "59 s"),
        (60, "1 m 0 s"),
        (3_599, "59 m 59 s"),
        (3_600, "1 h 0 s"),
        (90_061, "1 d 1 h"),
    ],
)
def test_ages_are_shown_in_their_two_largest_units(seconds: float, shown: str) -> None:
    assert show_age(seconds) == shown


def test_home_that_is_none_yet_is_not_well(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("CHAINDECK_HOME", str(tmp_path / "none"))
    assert main(["status"]) == 1
    assert "`chaindeck up` makes it" in capsys.readouterr().err
    assert main(["status", "--json"]) == 1
    assert json.loads(capsys.readouterr().out) == []
    assert main(["logs"]) == 1
    assert "there are no logs" in capsys.readouterr().err
    assert main(["restart"]) == 1
    assert "(supervisor-away)" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_parts_that_do_not_run_are_listed_as_stopped(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("CHAINDECK_HOME", str(tmp_path))
    prepare(read_environment({"CHAINDECK_HOME": str(tmp_path)}), nodes=2, demo=True)
    assert main(["status", "--json"]) == 1
    parts = {part["name"]: part["state"] for part in json.loads(capsys.readouterr().out)}
    assert {"node-1", "node-2", "payments"} <= set(parts)
    assert set(parts.values()) == {"stopped"}
    capsys.readouterr()
    assert main(["status"]) == 1
    # One line for all of them.
    told = capsys.readouterr().err
    assert told == f"chaindeck: nothing runs in {tmp_path}; `chaindeck up` starts it\n"


def test_wrong_number_of_lines_is_misuse(capsys) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["logs", "-n", "many"])
    assert ended.value.code == 2
