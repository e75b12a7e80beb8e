"""The feed: what happens in a node, numbered without gaps, for everybody who follows it.

Numbers belong to an epoch, which is new at every start. A reader that comes back with the epoch and
the last number it saw gets what it missed, or is told that there is a gap and reads the API first.
No reader can hold up the node or another reader: one that is too slow loses its place and is told.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Collection
from typing import Any

import msgspec

from chaindeck.node.limits import FEED_EVENTS, SUBSCRIBER_EVENTS

TOPICS = ("block", "transaction", "reorg", "peer", "sync", "stats")


class FeedEvent(msgspec.Struct, frozen=True):
    """One thing that happened."""

    sequence: int
    topic: str
    data: dict[str, Any]


class Subscription:
    """One reader's place in the feed. Ask `take` for what is new."""

    def __init__(self, feed: Feed, topics: Collection[str], capacity: int) -> None:
        self._feed = feed
        self.topics = frozenset(topics)
        self._capacity = capacity
        self._waiting: deque[FeedEvent] = deque()
        self._changed = asyncio.Event()
        self.has_gap = False
        """Whether events were lost since the last `take`: read the API, then go on."""

    def offer(self, event: FeedEvent) -> None:
        if event.topic not in self.topics:
            return
        if len(self._waiting) == self._capacity:
            self._waiting.clear()
            self.has_gap = True
        self._waiting.append(event)
        self._changed.set()

    async def take(self) -> tuple[list[FeedEvent], bool]:
        """Wait for events; return all that are here, and whether some before them were lost."""
        await self._changed.wait()
        self._changed.clear()
        events, self._waiting = list(self._waiting), deque()
        had_gap, self.has_gap = self.has_gap, False
        return events, had_gap

    def close(self) -> None:
        self._feed.leave(self)


class Feed:
    """Numbers events, keeps the last ones, and hands them to every reader."""

    def __init__(self, epoch: str, capacity: int = FEED_EVENTS) -> None:
        self.epoch = epoch
        self.sequence = 0
        """The number of the last event, 0 before the first."""

        self._recent: deque[FeedEvent] = deque(maxlen=capacity)
        self._readers: dict[Subscription, None] = {}

    @property
    def reader_count(self) -> int:
        return len(self._readers)

    def publish(self, topic: str, data: dict[str, Any]) -> None:
        self.sequence += 1
        event = FeedEvent(self.sequence, topic, data)
        self._recent.append(event)
        for reader in self._readers:
            reader.offer(event)

    def subscribe(
        self,
        topics: Collection[str],
        *,
        since: int | None = None,
        capacity: int = SUBSCRIBER_EVENTS,
    ) -> Subscription:
        """Follow some topics from the next event on, or from after number `since`.

        Where events after `since` are no longer kept, the first `take` tells of a gap.
        """
        subscription = Subscription(self, topics, capacity)
        self._readers[subscription] = None
        if since is not None and since < self.sequence:
            oldest = self._recent[0].sequence
            for event in self._recent:
                if event.sequence > since:
                    subscription.offer(event)
            if since + 1 < oldest:
                subscription.has_gap = True
                subscription._changed.set()  # noqa: SLF001 - a feed and its readers are one thing
        return subscription

    def leave(self, subscription: Subscription) -> None:
        self._readers.pop(subscription, None)
