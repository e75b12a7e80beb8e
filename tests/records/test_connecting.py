"""What a thread leaves open of SQLite, and that a disk which was read-only is written again."""

import asyncio
import contextlib
import gc
import sqlite3
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from django.db import OperationalError, transaction

from chaindeck.records.connecting import connected, let_go, log_kept
from chaindeck.records.selectors import events
from tests.meta.tree import ROOT
from tests.records.databases import copy_sqlite, using


@pytest.fixture
def file(tmp_path, django_db_blocker):
    """Django's database is an SQLite file, whose lock nobody waits for."""
    with django_db_blocker.unblock():
        described = copy_sqlite(tmp_path)
        described["OPTIONS"]["timeout"] = 0
        with using(described):
            yield described["NAME"]


def open_logs(path):
    return sum(found.path == f"{path}-wal" for found in psutil.Process().open_files())


def test_thread_that_waits_has_nothing_open(file):
    with connected():
        events.events_bounds()
        assert open_logs(file) == 1
    assert open_logs(file) == 0


def test_work_that_failed_leaves_nothing_open_while_its_error_is_held(file):
    gc.disable()
    try:
        with contextlib.closing(sqlite3.connect(file)) as other:
            other.execute("BEGIN IMMEDIATE")
            with (
                pytest.raises(OperationalError, match="locked") as held,
                connected(),
                transaction.atomic(),
            ):
                pass
            assert open_logs(file) == 1, "that of the other"
            del held
    finally:
        gc.enable()


def test_coroutine_that_waits_for_an_answer_to_its_error_goes_on(file):
    async def fail():
        raise OperationalError

    async def ask(asked, answered):
        try:
            await fail()
        except OperationalError as error:
            asked.set_result(error)
            return await answered

    async def main():
        asked: asyncio.Future[OperationalError] = asyncio.Future()
        answered: asyncio.Future[str] = asyncio.Future()
        asking = asyncio.create_task(ask(asked, answered))
        await asyncio.to_thread(let_go, await asked)
        answered.set_result("503")
        return await asking

    assert asyncio.run(main()) == "503"


def test_log_that_is_kept_outlives_connections_and_goes_in_the_end(file):
    log = Path(f"{file}-wal")
    with log_kept():
        for _ in range(2):
            with connected():
                events.events_bounds()
            assert log.exists()
    assert not log.exists()


@pytest.mark.needs("mounts")
def test_disk_that_was_read_only_is_written_again_whoever_read_meanwhile(tmp_path):
    command = [sys.executable, "-m", "tests.records.read_only", tmp_path]
    done = subprocess.run(
        ["unshare", "-rm", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines() == [
        "written",
        "attempt to write a readonly database",
        "attempt to write a readonly database",
        "read read",
        "written",
    ], done.stderr
