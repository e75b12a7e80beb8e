"""Pages over large tables, as a browser asks for them: 100,000 payments, 1,000,000 log lines.

A coordinator and a control room run over records that `bench.large` fills. Requests come over one
connection that stays open, with the session of an administrator; the rows of the API use it too.
"""

from __future__ import annotations

import atexit
import http.client
import json
import subprocess
import sys
import time
from contextlib import ExitStack
from functools import cache, partial
from os import environ
from pathlib import Path

import msgspec

from bench.control import web
from bench.harness import Benchmark
from bench.rpc import coordinator, p95

REQUESTS = 100
_COMMAND = str(Path(sys.executable).with_name("chaindeck"))
_SESSION = (
    "from django.test import Client;"
    "from chaindeck.records.services.people import person_create;"
    "person, _ = person_create(username='bench', role='admin', must_change_password=False);"
    "client = Client(); client.force_login(person);"
    "print('SESSION', client.session.session_key)"
)
_COUNT = """
import json, os
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
client = Client(headers={"host": "localhost"})
client.cookies[settings.SESSION_COOKIE_NAME] = os.environ["BENCH_SESSION"]
counts = {}
for path in json.loads(os.environ["BENCH_PATHS"]):
    client.get(path)
    with CaptureQueriesContext(connection) as seen:
        client.get(path)
    counts[path] = len(seen)
print("COUNTS", json.dumps(counts))
"""
PAGES = {
    "overview": "/",
    "blocks": "/chain/",
    "blocks, far back": "/chain/?after=150",
    "block of 500": "/block/{block}",
    "block of 500, its end": "/block/{block}?after=470",
    "transaction": "/tx/{transaction}",
    "address": "/address/{address}",
    "busy address": "/address/{miner}",
    "memory pool": "/mempool",
    "nodes": "/network/",
    "node": "/nodes/node-1",
    "search": "/search?q=customer",
    "suggestions": "/search?q=1&suggest=1",
    "profile": "/profile",
    "people": "/people",
}
LOG = {
    "the log": "/api/activities/",
    "the log, one severity": "/api/activities/?severity=error",
    "the log, one action of one person": "/api/activities/?user=person-1&action=payment",
    "the log, nothing fits": "/api/activities/?action=payment&severity=critical",
}


class Deck(msgspec.Struct, frozen=True):
    """What runs, who is signed in, and what is in the records."""

    home: Path
    port: int
    session: str
    known: dict[str, str]

    def path(self, form: str) -> str:
        return form.format(**self.known)


def benchmarks() -> list[Benchmark]:
    """Floors and goals hold for the reference machine with nothing else running."""
    asked = {**PAGES, **LOG, "stats": "/api/stats/"}
    rows = [
        Benchmark(
            f"pages: {name}, p95", "ms", partial(request_ms, form), 200, 50,
            higher_is_better=False, repetitions=3,
        )
        for name, form in asked.items()
    ]  # fmt: skip
    most = Benchmark(
        "pages: queries, the most", "", most_queries, 12, 8, higher_is_better=False, repetitions=1
    )
    return [*rows, most]


def request_ms(form: str) -> float:
    """Milliseconds that nineteen of twenty requests take at most, one after the other."""
    made = deck()
    headers = {"Cookie": f"chaindeck_session={made.session}", "Accept-Encoding": "gzip"}
    line = http.client.HTTPConnection("127.0.0.1", made.port, timeout=30)
    took: list[float] = []
    for _ in range(REQUESTS):
        started_s = time.perf_counter()
        line.request("GET", made.path(form), headers=headers)
        answer = line.getresponse()
        body = answer.read()
        took.append(1000 * (time.perf_counter() - started_s))
        assert answer.status == http.client.OK, body
    line.close()
    return p95(took)


def most_queries() -> float:
    """Queries of the page that has the most."""
    made = deck()
    paths = [made.path(form) for form in {**PAGES, **LOG}.values()]
    given = {"BENCH_SESSION": made.session, "BENCH_PATHS": json.dumps(paths)}
    counts: dict[str, int] = json.loads(_say(made.home, _COUNT, "COUNTS ", given))
    return max(counts.values())


@cache
def deck() -> Deck:
    """Start everything, once; it ends with this process."""
    stack = ExitStack()
    atexit.register(stack.close)
    home, _ = stack.enter_context(coordinator(""))
    done = subprocess.run(
        [sys.executable, "-m", "bench.large", str(home)],
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    session = make_session(home)
    return Deck(home, stack.enter_context(web(home)), session, json.loads(done.stdout))


def make_session(home: Path) -> str:
    """Sign an administrator in; return the session's key."""
    return _say(home, _SESSION, "SESSION ", {})


def _say(home: Path, program: str, mark: str, given: dict[str, str]) -> str:
    """Return what a program says after a mark, which runs where the control room's pages do."""
    done = subprocess.run(
        [_COMMAND, "manage", "shell", "-v", "0", "-c", program],
        env={**environ, "CHAINDECK_HOME": str(home), **given},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    return done.stdout.partition(mark)[2].strip()
