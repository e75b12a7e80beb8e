"""A coordinator whose events a test makes, and a real server of sockets that listens to it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from chaindeck.control.asgi import Site
from chaindeck.control.config import WebConfig
from chaindeck.control.live.hub import LiveHub
from chaindeck.control.live.sockets import Sockets
from chaindeck.control.process import WebServer, _listen, _server_config
from chaindeck.rpc.errors import PartUnreachable
from chaindeck.rpc.following import Away
from chaindeck.rpc.forms import Event, Snapshot, StreamHello
from tests.rpc.desks import SAMPLES

LIMIT_S = 10


class ScriptedCoordinator:
    """Has an epoch and a journal; can go away, forget, and begin another epoch."""

    def __init__(self, epoch: str = "e1") -> None:
        self.epoch = epoch
        self.journal: list[Event] = []
        self.first = 1
        self.is_away = False
        self._changed = asyncio.Condition()

    @property
    def last(self) -> int:
        return self.journal[-1].seq if self.journal else self.first - 1

    async def tell(self, topic: str = "block", key: str = "", count: int = 1, **data: Any) -> None:
        async with self._changed:
            for _ in range(count):
                seq = self.last + 1
                kind = data.get("kind", "changed")
                event = Event(seq=seq, time_ms=seq, topic=topic, kind=kind, key=key, data=data)
                self.journal.append(event)
            self._changed.notify_all()

    async def leave(self) -> None:
        await self._set(is_away=True)

    async def come_back(self) -> None:
        await self._set(is_away=False)

    async def begin_anew(self, epoch: str) -> None:
        """Another database."""
        async with self._changed:
            self.epoch, self.journal, self.first = epoch, [], 1
            self._changed.notify_all()

    async def forget(self) -> None:
        """Nothing of the past is kept."""
        async with self._changed:
            self.first, self.journal = self.last + 1, []
            self._changed.notify_all()

    async def get_snapshot(self) -> Snapshot:
        if self.is_away:
            raise PartUnreachable(address="here", reason="it is away")
        newest: dict[tuple[str, str], Event] = {}
        for event in self.journal:
            if event.topic in ("node", "status", "chain"):
                newest[event.topic, event.key] = event
        return Snapshot(epoch=self.epoch, seq=self.last, events=tuple(newest.values()))

    async def get_system_stats(self):
        if self.is_away:
            raise PartUnreachable(address="here", reason="it is away")
        return SAMPLES["get_system_stats"]

    async def follow_events(self, topics=(), *, epoch: str = "", since: int | None = None):
        """As the real follower: a hello after each connection, `Away` once in between."""
        place, is_linked = since or 0, False
        while True:
            if self.is_away:
                if is_linked:
                    is_linked = False
                    yield Away("it is away")
                await self._wait(lambda: not self.is_away)
            if not is_linked or epoch != self.epoch:
                has_gap = epoch != self.epoch or place + 1 < self.first
                place = max(place, self.first - 1) if epoch == self.epoch else self.last
                epoch, is_linked = self.epoch, True
                yield StreamHello(
                    epoch=epoch,
                    first_seq=self.first,
                    last_seq=self.last,
                    has_gap=has_gap,
                    starts_after=place,
                )
            for event in [event for event in self.journal if event.seq > place]:
                place = event.seq
                yield event
            here, known = place, epoch
            await self._wait(
                lambda: self.last > here or self.is_away or self.epoch != known  # noqa: B023 - awaited within this turn
            )

    async def _set(self, *, is_away: bool) -> None:
        async with self._changed:
            self.is_away = is_away
            self._changed.notify_all()

    async def _wait(self, is_so) -> None:
        async with self._changed:
            await self._changed.wait_for(is_so)


class Served:
    """Sockets behind a real server."""

    def __init__(self, port: int, sockets: Sockets, hub: LiveHub) -> None:
        self.port = port
        self.sockets = sockets
        self.hub = hub

    def open(self, path: str = "/ws/live", **headers: str) -> connect:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        url = f"ws://127.0.0.1:{self.port}{path}"
        origin = given.pop("origin", None)
        return connect(url, additional_headers=given, origin=origin, compression=None)

    def as_page(self, session_key: str, path: str = "/ws/live", port: int | None = None) -> connect:
        """As a page of ours in a browser with this session."""
        cookie = f"chaindeck_session={session_key}"
        return self.open(path, origin=f"http://127.0.0.1:{port or self.port}", cookie=cookie)


async def nothing(*_: object) -> None:
    """Pages are not what is tested."""


@contextlib.asynccontextmanager
async def serving(coordinator: ScriptedCoordinator) -> AsyncIterator[Served]:
    hub = LiveHub(coordinator)
    sockets = Sockets(hub, "instance-1", ())
    config = WebConfig(port=0)
    with _listen(config) as listener:
        server = WebServer(_server_config(Site(nothing, sockets)))
        task = asyncio.create_task(server.serve([listener]))
        await server.is_ready.wait()
        try:
            async with sockets.running():
                yield Served(listener.getsockname()[1], sockets, hub)
        finally:
            server.should_exit = True
            await task


async def hear(line: ClientConnection, kind: str = "") -> dict[str, Any]:
    """Return the next frame, or the next of a type."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            frame: dict[str, Any] = json.loads(await line.recv())
            if kind in ("", frame["type"]):
                return frame


async def hear_events(line: ClientConnection, up_to: int) -> list[int]:
    """Return the numbers of events as they come, until one."""
    seen: list[int] = []
    while not seen or seen[-1] < up_to:
        seen += [event["seq"] for event in (await hear(line, "events"))["events"]]
    return seen


async def subscribe(line: ClientConnection, *topics: str, **place: Any) -> dict[str, Any]:
    await line.send(json.dumps({"type": "subscribe", "topics": topics, **place}))
    return await hear(line, "hello")


async def closed_with(line: ClientConnection) -> int | None:
    async with asyncio.timeout(LIMIT_S):
        await line.wait_closed()
    return line.close_code


async def come_true(is_so) -> None:
    async with asyncio.timeout(LIMIT_S):
        while not is_so():
            await asyncio.sleep(0.01)
