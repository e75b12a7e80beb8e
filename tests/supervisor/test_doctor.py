"""The doctor names what is wrong with an installation and what to do about it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

from chaindeck.supervisor.doctor import examine
from chaindeck.supervisor.first_start import prepare
from chaindeck.supervisor.home import Home
from chaindeck.supervisor.settings import Config, NodeEntry, read_environment, store_config
from tests.functional.ups import free_ports


def installed(folder: Path) -> tuple[Home, list[int]]:
    prepare(read_environment({"CHAINDECK_HOME": str(folder)}), nodes=1)
    api, p2p, web = free_ports(3)
    store_config(Home(folder), Config(nodes=(NodeEntry("node-1", api, p2p),), web_port=web))
    return Home(folder), [api, p2p, web]


def bad(home: Home) -> dict[str, str]:
    return {
        finding.check: f"{finding.detail}; {finding.remedy}"
        for finding in examine(home)
        if finding.verdict != "good"
    }


def test_good_installation_has_no_complaint(tmp_path: Path) -> None:
    home, _ = installed(tmp_path)
    assert bad(home) == {}


def test_home_that_is_not_there_yet_is_no_fault(tmp_path: Path) -> None:
    assert bad(Home(tmp_path / "none")) == {}


def test_open_secrets_are_named_with_the_remedy(tmp_path: Path) -> None:
    home, _ = installed(tmp_path)
    home.operator_wallet.chmod(0o640)
    assert f"chmod 600 {home.operator_wallet}" in bad(home)["secrets"]


def test_open_home_is_a_warning(tmp_path: Path) -> None:
    home, _ = installed(tmp_path)
    tmp_path.chmod(0o750)
    assert f"chmod 700 {tmp_path}" in bad(home)["home"]


def test_stranger_at_a_port_is_named(tmp_path: Path) -> None:
    home, ports = installed(tmp_path)
    for port in ports:
        with socket.create_server(("127.0.0.1", port)):
            assert f"{port}, which " in bad(home)["port"]
            assert f"process {os.getpid()} (" in bad(home)["port"]


def test_note_that_lies_is_named(tmp_path: Path) -> None:
    home, _ = installed(tmp_path)
    folder = home.nodes / "node-1"
    folder.mkdir()
    with subprocess.Popen(["true"]) as gone:
        gone.wait()
    (folder / "running.json").write_text(f'{{"pid": {gone.pid}, "instance": "x"}}')
    assert f"names process {gone.pid}, which has ended" in bad(home)["note"]
    (folder / "running.json").write_text("{")
    assert "cannot be read" in bad(home)["note"]


def test_broken_configuration_is_named(tmp_path: Path) -> None:
    home, _ = installed(tmp_path)
    home.config.write_text("{}")
    assert "nodes" in bad(home)["configuration"]


def test_leftover_of_a_killed_supervisor_is_named(tmp_path: Path) -> None:
    home, _ = installed(tmp_path)
    mark = f"{tmp_path}/nodes/node-1:node-1:0"
    with subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, env={"CHAINDECK_RUN": mark}
    ) as leftover:
        assert f"process {leftover.pid} (" in bad(home)["leftover"]
        leftover.kill()
