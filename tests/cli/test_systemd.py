"""`chaindeck systemd install` writes a unit, says what to do with it, and starts nothing."""

from __future__ import annotations

from pathlib import Path

from chaindeck.cli.main import main


def test_unit_of_a_user_is_written_and_the_next_steps_are_shown(
    tmp_path: Path, monkeypatch, capsys
) -> None:
    monkeypatch.setenv("CHAINDECK_HOME", str(tmp_path / "deck"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    assert main(["systemd", "install", "--user"]) == 0
    unit = tmp_path / "config" / "systemd" / "user" / "chaindeck.service"
    assert f"Environment=CHAINDECK_HOME={tmp_path / 'deck'}\n" in unit.read_text()
    shown = capsys.readouterr().out
    assert str(unit) in shown
    assert "systemctl --user enable --now chaindeck" in shown
    # What lies in it is made by its owner's first start, not by root who writes the unit.
    assert list((tmp_path / "deck").iterdir()) == []


def test_printed_unit_is_written_nowhere(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("CHAINDECK_HOME", str(tmp_path / "deck"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    assert main(["systemd", "install", "--user", "--print"]) == 0
    assert capsys.readouterr().out.startswith("[Unit]\n")
    assert list(tmp_path.iterdir()) == []
