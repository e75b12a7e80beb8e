"""`chaindeck up` and its companions with real nodes: started, looked at, killed, stopped."""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import socket
import stat
import subprocess
import time
from functools import partial
from typing import IO

import psutil
import pytest

from chaindeck.rpc.access import supervisor_access
from chaindeck.rpc.channel import RpcChannel
from chaindeck.rpc.client import SupervisorClient
from chaindeck.rpc.errors import PartRefused
from chaindeck.supervisor.control import find_supervisor
from chaindeck.supervisor.home import Home
from chaindeck.supervisor.remote import ask
from chaindeck.supervisor.settings import load_config
from tests.functional.processes import COMMAND
from tests.functional.ups import Installed, installed
from tests.supervisor.keeping import wait_until

IS_LONG = os.environ.get("CHAINDECK_TEST_PROFILE") == "prove"
CYCLES = 50 if IS_LONG else 2
KILLS = 25 if IS_LONG else 4


def test_first_start_makes_a_home_for_its_owner_alone_and_the_network_lives() -> None:
    with installed(2) as home:
        done = home.up()
        assert "everything is ready: http://127.0.0.1:" in done.stdout
        folder = home.home.folder
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        for name in ("secrets.json", "wallets/operator.json", "supervisor/grpc.sock"):
            assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600, name
        states = home.states()
        assert {"node-1", "node-2"} <= set(states)
        assert {part["state"] for part in states.values()} == {"ready"}
        assert home.run("status").returncode == 0
        url = states["node-2"]["address"]
        wait_until(lambda: json.loads(fetch(f"{url}/api/status"))["height"] >= 2)
        payee = json.loads(fetch(f"{url}/api/block/1"))
        assert payee["height"] == 1
        assert home.run("down").stdout == "stopped\n"
        assert home.run("down").stdout == "nothing was running\n"
        home.expect_nothing_left()


def fetch(url: str) -> bytes:
    done = subprocess.run(["curl", "-sf", url], capture_output=True, check=True)
    return done.stdout


def test_cycles_of_start_and_stop_leave_nothing() -> None:
    with installed(2) as home:
        for _ in range(CYCLES):
            home.up()
            assert home.run("down").returncode == 0
            home.expect_nothing_left()


def test_warm_start_is_ready_within_the_floor() -> None:
    with installed(3) as home:
        home.up()
        home.run("down")
        started = time.monotonic()
        home.up()
        assert time.monotonic() - started < 12
        home.run("down")


def test_second_up_says_what_runs_and_changes_nothing() -> None:
    with installed() as home:
        home.up()
        before = home.pid_of("node-1")
        done = home.up()
        assert "runs already, and is well: node-1" in done.stdout
        assert f"the control room is at http://127.0.0.1:{home.ports[0]}\n" in done.stdout
        assert home.pid_of("node-1") == before
        restarted = home.up("--restart")
        assert "everything is ready" in restarted.stdout
        assert home.pid_of("node-1") != before
        home.run("down")
        home.expect_nothing_left()


def test_of_two_ups_at_once_one_wins_and_the_other_says_what_runs() -> None:
    with installed() as home:
        both = [home.launch("up", "--detach") for _ in range(2)]
        texts = sorted(process.communicate(timeout=60)[0] for process in both)
        assert [process.returncode for process in both] == [0, 0], texts
        assert sum("everything is ready" in text for text in texts) == 1
        assert sum("runs already, and is well" in text for text in texts) == 1
        home.run("down")
        home.expect_nothing_left()


def test_foreground_shows_progress_and_ctrl_c_stops_everything() -> None:
    with installed() as home, home.launch("up") as process:
        assert process.stdout is not None
        lines: list[str] = []
        while "everything is ready" not in (line := process.stdout.readline()):
            assert line, lines
            lines.append(line)
        assert lines[0].split() == ["node-1", "starting"]
        assert lines[1].split()[:3] == ["node-1", "ready", "after"]
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(30) == 0
        home.expect_nothing_left()


def test_stranger_on_each_port_is_named_and_left_alone() -> None:
    with installed(2) as home:
        for port in home.ports:
            with socket.create_server(("127.0.0.1", port)):
                done = home.run("up", "--detach")
                assert done.returncode == 3
                assert f"port {port}, which " in done.stdout
                assert f"is held by process {os.getpid()} (" in done.stdout
                found = home.run("doctor")
                assert found.returncode == 1
                assert f"held by process {os.getpid()}" in found.stdout
        home.expect_nothing_left()


def test_node_that_cannot_start_stops_all_and_is_quoted() -> None:
    with installed(2) as home:
        folder = home.home.nodes / "node-2"
        folder.mkdir(parents=True)
        (folder / "node.json").write_text('{"genesis": "/nowhere/genesis.json"}')
        done = home.run("up", "--detach")
        assert done.returncode == 1
        assert "node-2 did not start: it ended with exit code 2; its log ends:" in done.stdout
        assert "/nowhere/genesis.json" in done.stdout
        home.expect_nothing_left()


def test_wrong_setting_of_a_node_is_named_before_anything_is_started() -> None:
    with installed(2) as home:
        folder = home.home.nodes / "node-2"
        folder.mkdir(parents=True)
        (folder / "node.json").write_text('{"mining": "sometimes"}')
        done = home.run("up", "--detach")
        assert done.returncode == 2
        assert str(folder / "node.json") in done.stderr
        assert "sometimes" in done.stderr
        assert home.processes() == []


def test_killed_processes_come_back_and_nothing_is_left(rng) -> None:
    with installed(2) as home:
        home.up()
        count = len(home.processes())
        for _ in range(KILLS):
            parts = home.states()
            target = rng.choice([*parts, "supervisor", "guard"])
            kill(home, target)
            if target in ("supervisor", "guard"):
                wait_until(lambda: not home.processes())
                home.up()
            wait_until(lambda: is_settled(home))
            # A part that was killed too often waits for a person.
            for name, part in home.states().items():
                if part["state"] == "given_up":
                    assert home.run("restart", name).returncode == 0
            assert home.run("status").returncode == 0
            wait_until(lambda: len(home.processes()) == count)
        assert home.run("down").returncode == 0
        home.expect_nothing_left()


def is_settled(home: Installed) -> bool:
    return {part["state"] for part in home.states().values()} <= {"ready", "given_up"}


def kill(home: Installed, target: str) -> None:
    """Kill a process with no chance to say good-bye."""
    supervisor = find_supervisor(home.home)
    assert supervisor
    if target == "guard":
        pid = psutil.Process(supervisor).ppid()
    else:
        pid = supervisor if target == "supervisor" else home.states()[target]["pid"]
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not psutil.pid_exists(pid))


def test_node_that_hangs_is_replaced_by_the_next_up() -> None:
    with installed() as home:
        home.up()
        hanging = home.pid_of("node-1")
        assert hanging
        os.kill(hanging, signal.SIGSTOP)
        wait_until(lambda: home.states()["node-1"]["state"] == "sick")
        assert home.run("status").returncode == 1
        assert "node-1       sick, and is started again: no answer within" in home.up().stdout
        assert home.pid_of("node-1") != hanging
        assert not psutil.pid_exists(hanging)
        home.run("down")


def test_part_that_was_stopped_by_order_is_started_by_the_next_up() -> None:
    with installed(2) as home:
        home.up()
        ask(home.home, partial(SupervisorClient.stop_part, name="node-2"))
        assert home.states()["node-2"]["reason"] == "stopped by order"
        assert "node-2: stopped by order" in home.run("status").stderr
        done = home.up()
        assert "node-2       stopped, and is started again: stopped by order" in done.stdout
        assert home.states()["node-2"]["state"] == "ready"
        assert home.run("status").returncode == 0
        home.run("down")
        home.expect_nothing_left()


def test_supervisor_that_hangs_is_told_of_and_replaced_on_demand() -> None:
    with installed() as home:
        home.up()
        hanging = find_supervisor(home.home)
        assert hanging
        os.kill(hanging, signal.SIGSTOP)
        done = home.run("status")
        assert done.returncode == 3
        assert "(supervisor-silent)" in done.stderr
        os.kill(hanging, signal.SIGCONT)
        wait_until(lambda: home.run("status").returncode == 0)
        home.run("down")
        home.expect_nothing_left()


def test_restart_replaces_one_part_and_leaves_the_others() -> None:
    with installed(2) as home:
        home.up()
        first, second = home.pid_of("node-1"), home.pid_of("node-2")
        done = home.run("restart", "node-2")
        assert done.returncode == 0
        assert done.stdout.split()[:2] == ["node-2", "ready,"]
        assert home.pid_of("node-1") == first
        assert home.pid_of("node-2") != second
        unknown = home.run("restart", "node-9")
        assert unknown.returncode == 1
        assert "(part-unknown)" in unknown.stderr
        home.run("down")


def test_number_of_nodes_is_kept_and_changed_by_the_next_start() -> None:
    with installed(1) as home:
        done = home.run("up", "--detach", "--nodes", "2", CHAINDECK_NODES="3")
        assert done.returncode == 0, done.stdout
        assert {"node-1", "node-2"} <= set(home.states())
        assert "node-3" not in home.states()
        home.up("--restart", "--nodes", "1")
        assert "node-2" not in home.states()
        assert (home.home.nodes / "node-2" / "genesis.json").exists()
        home.run("down")
        assert home.states()["node-1"]["state"] == "stopped"


def test_secrets_are_in_no_log_command_or_environment() -> None:
    with installed(1) as home:
        home.up("--demo")
        hidden = list(json.loads(home.home.secrets.read_text()).values())
        seen = "".join(path.read_text() for path in home.home.logs.iterdir())
        seen += home.home.notifications.read_text()
        for process in home.processes():
            seen += " ".join(process.cmdline()) + str(process.environ())
        assert not [secret for secret in hidden if secret in seen]
        home.run("down")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CHAINDECK_NODES", "many"),
        ("CHAINDECK_NODES", "0"),
        ("CHAINDECK_NODES", "21"),
        ("CHAINDECK_PORT", "0"),
        ("CHAINDECK_PORT", "65536"),
        ("CHAINDECK_PORT", "web"),
        ("CHAINDECK_HOME", "some/where"),
        ("CHAINDECK_HOME", "/etc/passwd"),
        ("CHAINDECK_HOME", "/tmp/" + "long/" * 25),
        ("CHAINDECK_HOME", "~nobody-of-this-name/x"),
    ],
)
def test_wrong_variable_is_named_with_an_example(name: str, value: str) -> None:
    with installed() as home:
        done = home.run("up", "--detach", **{name: value})
        assert done.returncode == 2
        assert done.stderr.startswith(f"chaindeck: {name}: ")
        assert "; for example " in done.stderr
        assert "(setting-invalid)" in done.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REDIS_URL", "bogus"),
        ("DATABASE_URL", "mysql://somewhere"),
        ("NODE_URL", "no address"),
        ("CHAINDECK_GRPC", "nowhere"),
        ("ALLOWED_ORIGINS", "deck.example"),
        ("LOG_LEVEL", "loud"),
        ("CHAINDECK_PEERS", "not a peer"),
    ],
)
def test_wrong_variable_of_any_part_is_named_before_one_is_started(name: str, value: str) -> None:
    with installed() as home:
        done = home.run("up", "--detach", **{name: value})
        assert done.returncode == 2
        assert name in done.stderr
        assert done.stdout == ""
        assert home.processes() == []


def test_home_that_cannot_be_made_is_told_of() -> None:
    with installed() as home:
        # The kernel lets nobody write there, root included.
        done = home.run("up", "--detach", CHAINDECK_HOME="/proc/chaindeck")
        assert done.returncode == 1
        assert "/proc/chaindeck: " in done.stderr
        assert "(home-unusable)" in done.stderr


def test_secrets_that_others_can_read_are_refused() -> None:
    with installed() as home:
        home.up()
        home.run("down")
        home.home.secrets.chmod(0o644)
        done = home.run("up", "--detach")
        assert done.returncode == 1
        assert f"chmod 600 {home.home.secrets}" in done.stderr
        assert "others can read" in home.run("doctor").stdout


def test_logs_are_shown_and_followed() -> None:
    with installed() as home:
        home.up()
        assert "ready name=" in home.run("logs", "node-1", "-n", "50").stdout
        unknown = home.run("logs", "node-9")
        assert unknown.returncode == 1
        assert "there is no part node-9; there are " in unknown.stderr
        with home.launch("logs", "-f", "-n", "0", "node-1") as following:
            assert following.stdout is not None
            with home.home.log("node-1").open("a") as log:
                wait_until(lambda: add_line(log, following))
            while "a new line" not in (line := following.stdout.readline()):
                assert line
            following.kill()
        home.run("down")


def add_line(log: IO[str], reader: subprocess.Popen[str]) -> bool:
    """Write to a log until whoever follows it has something to say."""
    log.write("a new line\n")
    log.flush()
    assert reader.stdout is not None
    return bool(select.select([reader.stdout], [], [], 0.05)[0])


@pytest.mark.needs("mounts")
def test_home_on_a_read_only_disk_is_told_of() -> None:
    with installed() as home:
        folder = home.home.folder
        command = f"mount -t tmpfs -o ro none {folder} && exec {COMMAND} "
        for words, code, text in (("up --detach", 1, "Read-only"), ("doctor", 1, "read-only disk")):
            done = subprocess.run(
                ["unshare", "-rm", "sh", "-c", command + words],
                env=home.environment(),
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == code, done.stderr
            assert text in done.stdout + done.stderr


async def use_desk(home: Home) -> list[str]:
    """Add a node and take it away again, while following what is told; return that."""
    async with RpcChannel(supervisor_access(home.folder)) as channel:
        supervisor = SupervisorClient(channel)
        added = await supervisor.add_node()
        assert (added.name, added.state) == ("node-2", "ready")
        assert added.pid
        assert (await supervisor.stop_part("node-2")).state == "stopped"
        assert (await supervisor.start_part("node-2")).state == "ready"
        with pytest.raises(PartRefused) as refused:
            await supervisor.remove_node("node-1")
        assert refused.value.code == "setting-invalid"
        assert (await supervisor.remove_node("node-2")).state == "stopped"
        told = []
        async for notification in supervisor.stream_notifications():
            told.append(f"{notification.seq} {notification.part} {notification.message}")
            if "node-2 stopped" in told[-1] and len(told) > 10:
                break
        await supervisor.shutdown()
        return told


def test_nodes_come_and_go_by_order_and_the_reader_of_notifications_hears_all() -> None:
    with installed() as home:
        home.up()
        told = asyncio.run(use_desk(home.home))
        assert [int(line.split()[0]) for line in told] == list(range(1, len(told) + 1))
        assert sum("node-2 ready after" in line for line in told) == 2
        wait_until(lambda: not home.processes())
        home.expect_nothing_left()
        assert [node.name for node in load_config(home.home).nodes] == ["node-1"]
