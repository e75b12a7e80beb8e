"""`/ws/live`: a page asks for topics and hears them, from where it last was."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from chaindeck.control.limits import LIVE_NOTICES, LIVE_SETTLE_S
from chaindeck.control.live.hub import TOPICS, LiveHub, Reader, tell_gap, tell_states
from chaindeck.control.live.line import TOO_SLOW, Gone, Line, Malformed


class LiveChannel:
    """One page's line, from its first `subscribe` to its end."""

    def __init__(self, hub: LiveHub, line: Line, instance: str) -> None:
        self._hub = hub
        self._line = line
        self._instance = instance
        self._reader = Reader()
        self._was_greeted = False
        self._has_room = asyncio.Event()
        self._has_room.set()

    async def write(self) -> None:
        """Say all that there is to say, until cancelled. Raises `Gone`."""
        self._hub.join(self._reader)
        try:
            await self._send_all()
        finally:
            self._hub.leave(self._reader)

    async def read(self) -> None:
        """Return when the page has left."""
        async for frame in self._line.frames():
            # Who says much and hears nothing is not read on.
            await self._has_room.wait()
            if isinstance(frame, Malformed):
                self._complain("frame-malformed", "a frame is one JSON object")
            else:
                await self._obey(frame)

    def beat(self) -> None:
        """Say that the line lives."""
        self._reader.tell({"type": "beat", "time_ms": _now_ms()})

    async def _obey(self, frame: dict[str, Any]) -> None:
        topics = frame.get("topics", [])
        is_known = isinstance(topics, list) and all(
            isinstance(topic, str) and topic in TOPICS for topic in topics
        )
        if not is_known:
            self._complain("topic-unknown", f"topics are {', '.join(sorted(TOPICS))}")
            return
        match frame.get("type"):
            case "subscribe":
                await self._settle()
                self._subscribe(frozenset(topics), frame.get("epoch"), frame.get("since"))
            case "unsubscribe":
                self._reader.topics -= frozenset(topics)
                self._reader.outbox.drop(topics)
            case _:
                self._complain("type-unknown", "type is subscribe or unsubscribe")

    async def _settle(self) -> None:
        """Right after a start, wait to know what came before it: else all would be a gap."""
        try:
            async with asyncio.timeout(LIVE_SETTLE_S):
                await self._hub.is_settled.wait()
        except TimeoutError:
            return

    def _subscribe(self, topics: frozenset[str], epoch: object, since: object) -> None:
        """From here on nothing is missed: what was, is queued before anything else comes."""
        hub, reader = self._hub, self._reader
        if not self._was_greeted:
            self._was_greeted = True
            reader.tell(self._hello())
        new = topics - reader.topics
        reader.topics |= topics
        if not (isinstance(epoch, str) and isinstance(since, int)):
            tell_states(reader, sorted(new))
            return
        missed = hub.missed(epoch, since, new)
        if missed is None:
            tell_gap(reader, hub, new)
        else:
            reader.outbox.merge(missed)
            reader.bell.set()

    def _hello(self) -> dict[str, object]:
        hub = self._hub
        place = {"epoch": hub.epoch, "seq": hub.seq, "instance": self._instance}
        return {"type": "hello", **place, "time_ms": _now_ms(), "source": hub.source()}

    def _complain(self, code: str, message: str) -> None:
        self._reader.tell({"type": "error", "code": code, "message": message})
        if len(self._reader.notices) >= LIVE_NOTICES // 2:
            self._has_room.clear()

    async def _send_all(self) -> None:
        reader = self._reader
        while True:
            await reader.bell.wait()
            reader.bell.clear()
            while reader.notices or reader.outbox:
                await self._send_next()
            if reader.is_lost:
                await self._line.close(TOO_SLOW)
                raise Gone

    async def _send_next(self) -> None:
        reader = self._reader
        if reader.is_lost:
            await self._line.close(TOO_SLOW)
            raise Gone
        if reader.notices:
            await self._say(reader.notices.popleft())
            if not reader.notices:
                self._has_room.set()
        else:
            await self._line.send_text(self._hub.frame(reader.outbox.take()))

    async def _say(self, notice: dict[str, object]) -> None:
        if notice["type"] == "beat" and not self._reader.outbox:
            notice = {**notice, "seq": self._hub.seq}
        if notice["type"] != "snapshot":
            await self._line.say(notice)
            return
        # Taken now, not when it was asked for: what waits of this topic is in it.
        topic = str(notice["topic"])
        self._reader.outbox.drop([topic])
        events = b",".join(packed.text for packed in self._hub.snapshot(topic))
        head = f'{{"type":"snapshot","topic":"{topic}","seq":{self._hub.seq},"events":['
        await self._line.send_text(f"{head}{events.decode()}]}}")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
