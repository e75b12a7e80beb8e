"""The unit is bounded and shut away, and holds no secret."""

from __future__ import annotations

from pathlib import Path

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
        "ProtectHome=yes",
        "ReadWritePaths=/var/lib/chaindeck",
        "WantedBy=multi-user.target",
    ):
        assert line in lines


def test_home_below_home_can_still_be_reached() -> None:
    assert "ProtectHome=read-only" in lines_of(str(ANN / "deck"))


def test_unit_of_a_user_asks_for_nothing_that_takes_root(monkeypatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(ANN / ".config"))
    plan = plan_unit(ANN / "deck", "/opt/deck/bin/chaindeck", for_user=True)
    lines = plan.text.splitlines()
    assert not [line for line in lines if line.startswith(("User=", "ProtectSystem="))]
    assert "WantedBy=default.target" in lines
    assert plan.path == ANN / ".config" / "systemd" / "user" / "chaindeck.service"
    assert plan.commands[0] == "systemctl --user daemon-reload"


def test_awkward_paths_are_spelled_as_systemd_reads_them() -> None:
    assert 'Environment=CHAINDECK_HOME="/srv/my 100%% deck"' in lines_of("/srv/my 100% deck")
