"""Everything that a part started, directly or not, and ending all of it.

What left its parent's process group, session or side is found all the same: it became our child,
and it inherited the mark of its run.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Container, Iterable
from pathlib import Path

import psutil

from chaindeck.supervisor.identity import read_mark
from chaindeck.supervisor.limits import KILL_LIMIT_S, KILL_ROUND_S
from chaindeck.supervisor.processes import Run, send


async def end_run(run: Run, grace_s: float, others: Container[int]) -> list[int]:
    """End a run and all that it started; return the pids of what even SIGKILL does not end.

    The first process gets SIGTERM and its time; what is left then is killed. `others` are the first
    processes of other runs.
    """
    noted = _descendants(run.pid)
    if not run.is_over:
        send(run.pid, signal.SIGTERM)
        # A stopped process cannot hear it.
        send(run.pid, signal.SIGCONT)
        await asyncio.wait([run.ended], timeout=grace_s)
    deadline = time.monotonic() + KILL_LIMIT_S
    while left := _left(run, noted, others):
        for process in left:
            send(process.pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            return [process.pid for process in left]
        await asyncio.sleep(KILL_ROUND_S)
    await asyncio.wait([run.ended], timeout=KILL_LIMIT_S)
    return []


def members(run: Run, others: Container[int]) -> list[psutil.Process]:
    """Return the processes of a run, its first one included."""
    return _left(run, _descendants(run.pid), others)


def _left(
    run: Run, noted: Iterable[psutil.Process], others: Container[int]
) -> list[psutil.Process]:
    """Return what lives of a run: what was noted, what came since, and what bears its mark."""
    found = {process.pid: process for process in noted if _lives(process)}
    if not run.is_over:
        with contextlib.suppress(psutil.Error):
            found[run.pid] = psutil.Process(run.pid)
        found |= {process.pid: process for process in _descendants(run.pid)}
    for process in _descendants(os.getpid()):
        mark = read_mark(process.pid)
        # Our own child that is nobody's first process and has no mark was left behind by somebody.
        is_stray = not mark and process.pid not in others and _parent_of(process) == os.getpid()
        if (run.mark and mark == run.mark) or is_stray:
            found[process.pid] = process
    return [process for process in found.values() if _lives(process)]


def _descendants(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return []


def _parent_of(process: psutil.Process) -> int:
    try:
        return process.ppid()
    except psutil.Error:
        return 0


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def find_marked(folder: Path) -> list[psutil.Process]:
    """Return every process that bears the mark of a part below a folder."""
    start = f"{folder}/"
    return [
        process for process in psutil.process_iter() if read_mark(process.pid).startswith(start)
    ]
