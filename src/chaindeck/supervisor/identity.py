"""Who a `running.json` speaks of: a process of ours, nobody any more, or a stranger.

Pids are used again. A process is the one that was noted only if it was there before the note was
written; and it is ours only if, beside that, its health check tells the noted instance, or, where
it is too sick to say anything, it carries our mark or names the part's data directory in its
command.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

import msgspec
import psutil

MARK = "CHAINDECK_RUN"
"""The variable by which everything that a part starts is known, however far it moves away."""

RUNNING_NAME = "running.json"
_SLACK_S = 2.0
"""Between the clock of the file system and that of the process table."""


class Running(msgspec.Struct, frozen=True):
    """What a running part noted about itself."""

    pid: int
    instance: str
    address: str = ""
    written_s: float = 0.0


class _Note(msgspec.Struct, frozen=True):
    """The file; nodes call their address `url`."""

    pid: int
    instance: str
    address: str = ""
    url: str = ""


_NOTE = msgspec.json.Decoder(_Note)


def read_running(folder: Path) -> Running | None:
    """Return what the note in a data directory says, None where there is none that can be read."""
    path = folder / RUNNING_NAME
    try:
        note = _NOTE.decode(path.read_bytes())
        written_s = path.stat().st_mtime
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None
    if note.pid <= 0:
        return None
    return Running(note.pid, note.instance, note.address or note.url, written_s)


def remove_note(folder: Path, pid: int) -> None:
    """Remove the note of a process that ended without doing it."""
    running = read_running(folder)
    if running is None or running.pid == pid:
        with contextlib.suppress(OSError):
            (folder / RUNNING_NAME).unlink(missing_ok=True)


def find_process(running: Running) -> psutil.Process | None:
    """Return the process that wrote a note; None where it ended, whoever has its pid now."""
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(running.pid)
        is_alive = process.status() != psutil.STATUS_ZOMBIE
        if is_alive and process.create_time() <= running.written_s + _SLACK_S:
            return process
    return None


def is_recognisable(process: psutil.Process, name: str, folder: Path) -> bool:
    """Answer whether a process that says nothing is nevertheless this part of ours."""
    with contextlib.suppress(psutil.Error, OSError):
        if process.uids().real != os.getuid():
            return False
        if read_mark(process.pid).startswith(f"{folder}:{name}:"):
            return True
        return str(folder) in process.cmdline()
    return False


def make_mark(name: str, folder: Path, run_id: str) -> str:
    return f"{folder}:{name}:{run_id}"


def read_mark(pid: int) -> str:
    """Return the mark that a process inherited, an empty one where there is none to be read."""
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return ""
    start = f"{MARK}=".encode()
    for entry in environment.split(b"\0"):
        if entry.startswith(start):
            return os.fsdecode(entry[len(start) :])
    return ""


def describe_process(pid: int | None) -> str:
    """Return words for a process: its id and program."""
    if pid is None:
        return "a process of another user"
    values: dict[str, Any] = {}
    with contextlib.suppress(psutil.Error):
        values = psutil.Process(pid).as_dict(["name", "cmdline"])
    program = " ".join((values.get("cmdline") or [])[:2]) or values.get("name") or "unknown"
    return f"process {pid} ({program})"
