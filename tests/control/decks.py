"""A whole control room for tests: PostgreSQL, Redis, nodes, coordinator and web, and who listens.

Every part is a real process that a test may end and start again.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from chaindeck.records.types import KINDS
from tests.control.processes import WebProcess, web
from tests.coordinator.processes import (
    CoordinatorProcess,
    PostgresServer,
    RedisServer,
    coordinator,
    wait_for,
)
from tests.functional.processes import NodeProcess, node
from tests.rpc.desks import short_home

LIMIT_S = 60.0
NODES = ("node-1", "node-2")
Frame = dict[str, Any]


class Ear:
    """Listens at one address until the line ends, and keeps what it heard."""

    def __init__(self, deck: Deck, path: str, first: Frame | None = None) -> None:
        self.frames: list[Frame] = []
        self.code: int | None = None
        self._line: ClientConnection
        self._is_open = threading.Event()
        url = f"ws://127.0.0.1:{deck.web.port}{path}"
        self._thread = threading.Thread(target=self._listen, args=(url, deck.token, first))
        self._thread.start()
        assert self._is_open.wait(LIMIT_S)

    def say(self, frame: Frame) -> None:
        self._line.send(json.dumps(frame))

    def wait(self, is_it: Callable[[Frame], bool], after: int = 0) -> Frame:
        """Return the first frame after some that is it."""
        found: list[Frame] = []

        def has_come() -> bool:
            found[:] = [frame for frame in self.frames[after:] if is_it(frame)]
            return bool(found)

        wait_for(has_come, LIMIT_S)
        return found[0]

    def wait_closed(self) -> int | None:
        self._thread.join(LIMIT_S)
        assert not self._thread.is_alive(), "the line is open"
        return self.code

    def close(self) -> None:
        self._line.close()
        self._thread.join(LIMIT_S)

    @property
    def numbers(self) -> list[int]:
        """The numbers of all events, as they came."""
        batches = [frame["events"] for frame in self.frames if frame["type"] == "events"]
        return [event["seq"] for batch in batches for event in batch]

    def _listen(self, url: str, token: str, first: Frame | None) -> None:
        headers = {"authorization": f"Bearer {token}"}
        try:
            with connect(url, additional_headers=headers, compression=None) as self._line:
                self._is_open.set()
                if first is not None:
                    self.say(first)
                while True:
                    self.frames.append(json.loads(self._line.recv()))
        except ConnectionClosed as closed:
            self.code = closed.rcvd.code if closed.rcvd else None


class Deck:
    """All parts; `trouble` of a test ends some, and starts them again."""

    def __init__(self, home: Path, stack: contextlib.ExitStack) -> None:
        self.home = home
        self._stack = stack
        folder = Path(tempfile.mkdtemp(prefix="cd-pg-"))
        stack.callback(shutil.rmtree, folder)
        self.postgres = PostgresServer(folder)
        self.postgres.start()
        stack.callback(self.postgres.stop)
        self.redis = RedisServer(home)
        self.redis.start()
        stack.callback(self.redis.stop)
        self.nodes: list[NodeProcess] = [self._node(name) for name in NODES]
        entries = [{"name": name, "api_port": 1} for name in NODES]
        (home / "config.json").write_text(json.dumps({"nodes": entries}))
        url = self.postgres.url
        redis = {"REDIS_URL": self.redis.url}
        self.coordinator: CoordinatorProcess = stack.enter_context(
            coordinator(home, DATABASE_URL=url, **redis)
        )
        self.web: WebProcess = stack.enter_context(web(home, DATABASE_URL=url))
        self.token = self.web.make_token("read")

    def _node(self, name: str) -> NodeProcess:
        folder = self.home / "nodes" / name
        folder.parent.mkdir(exist_ok=True)
        return self._stack.enter_context(node(folder))

    def status(self) -> Any:
        return self.web.ask("/api/status/", self.token)

    def stats(self) -> Any:
        return self.web.ask("/api/stats/", self.token)

    def refusal(self, path: str) -> tuple[int, str]:
        """Return status and code of an answer that is none."""
        status, _, body = self.web.get(path, authorization=f"Bearer {self.token}")
        return status, json.loads(body).get("error", {}).get("code", "")

    def is_alive(self) -> bool:
        """Whether the web itself answers; nothing of this is in records."""
        status, _, body = self.web.get("/health")
        return status == 200 and json.loads(body)["ok"]

    def listen(self, epoch: str | None = None, since: int | None = None) -> Ear:
        first: Frame = {"type": "subscribe", "topics": sorted(KINDS)}
        if epoch is not None:
            first |= {"epoch": epoch, "since": since}
        return self._ear("/ws/live", first)

    def named(self, name: str) -> Ear:
        return self._ear(f"/ws/{name}/")

    def _ear(self, path: str, first: Frame | None = None) -> Ear:
        ear = Ear(self, path, first)
        self._stack.callback(ear.close)
        return ear


@contextlib.contextmanager
def deck() -> Iterator[Deck]:
    with short_home() as home, contextlib.ExitStack() as stack:
        yield Deck(home, stack)
