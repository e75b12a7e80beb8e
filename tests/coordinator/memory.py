"""A journal in memory, which can be made to fail as a database does."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from chaindeck.coordinator.errors import RecordsAway
from chaindeck.coordinator.ports import Bounds
from chaindeck.rpc.forms import Event


class MemoryJournal:
    """Commits what is appended in a session; `is_away` says that it does not answer."""

    def __init__(self, epoch: str = "epoch-1") -> None:
        self.epoch = epoch
        self.events: list[Event] = []
        self.first = 1
        self.is_away = False
        self._lock = threading.Lock()

    def append(self, count: int = 1, *, topic: str = "node", kind: str = "changed", key: str = "n"):
        """Commit some events."""
        with self._lock:
            for _ in range(count):
                seq = self.first + len(self.events)
                event = Event(seq=seq, time_ms=seq, topic=topic, kind=kind, key=key, data={})
                self.events.append(event)

    def forget(self, up_to: int) -> None:
        self.events = [event for event in self.events if event.seq > up_to]
        self.first = up_to + 1

    def bounds(self) -> Bounds:
        return Bounds(self.epoch, self.first, self.first + len(self.events) - 1)

    def after(self, since: int, limit: int) -> list[Event]:
        if self.is_away:
            raise RecordsAway(reason="it does not answer")
        with self._lock:
            start = max(0, since + 1 - self.first)
            return self.events[start : start + limit]

    @contextlib.contextmanager
    def session(self) -> Iterator[None]:
        if self.is_away:
            raise RecordsAway(reason="it does not answer")
        yield
