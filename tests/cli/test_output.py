"""What commands write is readable by people and by programs."""

from __future__ import annotations

import json
import sys

import pytest

from chaindeck.cli.output import print_fields, print_table, progress_bar


def test_fields_line_up(capsys: pytest.CaptureFixture[str]) -> None:
    print_fields({"height": 1_234, "coins_hash": "ab"}, as_json=False)
    assert capsys.readouterr().out == "height      1,234\ncoins hash  ab\n"


def test_tables_line_up_and_become_json(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"name": "a", "size": 10}, {"name": "longer", "size": 7}]
    print_table(("name", "size"), rows, as_json=False)
    assert capsys.readouterr().out == "name    size\na       10\nlonger  7\n"
    print_table(("name", "size"), rows, as_json=True)
    assert json.loads(capsys.readouterr().out) == rows
    print_table(("name", "size"), [], as_json=False)
    assert capsys.readouterr().out == "name  size\n"


def test_progress_is_drawn_for_people_alone(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    progress_bar("counting", "things")(1, 2)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    draw = progress_bar("counting", "things")
    draw(1, 2)
    assert capsys.readouterr().err == "", "not more often than people can see"
    draw(2, 2)
    written = capsys.readouterr().err
    assert "counting [##############################] 100%  2 of 2 things" in written
    assert written.endswith("\n")
    draw(0, 0)
    assert "100%" in capsys.readouterr().err
