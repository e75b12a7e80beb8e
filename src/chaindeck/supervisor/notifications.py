"""What happened to the parts, as it happens: a bounded file, a bounded memory, and whoever listens.

A disk that is full costs the file some lines and nothing else. Numbers go on where the last
supervisor stopped, so that a reader who comes back misses nothing that is still kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Literal

import msgspec

from chaindeck.node.logs import get_logger
from chaindeck.rpc.forms import Notification
from chaindeck.supervisor.limits import NOTIFICATIONS_BYTES, NOTIFICATIONS_KEPT
from chaindeck.supervisor.logs import read_tail

Level = Literal["info", "warning", "error"]
_log = get_logger("supervisor")
_LINE = msgspec.json.Decoder(Notification)


class Notebook:
    """Keeps notifications, and hands each to all who listen."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kept: deque[Notification] = deque(_read_kept(path), maxlen=NOTIFICATIONS_KEPT)
        self._listeners: list[Callable[[Notification], None]] = []
        self._news = asyncio.Event()
        self._is_failing = False

    @property
    def last_seq(self) -> int:
        return self._kept[-1].seq if self._kept else 0

    def listen(self, listener: Callable[[Notification], None]) -> None:
        self._listeners.append(listener)

    def note(self, part: str, level: Level, message: str) -> None:
        notification = Notification(
            seq=self.last_seq + 1,
            time_ms=time.time_ns() // 1_000_000,
            level=level,
            part=part,
            message=message,
        )
        self._kept.append(notification)
        self._write(notification)
        self._news.set()
        self._news = asyncio.Event()
        for listener in self._listeners:
            listener(notification)

    async def follow(self, since: int) -> AsyncGenerator[Notification, None]:
        """Yield what is kept after a number, then what comes; a slow reader misses the oldest."""
        while True:
            news = self._news
            for notification in [item for item in self._kept if item.seq > since]:
                yield notification
                since = notification.seq
            if since >= self.last_seq:
                await news.wait()

    def _write(self, notification: Notification) -> None:
        try:
            with self._path.open("ab") as file:
                if file.tell() > NOTIFICATIONS_BYTES:
                    self._path.replace(self._path.with_name(f"{self._path.name}.1"))
                file.write(msgspec.json.encode(notification) + b"\n")
            self._is_failing = False
        except OSError as error:
            if not self._is_failing:
                _log.warning("notifications are not written", reason=error.strerror or str(error))
            self._is_failing = True


def _read_kept(path: Path) -> list[Notification]:
    """Return what a file holds; a line that was cut off by a full disk is passed over."""
    found: list[Notification] = []
    for line in read_tail(path, NOTIFICATIONS_KEPT):
        with contextlib.suppress(msgspec.DecodeError):
            found.append(_LINE.decode(line))
    return found
