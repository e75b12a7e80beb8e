"""Parts are started in order, watched, replaced when sick, and ended with all they started."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest

from chaindeck.supervisor.home import Home
from chaindeck.supervisor.identity import read_running
from tests.supervisor.keeping import CHILD, Kept, kept, wait_until


def test_parts_are_started_one_after_the_other_and_stopped_the_other_way_round() -> None:
    with kept({"one": ["well"], "two": ["well"]}) as keeping:
        assert keeping.stop() == 0
        keeping.expect_nothing_left()
        words = [line.split()[:2] for line in keeping.text().splitlines()]
        assert words == [
            ["one", "starting"],
            ["one", "ready"],
            ["two", "starting"],
            ["two", "ready"],
            ["two", "stopping"],
            ["two", "stopped"],
            ["one", "stopping"],
            ["one", "stopped"],
        ]


def test_killed_part_is_started_again() -> None:
    with kept({"one": ["well"], "two": ["well"]}) as keeping:
        killed, other = keeping.pid_of("one"), keeping.pid_of("two")
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: keeping.is_told("one", "killed by signal 9"))
        wait_until(lambda: keeping.pid_of("one") != killed)
        assert keeping.pid_of("two") == other
        assert keeping.stop() == 0
        keeping.expect_nothing_left()


def test_sick_part_is_replaced() -> None:
    with kept({"one": ["turns-sick"]}) as keeping:
        sick = keeping.pid_of("one")
        mark = keeping.home.folder / "one" / "sick"
        mark.touch()
        wait_until(lambda: keeping.is_told("one", "it was sick: its health page answers 500"))
        mark.unlink()
        wait_until(lambda: keeping.pid_of("one") != sick)
        assert not psutil.pid_exists(sick)


def test_part_that_hangs_is_replaced() -> None:
    with kept({"one": ["well"]}) as keeping:
        hanging = keeping.pid_of("one")
        os.kill(hanging, signal.SIGSTOP)
        wait_until(lambda: keeping.is_told("one", "no answer within"))
        wait_until(lambda: keeping.pid_of("one") != hanging)
        assert not psutil.pid_exists(hanging)


def test_part_that_ignores_sigterm_is_killed_after_its_grace() -> None:
    with kept({"one": ["deaf"]}) as keeping:
        deaf = keeping.pid_of("one")
        started = time.monotonic()
        assert keeping.stop() == 0
        assert 0.9 < time.monotonic() - started < 4
        assert not psutil.pid_exists(deaf)
        keeping.expect_nothing_left()


def grandchild_of(keeping: Kept, part: str) -> psutil.Process:
    return psutil.Process(read_grandchild(keeping, part))


def read_grandchild(keeping: Kept, part: str) -> int:
    return int((keeping.home.folder / part / "grandchild").read_text())


def test_grandchild_that_left_its_group_goes_with_its_part() -> None:
    with kept({"one": ["parent"], "two": ["well"]}) as keeping:
        first = grandchild_of(keeping, "one")
        assert first.ppid() == keeping.pid
        os.kill(keeping.pid_of("one"), signal.SIGKILL)
        wait_until(lambda: not first.is_running())
        wait_until(lambda: read_grandchild(keeping, "one") != first.pid)
        second = grandchild_of(keeping, "one")
        assert keeping.stop() == 0
        assert not second.is_running()
        keeping.expect_nothing_left()


@pytest.mark.parametrize("who", ["supervisor", "guard", "both"])
def test_nothing_outlives_a_supervisor_that_is_killed(who: str) -> None:
    with kept({"one": ["parent"], "two": ["deaf"]}) as keeping:
        targets = {"supervisor": [keeping.pid], "guard": [keeping.process.pid]}
        targets["both"] = [keeping.process.pid, keeping.pid]
        parent = keeping.pid_of("one")
        # Held still first: none of them may act on the end of the other.
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in targets[who]:
                os.kill(pid, number)
        keeping.process.wait(30)
        if who == "both":
            # Only the next one can end a grandchild that ignored everything. A parent that is still
            # about to end would be adopted, and the grandchild with it.
            wait_until(lambda: not psutil.pid_exists(parent))
            keeping.start()
            assert keeping.is_told("supervisor", "killed a leftover")
            keeping.stop()
        keeping.expect_nothing_left()


def test_part_that_dies_at_once_stops_all_and_is_quoted() -> None:
    with kept({"one": ["well"], "two": ["dies"]}, is_started=False) as keeping:
        keeping.launch()
        assert keeping.process.wait(30) == 1
        assert "two did not start: it ended with exit code 7" in keeping.text()
        assert "there is no such thing as a part" in keeping.text()
        keeping.expect_nothing_left()


@pytest.mark.parametrize(
    ("mode", "reason"),
    [("never", "it has not noted that it is ready"), ("liar", "in the place of another")],
)
def test_part_that_never_gets_ready_stops_all(mode: str, reason: str) -> None:
    with kept({"one": ["well"], "two": [mode]}, is_started=False) as keeping:
        keeping.launch()
        assert keeping.process.wait(30) == 1
        assert "not ready after 3 s: " in keeping.text()
        assert reason in keeping.text()
        keeping.expect_nothing_left()


def test_part_that_keeps_dying_is_given_up_and_the_others_stay() -> None:
    with kept({"one": ["well"], "two": ["well"]}) as keeping:
        other = keeping.pid_of("one")
        dead = set()
        while not keeping.is_told("two", "given up after 4 restarts"):
            running = read_running(keeping.home.folder / "two")
            if running and running.pid not in dead and psutil.pid_exists(running.pid):
                dead.add(running.pid)
                os.kill(running.pid, signal.SIGKILL)
            time.sleep(0.01)
        assert keeping.pid_of("one") == other
        assert psutil.pid_exists(other)
        assert keeping.stop() == 0
        keeping.expect_nothing_left()


def test_stranger_at_a_port_is_named_and_left_alone() -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]
        parts = {"one": ["well"], "two": ["well", f"port={port}"]}
        with kept(parts, is_started=False) as keeping:
            keeping.launch()
            assert keeping.process.wait(30) == 1
            assert f"port {port}, which two needs, is held by process {os.getpid()}" in (
                keeping.text()
            )
            assert "one starting" not in keeping.text()
            keeping.expect_nothing_left()


@contextlib.contextmanager
def lone(keeping: Kept, part: str, *modes: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a part on its own, as somebody may have from a terminal."""
    folder = keeping.home.folder / part
    folder.mkdir()
    with subprocess.Popen([sys.executable, CHILD, folder, *modes]) as process:
        try:
            wait_until(lambda: read_running(folder))
            yield process
        finally:
            process.kill()


def test_part_that_runs_already_and_is_well_is_adopted_and_stopped_with_the_rest() -> None:
    with kept({"one": ["well"], "two": ["well"]}, is_started=False) as keeping:
        with lone(keeping, "one", "well") as process:
            keeping.start()
            assert keeping.pid_of("one") == process.pid
            assert keeping.is_told("one", f"adopted, process {process.pid}")
            assert keeping.stop() == 0
            assert process.wait(5) == 0
        keeping.expect_nothing_left()


def test_adopted_part_that_dies_is_started_again() -> None:
    with kept({"one": ["well"]}, is_started=False) as keeping, lone(keeping, "one") as process:
        keeping.start()
        process.kill()
        wait_until(lambda: keeping.pid_of("one") != process.pid)
        assert keeping.stop() == 0
        keeping.expect_nothing_left()


def test_part_that_runs_already_and_is_sick_is_replaced() -> None:
    with (
        kept({"one": ["well"]}, is_started=False) as keeping,
        lone(keeping, "one", "deaf", "turns-sick") as process,
    ):
        (keeping.home.folder / "one" / "sick").touch()
        keeping.start()
        assert keeping.pid_of("one") != process.pid
        assert process.wait(5) == -signal.SIGKILL


def test_stranger_whom_a_note_names_is_left_alone() -> None:
    with kept({"one": ["well"]}, is_started=False) as keeping:
        folder = keeping.home.folder / "one"
        folder.mkdir()
        with subprocess.Popen(["sleep", "600"]) as stranger:
            note = {"pid": stranger.pid, "instance": "x", "address": "http://127.0.0.1:9"}
            (folder / "running.json").write_text(json.dumps(note))
            keeping.launch()
            assert keeping.process.wait(30) == 1
            assert f"names process {stranger.pid} (sleep 600), which is not ours" in keeping.text()
            assert stranger.poll() is None
            stranger.kill()


def test_note_of_a_process_that_is_gone_does_not_matter() -> None:
    with kept({"one": ["well"]}, is_started=False) as keeping:
        folder = keeping.home.folder / "one"
        folder.mkdir()
        with subprocess.Popen(["true"]) as gone:
            gone.wait()
        note = {"pid": gone.pid, "instance": "x", "address": "http://127.0.0.1:9"}
        (folder / "running.json").write_text(json.dumps(note))
        keeping.start()
        assert keeping.pid_of("one") != gone.pid


def test_second_supervisor_of_a_home_leaves_the_first_alone() -> None:
    with kept({"one": ["well"]}) as keeping:
        first, part = keeping.process, keeping.pid_of("one")
        keeping.launch()
        assert keeping.process.wait(30) == 1
        assert f"is in use by process {keeping.pid}" in keeping.text()
        keeping.process = first
        assert keeping.pid_of("one") == part
        assert keeping.stop() == 0
        keeping.expect_nothing_left()


def test_order_to_stop_during_the_start_is_obeyed() -> None:
    with kept({"one": ["well"], "two": ["never"]}, is_started=False) as keeping:
        keeping.launch()
        wait_until(lambda: keeping.home.notifications.exists() and keeping.told("two"))
        assert keeping.stop() == 0
        keeping.expect_nothing_left()


@pytest.mark.needs("mounts")
def test_full_disk_stops_no_part() -> None:
    small_disk = "mount -t tmpfs -o size=3m none {home}"
    parts = {"one": ["chatty"], "two": ["well"]}
    with kept(parts, is_started=False, prefix=small_disk) as keeping:
        keeping.launch()
        home = Home(keeping.inside())
        wait_until(lambda: "two ready" in keeping.text())
        talker = read_running(home.folder / "one")
        killed = read_running(home.folder / "two")
        (home.folder / "one" / "talk").touch()
        wait_until(lambda: os.statvfs(home.folder).f_bavail == 0)
        assert talker
        assert killed
        os.kill(killed.pid, signal.SIGKILL)
        wait_until(lambda: "two given up after" in keeping.text())
        assert psutil.pid_exists(talker.pid)
        assert keeping.stop() == 0
        wait_until(lambda: not keeping.processes())
