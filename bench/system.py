"""A whole installation, three nodes and all that stands around them, as a person starts it.

The home is empty and its ports are free ones. Nothing is paid: what it costs then is what it costs
to have it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from bench.harness import Benchmark
from chaindeck.supervisor.home import Home
from chaindeck.supervisor.settings import Config, NodeEntry, store_config

NODES = 3
SETTLING_S = 30.0
WATCHED_S = 60.0
_COMMAND = str(Path(sys.executable).with_name("chaindeck"))
_LIMIT_S = 120.0
_MEGABYTE = 1_000_000


def benchmarks() -> list[Benchmark]:
    """Floors and goals hold for the reference machine with nothing else running."""
    return [
        Benchmark(
            "system: up again, until ready", "s", warm_start_s, 12, 5,
            higher_is_better=False, repetitions=3,
        ),
        Benchmark(
            "system: idle, of one core", "%", idle_share, 40, 15,
            higher_is_better=False, repetitions=1,
        ),
        Benchmark(
            "system: idle, memory", "MB", idle_memory, 900, 500,
            higher_is_better=False, repetitions=1,
        ),
    ]  # fmt: skip


def warm_start_s() -> float:
    """Seconds that `up` takes in a home that was used before."""
    with installed() as home, running(home):
        down(home)
        started_s = time.perf_counter()
        up(home)
        return time.perf_counter() - started_s


def idle_share() -> float:
    """Processor time of all processes in a while, in percent of one core."""
    with installed() as home, running(home):
        time.sleep(SETTLING_S)
        before, started_s = used_s(home), time.perf_counter()
        time.sleep(WATCHED_S)
        return 100 * (used_s(home) - before) / (time.perf_counter() - started_s)


def idle_memory() -> float:
    """Megabytes of all processes, pages that they share counted once."""
    with installed() as home, running(home):
        time.sleep(SETTLING_S)
        return sum(process.memory_full_info().pss for process in processes(home)) / _MEGABYTE


@contextlib.contextmanager
def installed() -> Iterator[Home]:
    # Sockets have short paths.
    folder = Path(tempfile.mkdtemp(prefix="cd-bench-"))
    home = Home(folder)
    web, *ports = free_ports(1 + 2 * NODES)
    pairs = zip(ports[::2], ports[1::2], strict=True)
    nodes = [NodeEntry(f"node-{number}", *pair) for number, pair in enumerate(pairs, 1)]
    store_config(home, Config(tuple(nodes), web))
    try:
        yield home
    finally:
        shutil.rmtree(folder)


@contextlib.contextmanager
def running(home: Home) -> Iterator[None]:
    up(home)
    try:
        yield
    finally:
        down(home)


def up(home: Home) -> None:
    _run(home, "up", "--detach")


def down(home: Home) -> None:
    _run(home, "down")


def processes(home: Home) -> list[psutil.Process]:
    """Return all that runs for a home, the supervisor and its guard included."""
    mark = os.fsencode(f"CHAINDECK_HOME={home.folder}")
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if mark in Path(f"/proc/{process.pid}/environ").read_bytes().split(b"\0"):
                found.append(process)
    assert len(found) > NODES, "more than nodes run here"
    return found


def used_s(home: Home) -> float:
    times = [process.cpu_times() for process in processes(home)]
    return sum(item.user + item.system for item in times)


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        made = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [item.getsockname()[1] for item in made]


def _run(home: Home, *words: str) -> None:
    subprocess.run(
        [_COMMAND, *words],
        env={**os.environ, "CHAINDECK_HOME": str(home.folder)},
        stdout=subprocess.DEVNULL,
        timeout=_LIMIT_S,
        check=True,
    )
