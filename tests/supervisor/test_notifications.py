"""Notifications are kept within bounds, go on after a restart, and reach whoever follows."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from chaindeck.supervisor import notifications
from chaindeck.supervisor.notifications import Notebook


def test_numbers_go_on_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "notes"
    first = Notebook(path)
    first.note("node-1", "info", "starting")
    first.note("node-1", "info", "ready")
    second = Notebook(path)
    assert second.last_seq == 2
    second.note("node-1", "warning", "sick")
    assert [line.count(b'"seq":') for line in path.read_bytes().splitlines()] == [1, 1, 1]


def test_line_that_was_cut_off_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "notes"
    Notebook(path).note("a", "info", "x")
    with path.open("ab") as file:
        file.write(b'{"seq": 2, "ti')
    assert Notebook(path).last_seq == 1


def test_file_is_bounded(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(notifications, "NOTIFICATIONS_BYTES", 500)
    notebook = Notebook(tmp_path / "notes")
    for number in range(100):
        notebook.note("a", "info", str(number))
    assert (tmp_path / "notes").stat().st_size < 700
    assert (tmp_path / "notes.1").stat().st_size < 700
    assert len(list(tmp_path.iterdir())) == 2


def test_full_disk_costs_lines_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "notes"
    path.symlink_to("/dev/full")
    heard: list[str] = []
    notebook = Notebook(tmp_path / "fresh")
    notebook._path = path
    notebook.listen(lambda notification: heard.append(notification.message))
    notebook.note("a", "info", "one")
    notebook.note("a", "info", "two")
    assert heard == ["one", "two"]
    assert notebook.last_seq == 2


async def follow(notebook: Notebook, since: int, count: int) -> list[str]:
    heard: list[str] = []
    async with contextlib.aclosing(notebook.follow(since)) as notifications_:
        async for notification in notifications_:
            heard.append(notification.message)
            if len(heard) == count:
                return heard
    return heard


def test_reader_gets_what_it_missed_and_then_what_comes(tmp_path: Path) -> None:
    async def both() -> list[str]:
        notebook = Notebook(tmp_path / "notes")
        for text in ("one", "two", "three"):
            notebook.note("a", "info", text)
        reading = asyncio.create_task(follow(notebook, 1, 4))
        await asyncio.sleep(0)
        notebook.note("a", "info", "four")
        await asyncio.sleep(0)
        notebook.note("a", "info", "five")
        return await asyncio.wait_for(reading, 5)

    assert asyncio.run(both()) == ["two", "three", "four", "five"]
