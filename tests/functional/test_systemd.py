"""systemd keeps everything as the installed unit says: a real one, on a machine of its own.

It runs with `CHAINDECK_TEST_PROFILE=prove` only.
"""

from __future__ import annotations

import json
import socket
import stat
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.functional.machines import ANN, LIMIT_S, Machine, machine
from tests.functional.processes import COMMAND
from tests.functional.ups import free_ports
from tests.supervisor.keeping import wait_until

pytestmark = pytest.mark.needs("systemd")

UNIT = "/etc/systemd/system/chaindeck.service"
MOST_EXPOSED = 20
"""In tenths: what `systemd-analyze security` gives to the unit of a machine at most."""


class Service:
    """A unit for a home of one node, and who manages it: the machine's systemd, or ann's own."""

    def __init__(self, inside: Machine, home: str, *, for_user: bool = False) -> None:
        self.inside = inside
        self.home = home
        self.ports = free_ports(3)
        self._for_user = for_user
        self._words = ("--user",) if for_user else ()
        self.configure({"nodes": [self._entry()], "web_port": self.ports[0]})

    def _entry(self) -> dict[str, Any]:
        return {"name": "node-1", "api_port": self.ports[1], "p2p_port": self.ports[2]}

    def configure(self, values: dict[str, Any]) -> None:
        path = self.inside.path(f"{self.home}/config.json")
        path.write_text(json.dumps(values))
        for item in (path.parent, path):
            item.chmod(0o700 if item.is_dir() else 0o600)
            self.inside.run("chown", "ann:ann", f"{self.home}/{item.name if item == path else ''}")

    def ask(self, *words: str | Path, as_ann: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command with the variables that a person would set."""
        return self.inside.run(
            *words, as_ann=as_ann, CHAINDECK_HOME=self.home, XDG_RUNTIME_DIR=f"/run/user/{ANN}"
        )

    def deck(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.ask(COMMAND, *words)

    def install(self) -> None:
        """Do what the verb says is to be done."""
        done = self.ask(COMMAND, "systemd", "install", *self._words, as_ann=self._for_user)
        assert done.returncode == 0, done.stderr
        assert "enable --now chaindeck" in done.stdout
        assert self.systemctl("daemon-reload").returncode == 0

    def systemctl(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.ask("systemctl", *self._words, *words, as_ann=self._for_user)

    def show(self, name: str) -> str:
        return self.systemctl("show", "-P", name, "chaindeck").stdout.strip()

    def start(self) -> None:
        done = self.systemctl("enable", "--now", "chaindeck")
        assert done.returncode == 0, done.stderr + self.journal()
        # Its type is `notify`: it counts as active when it said that everything is ready.
        assert self.show("ActiveState") == "active"
        assert "everything is ready" in self.journal()

    def journal(self) -> str:
        """Return the lines of all its lives, as root, who may read every journal."""
        which = ("-t", "chaindeck") if self._for_user else ("-u", "chaindeck")
        return self.inside.run("journalctl", "-o", "cat", *which).stdout

    def is_well(self) -> bool:
        return self.show("ActiveState") == "active" and self.deck("status").returncode == 0

    def parts(self) -> dict[str, Any]:
        return {part["name"]: part for part in json.loads(self.deck("status", "--json").stdout)}

    def expect_nothing_left(self) -> None:
        assert self.inside.processes() == set()
        folder = self.inside.path(self.home)
        patterns = ("**/*.sock", "**/running.json", "**/*.chaindeck-new")
        assert [path for pattern in patterns for path in folder.glob(pattern)] == []
        assert {part["state"] for part in self.parts().values()} == {"stopped"}
        for port in self.ports:
            with socket.create_server(("127.0.0.1", port)):
                pass


@pytest.fixture
def inside() -> Iterator[Machine]:
    with machine() as made:
        yield made


@pytest.fixture
def service(inside: Machine) -> Service:
    made = Service(inside, "/srv/deck")
    made.install()
    return made


def height(service: Service) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{service.ports[1]}/api/status") as answer:
        found: int = json.load(answer)["height"]
    return found


def test_unit_of_the_machine_runs_everything_as_the_owner_shut_away_and_bounded(
    service: Service,
) -> None:
    verified = service.inside.run("systemd-analyze", "verify", "--man=no", UNIT)
    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")
    service.start()
    assert service.systemctl("is-enabled", "chaindeck").stdout == "enabled\n"
    assert service.deck("status").returncode == 0
    assert service.deck("doctor").returncode == 0
    assert {process.uids().real for process in service.inside.processes()} == {ANN}
    assert service.show("MemoryMax") == str(2**30)
    assert service.show("CPUQuotaPerSecUSec") == "500ms"
    rated = service.inside.run(
        "systemd-analyze", "security", "--no-pager", f"--threshold={MOST_EXPOSED}", "chaindeck"
    )
    print(rated.stdout.splitlines()[-1])
    assert rated.returncode == 0, rated.stdout
    # What it is kept from does not hinder it: blocks come, and their owner can read the secrets.
    wait_until(lambda: height(service) >= 2, LIMIT_S)
    secrets = service.inside.path("/srv/deck/secrets.json").stat()
    assert (secrets.st_uid, stat.S_IMODE(secrets.st_mode)) == (ANN, 0o600)


@pytest.mark.parametrize("target", ["guard", "supervisor"])
def test_service_whose_process_is_killed_is_started_again_without_an_orphan(
    service: Service, target: str
) -> None:
    service.start()
    before = service.inside.processes()
    if target == "guard":
        service.systemctl("kill", "--kill-whom=main", "--signal=KILL", "chaindeck")
    else:
        note = service.inside.path("/srv/deck/supervisor/running.json").read_text()
        service.inside.run("kill", "-KILL", str(json.loads(note)["pid"]))
    wait_until(lambda: not any(process.is_running() for process in before), LIMIT_S)
    wait_until(lambda: service.show("NRestarts") == "1", LIMIT_S)
    wait_until(service.is_well, LIMIT_S)
    assert len(service.inside.processes()) == len(before)


def test_part_that_is_killed_is_no_matter_for_systemd(service: Service) -> None:
    service.start()
    killed = service.parts()["node-1"]["pid"]
    service.inside.run("kill", "-KILL", str(killed))
    wait_until(lambda: service.parts()["node-1"]["pid"] not in (killed, None), LIMIT_S)
    wait_until(service.is_well, LIMIT_S)
    assert service.show("NRestarts") == "0"
    assert "it was killed by signal 9" in service.journal()


def test_restart_replaces_everything_and_stop_leaves_nothing(service: Service) -> None:
    service.start()
    before = service.inside.processes()
    # There is nothing that it could take up anew without being started again.
    assert service.systemctl("reload", "chaindeck").returncode != 0
    assert service.systemctl("restart", "chaindeck").returncode == 0
    assert service.is_well()
    assert not any(process.is_running() for process in before)
    assert service.systemctl("stop", "chaindeck").returncode == 0
    assert (service.show("ActiveState"), service.show("Result")) == ("inactive", "success")
    service.expect_nothing_left()
    assert service.systemctl("start", "chaindeck").returncode == 0
    assert service.deck("down").stdout == "stopped\n"
    wait_until(lambda: service.show("ActiveState") == "inactive", LIMIT_S)
    service.expect_nothing_left()


def test_wrong_setting_is_told_once_and_not_tried_again(service: Service) -> None:
    service.configure({"nodes": [], "web_port": service.ports[0]})
    assert service.systemctl("start", "chaindeck").returncode != 0
    assert service.show("ActiveState") == "failed"
    assert service.show("NRestarts") == "0"
    assert "(setting-invalid)" in service.journal()


def test_home_that_somebody_else_supervises_is_refused_until_it_is_free(service: Service) -> None:
    assert service.deck("up", "--detach").returncode == 0
    other = service.inside.processes()
    assert service.systemctl("start", "chaindeck").returncode != 0
    assert "(supervisor-elsewhere)" in service.journal()
    assert service.inside.processes() == other
    assert service.deck("down").stdout == "stopped\n"
    wait_until(service.is_well, LIMIT_S)


def test_unit_of_a_user_needs_no_right_that_a_user_lacks(inside: Machine) -> None:
    begun = inside.run(
        *("systemd-run", f"--uid={ANN}", f"--gid={ANN}", "--property=Delegate=yes"),
        *("--property=Type=notify", f"--setenv=XDG_RUNTIME_DIR=/run/user/{ANN}"),
        *("--setenv=HOME=/srv/ann", "/lib/systemd/systemd", "--user", "--unit=basic.target"),
    )
    assert begun.returncode == 0, begun.stderr
    service = Service(inside, "/srv/deck", for_user=True)
    service.install()
    unit = "/srv/ann/.config/systemd/user/chaindeck.service"
    verified = service.ask("systemd-analyze", "verify", "--user", "--man=no", unit)
    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")
    service.start()
    before = service.inside.processes()
    service.systemctl("kill", "--kill-whom=main", "--signal=KILL", "chaindeck")
    wait_until(lambda: not any(process.is_running() for process in before), LIMIT_S)
    wait_until(lambda: service.show("NRestarts") == "1", LIMIT_S)
    wait_until(service.is_well, LIMIT_S)
    assert service.systemctl("stop", "chaindeck").returncode == 0
    service.expect_nothing_left()
