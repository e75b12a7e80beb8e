"""A crowd of listeners, a tenth of them slow, some half open: the good ones miss nothing.

The long form, two minutes with 1,000, runs with `CHAINDECK_TEST_PROFILE=prove`.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time

import psutil
import pytest
import uvloop
from asgiref.sync import sync_to_async

from chaindeck.control.live import sockets
from chaindeck.records.services.people import person_create, token_create
from tests.conftest import PROFILE_VARIABLE
from tests.control.live.scripted import ScriptedCoordinator, come_true, serving

IS_LONG = os.environ.get(PROFILE_VARIABLE) == "prove"
CROWD, SECONDS = (1_000, 120) if IS_LONG else (100, 5)
RATE = 10
FLOOR_MS = 500
DATA = "x" * 800


@pytest.mark.usefixtures("database")
def test_crowd_hears_everything_in_time_while_slow_and_half_open_lines_hold_up_nobody(monkeypatch):
    # On the loop that the process uses.
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(gather_crowd(monkeypatch))


async def gather_crowd(monkeypatch) -> None:
    monkeypatch.setattr(sockets, "LIVE_MAX_LINES_OF_ONE", 10 * CROWD)
    slow, half = CROWD // 10, CROWD // 50
    last = RATE * SECONDS
    token = await make_token()
    coordinator = ScriptedCoordinator()
    async with serving(coordinator) as served:
        given = (served.port, token, CROWD - slow - half, slow, half, last)
        crowd = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "tests.control.live.crowd", *map(str, given)),
            stdout=asyncio.subprocess.PIPE,
        )
        assert crowd.stdout is not None
        assert await crowd.stdout.readline() == b"ready\n"
        await come_true(lambda: listening(served) == CROWD)
        memory = await tell(coordinator, last)
        result = json.loads(await crowd.stdout.readline())
        await crowd.wait()
    quarter = memory[len(memory) // 4]
    print(f"{CROWD} lines, {last} events: {result}, memory {quarter:,} to {memory[-1]:,}")
    assert result["faults"] == 0
    assert result["heard"] == (CROWD - slow - half) * last
    assert result["p99_ms"] < FLOOR_MS
    # What waits for the slow is bounded: after the first quarter nothing grows.
    assert memory[-1] < 1.1 * quarter + 40_000_000


async def make_token() -> str:
    def make() -> str:
        owner, _ = person_create(username="crowd")
        return token_create(owner=owner, name="crowd", scopes=("read",))[1]

    # In the one thread whose line to the database the fixture closes.
    return await sync_to_async(make)()


def listening(served) -> int:
    return sum(bool(reader.topics) for reader in served.hub._readers)


async def tell(coordinator: ScriptedCoordinator, last: int) -> list[int]:
    """Make events at a steady rate; return the memory of this process over that time."""
    started_s = time.monotonic()
    memory = []
    for number in range(last):
        await asyncio.sleep(max(0.0, started_s + number / RATE - time.monotonic()))
        made_ns = time.monotonic_ns()
        await coordinator.tell("block", f"k{number}", made_ns=made_ns, text=DATA)
        memory.append(psutil.Process().memory_info().rss)
        del coordinator.journal[:-500]
    return memory
