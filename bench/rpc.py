"""The contract as the control room uses it: a coordinator in a process of its own, asked from here.

The home is empty and has no node, so what is measured is the line, the gate and a look at records.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from os import environ
from pathlib import Path

import msgspec

from bench.harness import Benchmark
from chaindeck.rpc.access import coordinator_access
from chaindeck.rpc.channel import RpcChannel
from chaindeck.rpc.client import CoordinatorClient
from chaindeck.rpc.forms import ReportEventRequest

CALLS = 400
REPORTS = 100
_START_LIMIT_S = 30.0
_LOOK_S = 0.01
Ask = Callable[[CoordinatorClient], Awaitable[object]]


def benchmarks() -> list[Benchmark]:
    """Floors and goals hold for the reference machine with nothing else running."""
    return [
        Benchmark(
            "rpc: health over a socket, p95", "ms", lambda: calls(health), 10, 2,
            higher_is_better=False, repetitions=3,
        ),
        Benchmark(
            "rpc: health with mutual TLS, p95", "ms", lambda: calls(health, "127.0.0.1:0"), 10, 2,
            higher_is_better=False, repetitions=3,
        ),
        Benchmark(
            "rpc: system stats, p95", "ms", lambda: calls(stats), 50, 5,
            higher_is_better=False, repetitions=3,
        ),
        Benchmark(
            "rpc: report to its event, p95", "ms", report_ms, 100, 20,
            higher_is_better=False, repetitions=3,
        ),
    ]  # fmt: skip


async def health(client: CoordinatorClient) -> None:
    await client.channel.check_health()


async def stats(client: CoordinatorClient) -> None:
    await client.get_system_stats()


def calls(ask: Ask, grpc: str = "") -> float:
    """Milliseconds that nineteen of twenty calls take at most, one after the other."""

    async def measure(client: CoordinatorClient) -> list[float]:
        took: list[float] = []
        await ask(client)
        for _ in range(CALLS):
            started_s = time.perf_counter()
            await ask(client)
            took.append(1000 * (time.perf_counter() - started_s))
        return took

    with coordinator(grpc) as (home, address):
        return p95(asyncio.run(_with_client(home, address, measure)))


def report_ms() -> float:
    """Milliseconds from sending a report to reading its event from the stream."""

    async def measure(client: CoordinatorClient) -> list[float]:
        took: list[float] = []
        events = aiter(client.follow_events({"activity"}))
        await anext(events)
        for number in range(REPORTS):
            started_s = time.perf_counter()
            report = ReportEventRequest(
                report_id=f"bench-{number:08}", time_ms=time.time_ns() // 1_000_000, action="bench"
            )
            _, event = await asyncio.gather(client.report_event(report), anext(events))
            assert event is not None
            took.append(1000 * (time.perf_counter() - started_s))
        return took

    with coordinator("") as (home, address):
        return p95(asyncio.run(_with_client(home, address, measure)))


async def _with_client(
    home: Path, address: str, measure: Callable[[CoordinatorClient], Awaitable[list[float]]]
) -> list[float]:
    access = coordinator_access(home, "" if address.startswith("unix:") else address)
    async with RpcChannel(access) as channel:
        return await measure(CoordinatorClient(channel))


@contextmanager
def coordinator(grpc: str) -> Iterator[tuple[Path, str]]:
    """A coordinator with an empty home; gives the home and the address."""
    with tempfile.TemporaryDirectory(prefix="cd-") as folder:
        home = Path(folder)
        with coordinator_of(home, grpc) as address:
            yield home, address


@contextmanager
def coordinator_of(home: Path, grpc: str = "") -> Iterator[str]:
    """A coordinator of a home; gives the address."""
    note = home / "coordinator" / "running.json"
    process = subprocess.Popen(
        [str(Path(sys.executable).with_name("chaindeck")), "coordinator"],
        env={
            **environ,
            "CHAINDECK_HOME": str(home),
            "CHAINDECK_GRPC": grpc,
            "LOG_LEVEL": "error",
        },
    )
    try:
        started_s = time.monotonic()
        while not note.exists():
            assert process.poll() is None, "the coordinator says why above"
            assert time.monotonic() - started_s < _START_LIMIT_S, "it does not start"
            time.sleep(_LOOK_S)
        yield _read_address(note)
    finally:
        process.terminate()
        process.wait(10)


def _read_address(note: Path) -> str:
    address: str = msgspec.json.decode(note.read_bytes())["address"]
    return address


def p95(took: list[float]) -> float:
    return statistics.quantiles(took, n=20)[-1]
