"""Every WebSocket of the control room, by address: who may come in, how many, until when."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Collection, Coroutine, Iterator
from typing import Any, Protocol

import msgspec

from chaindeck.control.asgi import Receive, Scope, Send
from chaindeck.control.limits import (
    LIVE_BEAT_S,
    LIVE_MAX_LINES,
    LIVE_MAX_LINES_OF_ONE,
    LIVE_STOP_S,
)
from chaindeck.control.live.access import NOT_SIGNED_IN, Listener, Refused, admit, check_again
from chaindeck.control.live.channel import LiveChannel
from chaindeck.control.live.hub import LiveHub
from chaindeck.control.live.line import Gone, Line
from chaindeck.control.live.named import NamedChannel, StandingBoard

NOT_HERE = 4404
TOO_MANY = 4429
RESTARTING = 1012
_LIVE = "/ws/live"
_NAMED = frozenset({"/ws/status/", "/ws/dashboard/"})
ADDRESSES = frozenset({_LIVE, *_NAMED})


class Channel(Protocol):
    """What is said over a line, and understood."""

    def write(self) -> Coroutine[Any, Any, None]: ...
    def read(self) -> Coroutine[Any, Any, None]: ...
    def beat(self) -> None: ...


class Place(msgspec.Struct, eq=False):
    """An open line, and who is at its other end."""

    line: Line
    listener: Listener
    is_ended: asyncio.Event = msgspec.field(default_factory=asyncio.Event)


class Sockets:
    """The ASGI application for sockets. Run it inside `running`."""

    def __init__(self, hub: LiveHub, instance: str, origins: Collection[str]) -> None:
        self._hub = hub
        self._board = StandingBoard(hub)
        self._instance = instance
        self._origins = frozenset(origins)
        self._lines: Counter[int] = Counter()
        self._open: set[Place] = set()
        self._is_stopping = False

    @property
    def lines(self) -> int:
        return len(self._open)

    @property
    def place(self) -> tuple[str, int]:
        """Where the stream of events stands: its epoch and the number of the last."""
        return self._hub.place

    @property
    def is_away(self) -> bool:
        """Whether the coordinator does not answer."""
        return self._hub.is_away

    @property
    def heard_ms(self) -> int | None:
        """When it told anything last, None where it never did."""
        return self._hub.heard_ms

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        line = Line(scope, receive, send)
        with contextlib.suppress(Gone):
            # Accepted first: a browser does not tell its page why a line was refused.
            await line.accept()
            try:
                await self._serve(scope, line)
            except Refused as refused:
                await line.close(refused.code)

    async def _serve(self, scope: Scope, line: Line) -> None:
        if self._is_stopping:
            raise Refused(RESTARTING)
        if scope["path"] not in ADDRESSES:
            raise Refused(NOT_HERE)
        listener = await admit(scope, self._origins)
        with self._place(listener, line) as place:
            await _run(self._channel(scope["path"], line), place)

    def end_lines(self, *, person_id: int, session_key: str = "") -> None:
        """Have the lines of a person end, or of one session: they may no longer listen so."""
        for place in self._open:
            who = place.listener
            if who.person_id == person_id and session_key in ("", who.session_key):
                place.is_ended.set()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Follow the coordinator meanwhile, and send everybody away at the end."""
        async with asyncio.TaskGroup() as group:
            # A fault there ends the process, which is started anew, rather than let pages wait.
            following = group.create_task(self._hub.follow())
            try:
                yield
            finally:
                self._is_stopping = True
                following.cancel()
                closing = [place.line.close(RESTARTING, LIVE_STOP_S) for place in self._open]
                await asyncio.gather(*closing)

    def _channel(self, path: str, line: Line) -> Channel:
        if path in _NAMED:
            return NamedChannel(self._hub, self._board, line)
        return LiveChannel(self._hub, line, self._instance)

    @contextlib.contextmanager
    def _place(self, listener: Listener, line: Line) -> Iterator[Place]:
        who = listener.person_id
        if len(self._open) >= LIVE_MAX_LINES or self._lines[who] >= LIVE_MAX_LINES_OF_ONE:
            raise Refused(TOO_MANY)
        place = Place(line, listener)
        self._lines[who] += 1
        self._open.add(place)
        try:
            yield place
        finally:
            self._open.discard(place)
            self._lines[who] -= 1
            if not self._lines[who]:
                del self._lines[who]


async def _run(channel: Channel, place: Place) -> None:
    """Serve a line until its other end leaves, or may no longer listen: then raise `Refused`."""
    parts = (channel.write(), channel.read(), _watch(channel, place))
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


async def _watch(channel: Channel, place: Place) -> None:
    """Say that the line lives, for as long as its person may listen."""
    while True:
        try:
            async with asyncio.timeout(LIVE_BEAT_S):
                await place.is_ended.wait()
        except TimeoutError:
            fresh = await check_again(place.listener)
        else:
            # What is kept of them has changed: who still may listen comes back as they are now.
            raise Refused(NOT_SIGNED_IN)
        if fresh.role != place.listener.role:
            raise Refused(NOT_SIGNED_IN)
        channel.beat()
