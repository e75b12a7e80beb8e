"""The control room as programs ask it: a coordinator and a web in processes of their own.

The home is empty and has no node. Requests come over one connection that stays open, with a token:
so each passes the table of rights and a look at records before the coordinator is asked.
"""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from os import environ
from pathlib import Path

from bench.harness import Benchmark
from bench.rpc import coordinator, p95

REQUESTS = 400
_START_LIMIT_S = 30.0
_LOOK_S = 0.01
_COMMAND = str(Path(sys.executable).with_name("chaindeck"))
_PROGRAM = (
    "from chaindeck.records.services.people import person_create, token_create;"
    "person, _ = person_create(username='bench');"
    "print('TOKEN', token_create(owner=person, name='bench', scopes=['read'])[1])"
)


def benchmarks() -> list[Benchmark]:
    """Floors and goals hold for the reference machine with nothing else running."""
    return [
        Benchmark(
            "control: /api/stats/, p95", "ms", lambda: requests("/api/stats/"), 50, 15,
            higher_is_better=False, repetitions=3,
        ),
        Benchmark(
            "control: /api/status/, p95", "ms", lambda: requests("/api/status/"), 50, 15,
            higher_is_better=False, repetitions=3,
        ),
    ]  # fmt: skip


def requests(path: str) -> float:
    """Milliseconds that nineteen of twenty requests take at most, one after the other."""
    with coordinator("") as (home, _), web(home) as port:
        headers = {"Authorization": f"Bearer {make_token(home)}"}
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        took: list[float] = []
        for _ in range(REQUESTS):
            started_s = time.perf_counter()
            line.request("GET", path, headers=headers)
            answer = line.getresponse()
            body = answer.read()
            took.append(1000 * (time.perf_counter() - started_s))
            assert answer.status == http.client.OK, body
        line.close()
        return p95(took)


def make_token(home: Path) -> str:
    done = subprocess.run(
        [_COMMAND, "manage", "shell", "-v", "0", "-c", _PROGRAM],
        env={**environ, "CHAINDECK_HOME": str(home)},
        capture_output=True,
        check=True,
        text=True,
    )
    return done.stdout.partition("TOKEN ")[2].strip()


@contextmanager
def web(home: Path) -> Iterator[int]:
    """A control room over a home; gives its port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    note = home / "web" / "running.json"
    process = subprocess.Popen(
        [_COMMAND, "web"],
        env={
            **environ,
            "CHAINDECK_HOME": str(home),
            "CHAINDECK_PORT": str(port),
            "LOG_LEVEL": "error",
        },
    )
    try:
        started_s = time.monotonic()
        while not note.exists():
            assert process.poll() is None, "the control room says why above"
            assert time.monotonic() - started_s < _START_LIMIT_S, "it does not start"
            time.sleep(_LOOK_S)
        yield port
    finally:
        process.terminate()
        process.wait(10)
