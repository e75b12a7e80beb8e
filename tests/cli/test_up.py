"""What `chaindeck up` says when it is ready."""

import sys
from pathlib import Path

from chaindeck.cli.main import main
from chaindeck.cli.up import _first_password
from chaindeck.store.instance import InstanceLock
from chaindeck.supervisor.errors import SupervisorElsewhere
from chaindeck.supervisor.home import Home, make_home


def home_with_password(folder: Path) -> Home:
    home = Home(folder)
    home.first_password.parent.mkdir()
    home.first_password.write_text("correct horse")
    return home


def test_first_password_is_shown_once_on_a_terminal(tmp_path: Path, monkeypatch) -> None:
    home = home_with_password(tmp_path)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert "correct horse" in " ".join(_first_password(home))
    assert not home.first_password.exists()
    assert _first_password(home) == []


def test_first_password_never_gets_into_a_log(tmp_path: Path, monkeypatch) -> None:
    home = home_with_password(tmp_path)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: False)
    (line,) = _first_password(home)
    assert "correct horse" not in line
    assert str(home.first_password) in line
    assert home.first_password.exists()


def test_systemd_is_refused_a_home_that_somebody_else_supervises(
    tmp_path: Path, monkeypatch, capsys
) -> None:
    home = make_home(tmp_path / "deck")
    lock = InstanceLock(home.supervisor)
    monkeypatch.setenv("CHAINDECK_HOME", str(home.folder))
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    try:
        assert main(["up"]) == 3
    finally:
        lock.release()
    told = capsys.readouterr().err
    assert "run `chaindeck down`" in told
    assert f"({SupervisorElsewhere.code})" in told
