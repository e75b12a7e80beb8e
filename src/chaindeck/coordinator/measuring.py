"""Measures this machine and each process of ours, every five seconds, and keeps it.

A process is ours where a `running.json` of the home names it and it is older than that file: a
number that the system gave to another program since is not measured.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import psutil
from django.db import transaction

from chaindeck.coordinator.components import Board
from chaindeck.coordinator.limits import MEASURE_INTERVAL_S
from chaindeck.coordinator.workers import repeat
from chaindeck.coordinator.writing import Writer
from chaindeck.records.services import metrics

NAME = "measuring"
MACHINE = "machine"
_RUNNING_NAME = "running.json"
_OWN_PARTS = ("coordinator", "web", "supervisor", "payments")
_CLOCK_SLACK_S = 1.0
"""What the start time of a process and the time of a file may differ by."""

Figures = dict[str, float]


class _Running(msgspec.Struct, frozen=True):
    pid: int


_RUNNING = msgspec.json.Decoder(_Running)


class Measurer:
    """Run it as a worker; `machine` is what the machine was measured at last."""

    def __init__(self, home: Path, writer: Writer, board: Board) -> None:
        self._home = home
        self._writer = writer
        self._board = board
        self._processes: dict[str, psutil.Process] = {}
        self._counters: tuple[float, Figures] | None = None
        self.machine: Figures = {}

    async def run(self) -> None:
        await repeat(NAME, self.measure, MEASURE_INTERVAL_S, self._board)

    async def measure(self) -> None:
        """Measure once, and write it down."""
        found = await asyncio.to_thread(self._measure)
        self.machine = found[MACHINE]
        await self._writer.submit(lambda: _write(found))

    def _measure(self) -> dict[str, Figures]:
        found = {MACHINE: self._measure_machine()}
        for part, pid_file in _running_files(self._home):
            if (figures := self._measure_part(part, pid_file)) is not None:
                found[part] = figures
        for part in set(self._processes) - set(found):
            del self._processes[part]
        return found

    def _measure_machine(self) -> Figures:
        memory, disk = psutil.virtual_memory(), psutil.disk_usage(str(self._home))
        return {
            "cpu_percent": psutil.cpu_percent(),
            "memory_percent": memory.percent,
            "memory_bytes": float(memory.total - memory.available),
            "disk_percent": disk.percent,
            "disk_free_bytes": float(disk.free),
            "load_1m": psutil.getloadavg()[0],
            **self._rates(),
        }

    def _rates(self) -> Figures:
        """Return bytes a second since the last time: of the network and of disks."""
        net, disk = psutil.net_io_counters(), psutil.disk_io_counters()
        now_s = time.monotonic()
        totals = {"net_in": float(net.bytes_recv), "net_out": float(net.bytes_sent)}
        if disk is not None:
            totals |= {"disk_read": float(disk.read_bytes), "disk_write": float(disk.write_bytes)}
        before, self._counters = self._counters, (now_s, totals)
        if before is None or now_s <= before[0]:
            return {}
        passed_s = now_s - before[0]
        return {
            f"{name}_bytes_per_s": max(0.0, value - before[1].get(name, value)) / passed_s
            for name, value in totals.items()
        }

    def _measure_part(self, part: str, running: Path) -> Figures | None:
        try:
            pid = _RUNNING.decode(running.read_bytes()).pid
            process = self._processes.get(part)
            if process is None or process.pid != pid or not process.is_running():
                process = psutil.Process(pid)
                if process.create_time() > running.stat().st_mtime + _CLOCK_SLACK_S:
                    return None
                self._processes[part] = process
            with process.oneshot():
                return {
                    "cpu_percent": process.cpu_percent(),
                    "memory_bytes": float(process.memory_info().rss),
                    "threads": float(process.num_threads()),
                    "files": float(process.num_fds()),
                    "uptime_s": max(0.0, time.time() - process.create_time()),
                }
        except (OSError, msgspec.DecodeError, psutil.Error):
            # It ended between two looks, or is about to write its file.
            return None


def _running_files(home: Path) -> Iterator[tuple[str, Path]]:
    for part in _OWN_PARTS:
        yield part, home / part / _RUNNING_NAME
    for path in sorted((home / "nodes").glob(f"*/{_RUNNING_NAME}")):
        yield path.parent.name, path


def _write(found: dict[str, Figures]) -> None:
    with transaction.atomic():
        for part, figures in found.items():
            values = {f"{part}.{name}": value for name, value in figures.items()}
            data: dict[str, Any] = {"part": part, **figures}
            metrics.metrics_append(values=values, key=part, data=data)
