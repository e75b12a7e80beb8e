"""`/ws/status/` and `/ws/dashboard/`: channels of few words for other programs.

How everything stands is told on connecting and every ten seconds, and when it is asked for; lines
of the activity log as they come.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final

import msgspec
from asgiref.sync import sync_to_async
from django.db import DatabaseError

from chaindeck.control.api import standing
from chaindeck.control.limits import API_PAGE_ROWS, LIVE_NOTICES, STANDING_FRESH_S, STATUS_PERIOD_S
from chaindeck.control.live.hub import LiveHub, Reader
from chaindeck.control.live.line import TOO_SLOW, Gone, Line, Malformed
from chaindeck.control.live.outbox import Packed
from chaindeck.control.threads import with_database
from chaindeck.records.selectors.activity import activity_page
from chaindeck.rpc.errors import RpcError

_TOPIC: Final = "activity"
_GRAVE: Final = frozenset({"error", "critical"})
_ASKS: Final = ("get_status", "get_logs", "get_alerts")


class StandingBoard:
    """How everything stands, found out at most so often however many lines ask."""

    def __init__(self, hub: LiveHub) -> None:
        self._hub = hub
        self._lock = asyncio.Lock()
        self._known: dict[str, Any] = {}
        self._at_s = float("-inf")

    async def look(self) -> dict[str, Any]:
        """Return what `/api/status/` says. Raises `DatabaseError`."""
        async with self._lock:
            if time.monotonic() - self._at_s >= STANDING_FRESH_S:
                self._known = await self._ask()
                self._at_s = time.monotonic()
            return self._known

    async def _ask(self) -> dict[str, Any]:
        try:
            stats = await standing.within(self._hub.coordinator.get_system_stats())
        except (RpcError, TimeoutError):
            stats = None
        found = await sync_to_async(with_database(standing.status_with))(stats)
        known: dict[str, Any] = msgspec.to_builtins(found)
        return known


class NamedChannel:
    """One program's line."""

    def __init__(self, hub: LiveHub, board: StandingBoard, line: Line) -> None:
        self._hub = hub
        self._board = board
        self._line = line
        self._reader = Reader()
        self._reader.topics = frozenset({_TOPIC})
        self._has_room = asyncio.Event()
        self._has_room.set()

    async def write(self) -> None:
        """Say all that there is to say, until cancelled. Raises `Gone`."""
        self._hub.join(self._reader)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._tell_standing())
                group.create_task(self._send_all())
        except* Gone:
            raise Gone from None
        finally:
            self._hub.leave(self._reader)

    async def read(self) -> None:
        """Return when the program has left."""
        async for frame in self._line.frames():
            await self._has_room.wait()
            if isinstance(frame, Malformed):
                self._complain("a frame is one JSON object")
            elif frame.get("type") in _ASKS:
                self._tell({"type": "asked", "what": frame["type"]})
            else:
                self._complain(f"type is {', '.join(_ASKS)}")

    def beat(self) -> None:
        """Standing is told more often than any beat."""

    async def _tell_standing(self) -> None:
        while True:
            self._tell({"type": "asked", "what": "get_status"})
            await asyncio.sleep(STATUS_PERIOD_S)

    async def _send_all(self) -> None:
        reader = self._reader
        while True:
            await reader.bell.wait()
            reader.bell.clear()
            while (reader.notices or reader.outbox) and not reader.is_lost:
                await self._send_next()
            if reader.is_lost:
                await self._line.close(TOO_SLOW)
                raise Gone

    async def _send_next(self) -> None:
        reader = self._reader
        if not reader.notices:
            for packed in reader.outbox.take():
                await self._push(packed)
            return
        notice = reader.notices.popleft()
        if not reader.notices:
            self._has_room.set()
        match notice["type"]:
            case "asked":
                await self._line.say(await self._answer(str(notice["what"])))
            case "error":
                await self._line.say(notice)

    async def _push(self, packed: Packed) -> None:
        data = packed.event.data
        await self._line.say({"type": "activity_update", "data": data})
        if data.get("severity") in _GRAVE:
            await self._line.say({"type": "security_alert", "data": data})

    async def _answer(self, asked: str) -> dict[str, object]:
        try:
            if asked == "get_status":
                return {"type": "status_update", "data": await self._board.look()}
            if asked == "get_logs":
                return {"type": "logs_update", "data": await _log_rows()}
            return {"type": "alerts_update", "data": await _grave_rows()}
        except DatabaseError:
            return {"type": "error", "message": "records do not answer; ask again later"}

    def _complain(self, message: str) -> None:
        self._tell({"type": "error", "message": message})

    def _tell(self, notice: dict[str, object]) -> None:
        self._reader.tell(notice)
        if len(self._reader.notices) >= LIVE_NOTICES // 2:
            self._has_room.clear()


@sync_to_async
@with_database
def _log_rows() -> list[dict[str, Any]]:
    return activity_page(limit=API_PAGE_ROWS).rows


@sync_to_async
@with_database
def _grave_rows() -> list[dict[str, Any]]:
    """Lines that need somebody's attention, the newest first."""
    pages = [activity_page(severity=severity, limit=API_PAGE_ROWS) for severity in sorted(_GRAVE)]
    rows = [row for page in pages for row in page.rows]
    return sorted(rows, key=lambda row: (row["time_ms"], row["id"]), reverse=True)[:API_PAGE_ROWS]
