"""The event hub: what is committed, in order, for every reader; the newest from memory.

All readers share one ring; each is only a place in it, so none holds up the writer or another. A
reader that comes back is first given what the journal has. One that was fed from the ring and whose
next event has left it is cut, and may come back with its last number.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection

from chaindeck.coordinator.errors import SlowReader, Stopping, TopicUnknown
from chaindeck.coordinator.limits import MAX_STATE_KEYS, REPLAY_EVENTS, RING_EVENTS
from chaindeck.coordinator.ports import Journal
from chaindeck.records.types import KINDS
from chaindeck.rpc.forms import (
    Event,
    EventBatch,
    Heartbeat,
    Snapshot,
    StreamEventsReply,
    StreamHello,
)
from chaindeck.rpc.limits import HEARTBEAT_S, MAX_BATCH_EVENTS

TOPICS = frozenset(KINDS)
STATE_TOPICS = frozenset({"node", "network", "system", "status", "chain", "pool"})
Read = Callable[[Callable[[], list[Event]]], Awaitable[list[Event]]]


class Hub:
    """Give it what is committed with `take`; follow it with `follow`."""

    def __init__(
        self,
        journal: Journal,
        *,
        capacity: int = RING_EVENTS,
        heartbeat_s: float = HEARTBEAT_S,
    ) -> None:
        self._journal = journal
        self._heartbeat_s = heartbeat_s
        self.capacity = capacity
        self.epoch = ""
        self.last = 0
        self.readers = 0
        self._ring: list[Event] = []
        self._states: dict[tuple[str, str], Event] = {}
        self._news = asyncio.Event()
        self._is_closed = False
        self._opened = asyncio.Event()

    # From the writer

    def open(self, epoch: str, last: int, newest: list[Event]) -> None:
        """Start with what the journal holds: its epoch, its last number, its newest events."""
        assert not newest or newest[-1].seq == last, "the newest event is the last"
        self.epoch, self.last = epoch, last
        self._ring = newest
        for event in newest:
            self._note_state(event)
        self._opened.set()

    def take(self, events: list[Event]) -> None:
        """Hand on events that are committed. They continue those before."""
        assert events[0].seq == self.last + 1, "numbers have no gap and no repeat"
        self._ring += events
        self.last = events[-1].seq
        # Cut rarely and by much, so that it costs nothing by the event.
        if len(self._ring) > 2 * self.capacity:
            del self._ring[: -self.capacity]
        for event in events:
            self._note_state(event)
        self._wake()

    def close(self) -> None:
        """End all readers."""
        self._is_closed = True
        self._wake()

    # For readers

    async def wait_open(self) -> None:
        await self._opened.wait()

    def snapshot(self, topics: Collection[str] = ()) -> Snapshot:
        """Return the last event of each key. Raises `TopicUnknown`."""
        _check_topics(topics, STATE_TOPICS)
        wanted = frozenset(topics) or STATE_TOPICS
        found = [event for event in self._states.values() if event.topic in wanted]
        ordered = tuple(sorted(found, key=lambda event: event.seq))
        return Snapshot(epoch=self.epoch, seq=self.last, events=ordered)

    async def follow(
        self, read: Read, *, epoch: str = "", since: int | None = None, topics: Collection[str] = ()
    ) -> AsyncGenerator[StreamEventsReply, None]:
        """Yield where this starts, what was missed, and what comes; a heartbeat in between.

        `read` runs a function of the journal in a thread. Raises `TopicUnknown`, `SlowReader`, and
        `Stopping` at the end.
        """
        _check_topics(topics, TOPICS)
        first = await self._first(read)
        place, has_gap = self._start(epoch, since, first)
        wanted = frozenset(topics) or TOPICS
        self.readers += 1
        try:
            yield StreamEventsReply(
                hello=StreamHello(
                    epoch=self.epoch,
                    first_seq=first,
                    last_seq=self.last,
                    has_gap=has_gap,
                    starts_after=place,
                )
            )
            was_near = False
            while not self._is_closed:
                if place >= self.last:
                    if not await self._wait():
                        yield _heartbeat(place)
                    continue
                events = self._slice(place)
                if events is None:
                    if was_near:
                        raise SlowReader(seq=self._ring[0].seq, place=place)
                    events = await self._replay(read, place)
                else:
                    was_near = True
                place = events[-1].seq
                told = tuple(event for event in events if event.topic in wanted)
                if told:
                    yield StreamEventsReply(batch=EventBatch(events=told))
            raise Stopping  # Readers come back to the next process.
        finally:
            self.readers -= 1

    def _start(self, epoch: str, since: int | None, first: int) -> tuple[int, bool]:
        """Return after which event a reader starts, and whether it lost some."""
        if since is None:
            return self.last, False
        if epoch not in ("", self.epoch) or not first - 1 <= since <= self.last:
            return self.last, True
        return since, False

    async def _first(self, read: Read) -> int:
        """Return the first event that the journal keeps."""
        kept = await read(lambda: self._journal.after(0, 1))
        return kept[0].seq if kept else self.last + 1

    def _slice(self, place: int) -> list[Event] | None:
        """Return the next events of the ring, None where they have left it."""
        base = self.last - len(self._ring)
        if place < base:
            return None
        start = place - base
        return self._ring[start : start + MAX_BATCH_EVENTS]

    async def _replay(self, read: Read, place: int) -> list[Event]:
        events = await read(
            lambda: self._journal.after(place, min(REPLAY_EVENTS, MAX_BATCH_EVENTS))
        )
        # Forgotten under the reader's eyes: it comes back and is told of the gap.
        if not events or events[0].seq != place + 1:
            raise SlowReader(seq=events[0].seq if events else self.last, place=place)
        return [event for event in events if event.seq <= self.last]

    async def _wait(self) -> bool:
        """Wait for news; return False where a heartbeat is due first."""
        news = self._news
        try:
            async with asyncio.timeout(self._heartbeat_s):
                await news.wait()
        except TimeoutError:
            return False
        return True

    def _wake(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    def _note_state(self, event: Event) -> None:
        if event.topic not in STATE_TOPICS:
            return
        key = (event.topic, event.key)
        self._states.pop(key, None)
        if event.kind == "removed":
            return
        self._states[key] = event
        if len(self._states) > MAX_STATE_KEYS:
            del self._states[next(iter(self._states))]


def _heartbeat(place: int) -> StreamEventsReply:
    beat = Heartbeat(time_ms=time.time_ns() // 1_000_000, last_seq=place)
    return StreamEventsReply(heartbeat=beat)


def _check_topics(topics: Collection[str], known: Collection[str]) -> None:
    for topic in topics:
        if topic not in known:
            raise TopicUnknown(field="topics", topic=topic[:40], topics=", ".join(sorted(known)))
