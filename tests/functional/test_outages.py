"""`chaindeck up` while something is away that all of it stands on: room on the disk, PostgreSQL.

Parts say what they lack, nobody is restarted for it, nothing is lost, and all goes on by itself.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chaindeck.supervisor.limits import HEALTH_INTERVAL_S, SICK_AFTER
from tests.coordinator.processes import PostgresServer
from tests.functional.processes import COMMAND
from tests.functional.ups import LIMIT_S, Installed, installed
from tests.supervisor.keeping import wait_until

DISK_MB = 64
_MAKE_TOKEN = (
    "from chaindeck.records.services.people import person_create, token_create;"
    "person, _ = person_create(username='looker', role='admin');"
    "print('TOKEN', token_create(owner=person, name='t', scopes=['read'])[1])"
)


class Deck:
    """What runs in a home, asked as a program asks."""

    def __init__(self, home: Installed, *prefix: str, **more: str) -> None:
        self.home = home
        self._prefix = prefix
        self._more = more
        self.token = ""

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self._prefix, COMMAND, *words],
            env=self.home.environment(**self._more),
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )

    def start(self) -> None:
        done = self.run("up", "--detach")
        assert done.returncode == 0, done.stdout + done.stderr
        made = self.run("manage", "shell", "-v", "0", "-c", _MAKE_TOKEN)
        self.token = made.stdout.partition("TOKEN ")[2].strip()

    def parts(self) -> dict[str, Any]:
        return {part["name"]: part for part in json.loads(self.run("status", "--json").stdout)}

    def ask(self, path: str) -> tuple[int, Any]:
        headers = {"authorization": f"Bearer {self.token}"}
        url = f"http://127.0.0.1:{self.home.ports[0]}{path}"
        try:
            with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())

    def components(self) -> dict[str, str]:
        status, answer = self.ask("/api/status/")
        return answer["coordinator"]["components"] if status == 200 else {}

    def is_well(self) -> bool:
        components = self.components()
        return bool(components) and set(components.values()) == {"well"}

    def height(self) -> int:
        _, answer = self.ask("/api/status/")
        return max((chain["height"] for chain in answer["chains"]), default=-1)


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
