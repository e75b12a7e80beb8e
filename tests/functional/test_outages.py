"""`chaindeck up` while something is away that all of it stands on: the disk, PostgreSQL.

Parts say what they lack, nobody is restarted for it, nothing is lost, and all goes on by itself.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chaindeck.supervisor.limits import HEALTH_INTERVAL_S, SICK_AFTER
from tests.coordinator.processes import PostgresServer
from tests.functional.decks import Deck
from tests.functional.ups import LIMIT_S, Installed, installed
from tests.supervisor.keeping import wait_until

DISK_MB = 64


@contextlib.contextmanager
def small_disk(home: Installed) -> Iterator[tuple[Path, list[str]]]:
    """Put a home on a small disk of its own; give where it is seen, and how to get there."""
    folder = home.home.folder
    config = home.home.config.read_text()
    script = (
        f"mount -t tmpfs -o size={DISK_MB}m,mode=700 none {folder} && echo ready && exec sleep 900"
    )
    with subprocess.Popen(
        ["unshare", "-rm", "sh", "-c", script], stdout=subprocess.PIPE, text=True
    ) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "ready\n"
            seen = Path(f"/proc/{holder.pid}/root{folder}")
            (seen / "config.json").write_text(config)
            yield seen, ["nsenter", "-t", str(holder.pid), "-U", "-m", "--preserve-credentials"]
        finally:
            holder.kill()


def fill(path: Path) -> None:
    """Write until there is no room left."""
    with path.open("wb", buffering=0) as filler, contextlib.suppress(OSError):
        while True:
            filler.write(bytes(4_096))


@pytest.mark.needs("mounts")
def test_full_disk_is_told_of_and_all_goes_on_once_there_is_room() -> None:
    with installed() as home, small_disk(home) as (seen, prefix):
        deck = Deck(home, *prefix)
        deck.start()
        wait_until(deck.is_well, LIMIT_S)
        before = deck.parts()
        height = deck.height()
        fill(seen / "filler")
        wait_until(lambda: deck.components().get("records") == "sick", LIMIT_S)
        _, status = deck.ask("/api/status/")
        assert "full" in status["coordinator"]["problems"]["records"]
        assert status["chains"][0]["height"] >= height
        assert deck.ask("/health")[0] == 200
        wait_until(lambda: deck.parts()["coordinator"]["state"] == "sick", LIMIT_S)
        found = deck.run("doctor")
        assert found.returncode == 1
        assert "make room on the disk" in found.stdout
        (seen / "filler").unlink()
        wait_until(deck.is_well, LIMIT_S)
        wait_until(lambda: {part["state"] for part in deck.parts().values()} == {"ready"}, LIMIT_S)
        assert pids(deck.parts()) == pids(before)
        wait_until(lambda: deck.height() > height, LIMIT_S)
        assert deck.run("down").returncode == 0
        expect_no_gap(seen, home.home.folder)


@contextlib.contextmanager
def read_only(prefix: list[str], folder: Path) -> Iterator[None]:
    """Let a disk take nothing from whoever opens a file on it now.

    The kernel makes no disk read-only while files are open for writing; so it is laid over itself.
    """
    # At once: whoever opens something between two commands would keep it writable.
    enter = ["mount", "-o", "bind,ro", str(folder), str(folder)]
    subprocess.run([*prefix, *enter], check=True)
    try:
        yield
    finally:
        leave = ["mount", "-o", "remount,bind,rw", str(folder)]
        subprocess.run([*prefix, *leave], check=True)


@pytest.mark.needs("mounts")
def test_home_that_becomes_read_only_is_told_of_and_all_goes_on_once_it_is_not() -> None:
    with installed() as home, small_disk(home) as (seen, prefix):
        deck = Deck(home, *prefix)
        deck.start()
        wait_until(deck.is_well, LIMIT_S)
        wait_until(lambda: deck.height() >= 1, LIMIT_S)
        before, height = deck.parts(), deck.height()
        with read_only(prefix, home.home.folder):
            wait_until(lambda: deck.components().get("records") == "sick", LIMIT_S)
            _, status = deck.ask("/api/status/")
            assert "disk is read-only" in status["coordinator"]["problems"]["records"]
            assert status["chains"][0]["height"] >= height
            wait_until(lambda: deck.parts()["coordinator"]["state"] == "sick", LIMIT_S)
            # For longer than it takes to replace a part that does not answer.
            wait_until(lambda: sick_for_s(deck) > (SICK_AFTER + 2) * HEALTH_INTERVAL_S, LIMIT_S)
            assert pids(deck.parts()) == pids(before)
            found = deck.run("doctor")
            assert found.returncode == 1
            assert "is on a read-only disk" in found.stdout
            # What cannot be written down is not said to be done.
            assert deck.ask("/api/nodes/node-1", {"action": "restart"})[0] == 503
            refused = deck.run("up", "--detach")
            assert refused.returncode == 1
            assert "it cannot be written; mount it for writing" in refused.stderr
        wait_until(deck.is_well, LIMIT_S)
        wait_until(lambda: {part["state"] for part in deck.parts().values()} == {"ready"}, LIMIT_S)
        assert pids(deck.parts()) == pids(before)
        wait_until(lambda: deck.height() > height, LIMIT_S)
        assert deck.run("down").returncode == 0
        expect_no_gap(seen, home.home.folder)


def sick_for_s(deck: Deck) -> float:
    part = deck.parts()["coordinator"]
    assert part["state"] == "sick"
    since_s: float = part["since_ms"] / 1_000
    return time.time() - since_s


def pids(parts: dict[str, Any]) -> dict[str, int]:
    return {name: part["pid"] for name, part in parts.items()}


def expect_no_gap(seen: Path, folder: Path) -> None:
    """Numbers of events follow each other, whatever could not be written in between."""
    for path in seen.glob("records.sqlite3*"):
        shutil.copy(path, folder)
    with contextlib.closing(sqlite3.connect(folder / "records.sqlite3")) as database:
        numbers = [seq for (seq,) in database.execute("SELECT seq FROM events ORDER BY seq")]
    assert numbers
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.needs("postgres")
def test_postgres_that_is_away_for_long_has_no_part_restarted() -> None:
    folder = Path(tempfile.mkdtemp(prefix="cd-pg-"))
    server = PostgresServer(folder)
    server.start()
    try:
        with installed() as home:
            deck = Deck(home, DATABASE_URL=server.url)
            deck.start()
            wait_until(deck.is_well, LIMIT_S)
            before = deck.parts()
            server.stop()
            wait_until(lambda: deck.parts()["coordinator"]["state"] == "sick", LIMIT_S)
            # For longer than it takes to replace a part that does not answer.
            wait_until(lambda: sick_for_s(deck) > (SICK_AFTER + 2) * HEALTH_INTERVAL_S, LIMIT_S)
            found = deck.parts()
            assert found["coordinator"]["reason"] == "it answers, and says that it cannot serve now"
            assert pids(found) == pids(before)
            server.start()
            wait_until(deck.is_well, LIMIT_S)
            wait_until(lambda: deck.run("status").returncode == 0, LIMIT_S)
            assert pids(deck.parts()) == pids(before)
            assert deck.run("down").returncode == 0
            home.expect_nothing_left()
    finally:
        server.stop()
        shutil.rmtree(folder)
