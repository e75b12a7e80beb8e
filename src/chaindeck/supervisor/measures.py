"""What processes use at the moment."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence

import msgspec
import psutil

from chaindeck.supervisor.limits import MEASURE_S


class Usage(msgspec.Struct, frozen=True):
    """Of one process."""

    cpu_percent: float
    """Of one core, over the time that was looked at."""

    memory_bytes: int
    """What is its own, and its part of what it shares with others, where that is known."""


def measure(pids: Sequence[int], over_s: float = MEASURE_S) -> dict[int, Usage]:
    """Look at processes for a moment; those that end meanwhile are not in the answer."""
    processes = []
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(pid)
            process.cpu_percent()
            processes.append(process)
    if processes:
        time.sleep(over_s)
    found = {}
    for process in processes:
        with contextlib.suppress(psutil.Error):
            found[process.pid] = Usage(process.cpu_percent(), _memory_bytes(process))
    return found


def _memory_bytes(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except psutil.AccessDenied:
        return int(process.memory_info().rss)
