"""The unit is bounded and shut away, and holds no secret."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import chaindeck
from chaindeck.supervisor.systemd import plan_unit

ANN = Path("/home") / "ann"


def lines_of(home: str, *, for_user: bool = False) -> list[str]:
    return plan_unit(Path(home), "/opt/deck/bin/chaindeck", for_user=for_user).text.splitlines()


def test_unit_has_the_documented_limits_and_is_shut_away() -> None:
    lines = lines_of("/var/lib/chaindeck")
    for line in (
        "Type=notify",
        "ExecStart=/opt/deck/bin/chaindeck up",
        "Environment=CHAINDECK_HOME=/var/lib/chaindeck",
        "MemoryMax=1G",
        "CPUQuota=50%",
        "NoNewPrivileges=yes",
        "CapabilityBoundingSet=",
        "ProtectSystem=strict",
        "ReadWritePaths=/var/lib/chaindeck",
        "WantedBy=multi-user.target",
    ):
        assert line in lines


@pytest.fixture
def installed_in_opt(monkeypatch) -> None:
    """As a distribution installs it: nothing of the program lies in anybody's home."""
    for name in ("prefix", "base_prefix"):
        monkeypatch.setattr(sys, name, "/opt/deck")
    monkeypatch.setattr(chaindeck, "__file__", "/opt/deck/lib/chaindeck/__init__.py")


@pytest.mark.usefixtures("installed_in_opt")
def test_homes_and_temporary_files_of_others_are_out_of_sight() -> None:
    lines = lines_of("/var/lib/chaindeck")
    assert "ProtectHome=yes" in lines
    assert "PrivateTmp=yes" in lines


@pytest.mark.usefixtures("installed_in_opt")
def test_home_below_home_can_still_be_reached() -> None:
    assert "ProtectHome=read-only" in lines_of(str(ANN / "deck"))
    assert "PrivateTmp=no" in lines_of("/tmp/deck")


@pytest.mark.usefixtures("installed_in_opt")
@pytest.mark.parametrize("name", ["prefix", "base_prefix"])
def test_program_that_lies_in_a_home_can_still_be_started(monkeypatch, name: str) -> None:
    monkeypatch.setattr(sys, name, str(ANN / "python"))
    assert "ProtectHome=read-only" in lines_of("/var/lib/chaindeck")


@pytest.mark.needs("systemd-analyze")
@pytest.mark.parametrize("for_user", [False, True])
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path, *, for_user: bool) -> None:
    plan = plan_unit(tmp_path, sys.executable, for_user=for_user)
    unit = tmp_path / plan.path.name
    unit.write_text(plan.text)
    words = ["systemd-analyze", "verify", "--man=no", *(["--user"] if for_user else []), str(unit)]
    runtime = {"XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=runtime)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_unit_of_a_user_asks_for_nothing_that_takes_root(monkeypatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(ANN / ".config"))
    plan = plan_unit(ANN / "deck", "/opt/deck/bin/chaindeck", for_user=True)
    lines = plan.text.splitlines()
    privileged = ("User=", "ProtectSystem=", "CapabilityBoundingSet=")
    assert not [line for line in lines if line.startswith(privileged)]
    assert "WantedBy=default.target" in lines
    assert plan.path == ANN / ".config" / "systemd" / "user" / "chaindeck.service"
    assert plan.commands[0] == "systemctl --user daemon-reload"


def test_awkward_paths_are_spelled_as_systemd_reads_them() -> None:
    assert 'Environment=CHAINDECK_HOME="/srv/my 100%% deck"' in lines_of("/srv/my 100% deck")
