"""What a keeper looks at before it starts anything, and what it refuses."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
from pathlib import Path

import msgspec
import pytest

from chaindeck.supervisor.errors import PartFailed, PartUnknown, PortHeld, StrangerRuns
from chaindeck.supervisor.first_start import prepare
from chaindeck.supervisor.history import DEFAULT_PACE
from chaindeck.supervisor.home import Home, make_home
from chaindeck.supervisor.keeper import Keeper, Surroundings
from chaindeck.supervisor.notifications import Notebook
from chaindeck.supervisor.parts import list_parts
from chaindeck.supervisor.processes import start_run
from chaindeck.supervisor.reaper import Reaper
from chaindeck.supervisor.settings import Wishes
from chaindeck.supervisor.supervisor import Supervisor
from tests.supervisor.keeping import PACE, small_part, wait_until


def keeper_of(home: Home, *modes: str) -> Keeper:
    around = Surroundings(home, PACE, Reaper(), Notebook(home.notifications), set)
    return Keeper(small_part(home, "one", list(modes)), around)


def test_port_of_a_stranger_is_refused_with_its_holder(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]
        keeper = keeper_of(make_home(tmp_path), f"port={port}")
        with pytest.raises(PortHeld) as refused:
            keeper.check_ports()
    assert refused.value.values["port"] == port
    assert str(os.getpid()) in str(refused.value.values["holder"])
    keeper.check_ports()


def test_port_that_a_stranger_has_on_every_address_is_refused(tmp_path: Path) -> None:
    with socket.create_server(("0.0.0.0", 0)) as stranger:
        keeper = keeper_of(make_home(tmp_path), f"port={stranger.getsockname()[1]}")
        with pytest.raises(PortHeld):
            keeper.check_ports()


def test_stranger_whom_a_note_names_is_refused(tmp_path: Path) -> None:
    keeper = keeper_of(make_home(tmp_path))
    (tmp_path / "one").mkdir()
    with subprocess.Popen(["sleep", "60"]) as stranger:
        note = {"pid": stranger.pid, "instance": "x", "address": "http://127.0.0.1:9"}
        (tmp_path / "one" / "running.json").write_text(json.dumps(note))
        with pytest.raises(StrangerRuns):
            asyncio.run(keeper.find())
        stranger.kill()
    assert asyncio.run(keeper.find()) is None
    assert not (tmp_path / "one" / "running.json").exists()


def test_pid_that_is_in_use_again_is_nobodys(tmp_path: Path) -> None:
    keeper = keeper_of(make_home(tmp_path))
    (tmp_path / "one").mkdir()
    path = tmp_path / "one" / "running.json"
    path.write_text(json.dumps({"pid": os.getpid(), "instance": "x", "address": ""}))
    # The note is older than the process that has this number now.
    os.utime(path, (1, 1))
    assert asyncio.run(keeper.find()) is None


def test_part_whose_log_cannot_be_opened_fails(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    home.log("one").mkdir()
    keeper = keeper_of(home)
    with pytest.raises(PartFailed, match="one did not start: Is a directory"):
        asyncio.run(keeper.start())
    assert keeper.state().state == "given_up"


def test_part_gets_no_variable_that_is_withheld_from_it(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://me:secret@db/deck")
    monkeypatch.setenv("LOG_LEVEL", "warning")
    home = make_home(tmp_path)
    part = msgspec.structs.replace(small_part(home, "one", []), withheld=("DATABASE_URL",))

    async def environment() -> bytes:
        run = start_run(part, home.log("one"), Reaper())
        try:
            found: bytes = wait_until(Path(f"/proc/{run.pid}/environ").read_bytes)
        finally:
            os.kill(run.pid, signal.SIGKILL)
            await asyncio.to_thread(os.waitpid, run.pid, 0)
        return found

    found = asyncio.run(environment())
    assert b"LOG_LEVEL=warning" in found
    assert b"secret" not in found


def test_nodes_and_payments_know_nothing_of_the_database(tmp_path: Path) -> None:
    installation = prepare(Wishes(folder=tmp_path / "home"), nodes=2, demo=True)
    withheld = {part.kind for part in list_parts(installation) if "DATABASE_URL" in part.withheld}
    assert withheld == {"node", "payments"}


def test_part_that_is_not_known_is_told_with_those_that_are(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    parts = [small_part(home, name, []) for name in ("one", "two")]
    supervisor = Supervisor(home, parts, Notebook(home.notifications), DEFAULT_PACE)
    with pytest.raises(PartUnknown, match="there is no part three; there are one, two"):
        asyncio.run(supervisor.restart_part("three"))
    assert [state.state for state in supervisor.states()] == ["stopped", "stopped"]
    assert not supervisor.is_well
