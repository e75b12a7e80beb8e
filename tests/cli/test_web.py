"""`chaindeck web` and `chaindeck manage` as who types them sees them."""

import subprocess

import pytest

from chaindeck.cli import web
from chaindeck.cli.main import main
from chaindeck.cli.output import MISUSE, REFUSED
from chaindeck.control.errors import WebPortTaken
from tests.coordinator.processes import COMMAND


def test_help_names_every_setting(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["web", "--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    for variable in ("CHAINDECK_HOME", "CHAINDECK_PORT", "DATABASE_URL", "ALLOWED_ORIGINS"):
        assert variable in text


def test_insecure_listening_is_misuse(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("CHAINDECK_HOME", str(tmp_path))
    assert main(["web", "--host", "0.0.0.0"]) == MISUSE
    assert "web-insecure" in capsys.readouterr().err


def test_taken_port_is_a_refusal(monkeypatch, capsys, tmp_path):
    async def taken(home, config):
        raise WebPortTaken(port=config.port)

    monkeypatch.setenv("CHAINDECK_HOME", str(tmp_path))
    monkeypatch.setattr(web, "run_web", taken)
    assert main(["web"]) == REFUSED
    assert "web-port-taken" in capsys.readouterr().err


def manage(home, *words):
    return subprocess.run(
        [COMMAND, "manage", *words],
        env={"CHAINDECK_HOME": str(home), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_manage_runs_commands_of_django_on_the_records_of_a_home(tmp_path):
    done = manage(tmp_path, "migrate", "--verbosity", "0")
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "records.sqlite3").exists()
    assert "Available subcommands" in manage(tmp_path, "help").stdout
    assert manage(tmp_path, "nonsense").returncode == 1
