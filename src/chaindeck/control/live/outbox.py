"""What waits for one slow reader: bounded, in order, and in a pinch only the newest of each key."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable

import msgspec

from chaindeck.control.limits import (
    LIVE_BATCH_EVENTS,
    LIVE_BEHIND_BYTES,
    LIVE_COALESCE_EVENTS,
)
from chaindeck.rpc.forms import Event

_encode = msgspec.json.Encoder().encode


class Packed(msgspec.Struct, frozen=True):
    """An event with its JSON, which all readers share."""

    event: Event
    text: bytes

    @property
    def place(self) -> tuple[str, str]:
        return self.event.topic, self.event.key


def pack(event: Event) -> Packed:
    return Packed(event, _encode(event))


class Outbox:
    """Events for one reader, between the hub and its line.

    Once too much waits, nothing more is kept: the reader is lost, and `is_too_far_behind` says so
    for good.
    """

    def __init__(self) -> None:
        self._waiting: OrderedDict[int, Packed] = OrderedDict()
        self._newest: dict[tuple[str, str], int] = {}
        self._bytes = 0
        self._is_coalescing = False
        self.is_too_far_behind = False

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def first(self) -> int | None:
        """The number of the oldest that waits."""
        return next(iter(self._waiting), None)

    def put(self, packed: Packed) -> None:
        """Add an event; of a reader who is behind, what it makes old is forgotten."""
        if self.is_too_far_behind:
            return
        if len(self._waiting) >= LIVE_COALESCE_EVENTS and not self._is_coalescing:
            self._coalesce()
        if self._is_coalescing and packed.event.key:
            self._forget(self._newest.get(packed.place))
        self._add(packed)
        if self._bytes > LIVE_BEHIND_BYTES:
            self.drop_all()
            self.is_too_far_behind = True

    def merge(self, missed: Iterable[Packed]) -> None:
        """Add events that may be older than those that wait already; they leave in order."""
        everything = {packed.event.seq: packed for packed in (*missed, *self._waiting.values())}
        self.drop_all()
        for seq in sorted(everything):
            self.put(everything[seq])

    def take(self) -> list[Packed]:
        """Return the oldest, as many as one frame holds."""
        taken: list[Packed] = []
        while self._waiting and len(taken) < LIVE_BATCH_EVENTS:
            seq, packed = self._waiting.popitem(last=False)
            self._bytes -= len(packed.text)
            if self._newest.get(packed.place) == seq:
                del self._newest[packed.place]
            taken.append(packed)
        if len(self._waiting) < LIVE_COALESCE_EVENTS:
            self._is_coalescing = False
        return taken

    def drop(self, topics: Collection[str]) -> None:
        """Forget what waits of some topics."""
        for seq in [seq for seq, packed in self._waiting.items() if packed.event.topic in topics]:
            self._newest.pop(self._waiting[seq].place, None)
            self._forget(seq)

    def drop_all(self) -> None:
        self._waiting.clear()
        self._newest.clear()
        self._bytes = 0
        self._is_coalescing = False

    def _add(self, packed: Packed) -> None:
        self._waiting[packed.event.seq] = packed
        self._newest[packed.place] = packed.event.seq
        self._bytes += len(packed.text)

    def _coalesce(self) -> None:
        """Keep the newest of each key; from here on an event takes the place of the one before."""
        for seq, packed in list(self._waiting.items()):
            if packed.event.key and self._newest[packed.place] != seq:
                self._forget(seq)
        self._is_coalescing = True

    def _forget(self, seq: int | None) -> None:
        packed = None if seq is None else self._waiting.pop(seq, None)
        if packed is not None:
            self._bytes -= len(packed.text)
