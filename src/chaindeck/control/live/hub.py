"""One subscription to the coordinator for the whole process, and every page's place in it.

What comes is encoded once and put into the outbox of each reader that wants its topic. The newest
events stay in memory for pages that come back, and of topics that tell a state the last of each
key. While the coordinator is away, readers are told, and keep what they know.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import OrderedDict, deque
from collections.abc import Collection, Iterable

from chaindeck.control.limits import LIVE_NOTICES, LIVE_RING_EVENTS, LIVE_STATE_KEYS
from chaindeck.control.live.outbox import Outbox, Packed, pack
from chaindeck.node.logs import get_logger
from chaindeck.records.types import KINDS
from chaindeck.rpc.client import CoordinatorClient
from chaindeck.rpc.errors import RpcError
from chaindeck.rpc.following import Away
from chaindeck.rpc.forms import Event, Snapshot, StreamHello

TOPICS = frozenset(KINDS)
STATE_TOPICS = frozenset({"node", "network", "system", "status", "chain", "pool"})
_RETRY_S = 1.0
_FRAMES_KEPT = 64
_log = get_logger("web")


class Reader:
    """One line's place: which topics, what waits, and a bell that rings when there is something."""

    def __init__(self) -> None:
        self.topics: frozenset[str] = frozenset()
        self.outbox = Outbox()
        self.bell = asyncio.Event()
        self.notices: deque[dict[str, object]] = deque()
        """What is said beside events, in its order."""

    @property
    def is_lost(self) -> bool:
        """Whether this reader takes too little to be told any more."""
        return self.outbox.is_too_far_behind or len(self.notices) > LIVE_NOTICES

    def tell(self, notice: dict[str, object]) -> None:
        if not self.is_lost:
            self.notices.append(notice)
        self.bell.set()


class LiveHub:
    """Run `follow` for as long as the process lives."""

    def __init__(self, coordinator: CoordinatorClient, heard_ms: int | None = None) -> None:
        """`heard_ms`: when the coordinator last wrote anything down, as far as records know."""
        self.coordinator = coordinator
        self.place: tuple[str, int] = ("", 0)
        """Epoch and number of the last event; one value, as other threads read it."""

        self.is_away = True
        self.heard_ms = heard_ms
        """When the coordinator told anything last: what is known is of then."""

        self.is_settled = asyncio.Event()
        """Set once it is known what came before this process: then `missed` can answer."""

        self._first_kept = 1
        self._recalled_from: int | None = None
        self._ring: deque[Packed] = deque(maxlen=LIVE_RING_EVENTS)
        self._states: OrderedDict[tuple[str, str], Packed] = OrderedDict()
        self._frames: OrderedDict[tuple[int, ...], str] = OrderedDict()
        self._readers: set[Reader] = set()

    @property
    def epoch(self) -> str:
        return self.place[0]

    @property
    def seq(self) -> int:
        return self.place[1]

    @property
    def readers(self) -> int:
        return len(self._readers)

    def source(self) -> dict[str, object]:
        """Say whether what is told is of now."""
        if not self.is_away:
            return {"state": "live"}
        return {"state": "away", "since_ms": self.heard_ms}

    def join(self, reader: Reader) -> None:
        self._readers.add(reader)

    def leave(self, reader: Reader) -> None:
        self._readers.discard(reader)

    def snapshot(self, topic: str) -> list[Packed]:
        return [packed for (of, _), packed in self._states.items() if of == topic]

    def missed(self, epoch: str, since: int, topics: Collection[str]) -> list[Packed] | None:
        """Return what came after a number, None where that is no longer known."""
        if epoch != self.epoch or since + 1 < self._first_kept or since > self.seq:
            return None
        found = []
        for packed in reversed(self._ring):
            if packed.event.seq <= since:
                break
            if packed.event.topic in topics:
                found.append(packed)
        return found[::-1]

    def frame(self, events: list[Packed]) -> str:
        """Return some events as one frame; readers that want the same share the text."""
        key = tuple(packed.event.seq for packed in events)
        text = self._frames.get(key)
        if text is None:
            joined = b",".join(packed.text for packed in events)
            text = (b'{"type":"events","events":[' + joined + b"]}").decode()
            self._frames[key] = text
            if len(self._frames) > _FRAMES_KEPT:
                self._frames.popitem(last=False)
        return text

    async def follow(self) -> None:
        """Take a snapshot, then all that comes, and begin again whenever there is a gap."""
        while True:
            try:
                await self._follow_once()
            except RpcError as error:
                self._lose(str(error))
                await asyncio.sleep(_RETRY_S)

    async def _follow_once(self) -> None:
        """Follow one epoch: what came just before the snapshot is recalled for who comes back."""
        snapshot = await self.coordinator.get_snapshot()
        since = max(0, snapshot.seq - LIVE_RING_EVENTS)
        follower = self.coordinator.follow_events(epoch=snapshot.epoch, since=since)
        has_begun = False
        async with contextlib.aclosing(aiter(follower)) as messages:
            async for message in messages:
                if not isinstance(message, Away):
                    self.heard_ms = _now_ms()
                match message:
                    case StreamHello() if not has_begun:
                        if message.epoch != snapshot.epoch or message.starts_after > snapshot.seq:
                            return
                        has_begun = True
                        self._begin(snapshot, message.starts_after)
                    case StreamHello(has_gap=True):
                        return
                    case StreamHello():
                        self._find()
                    case Event() if message.seq <= self.seq:
                        self._recall(message)
                    case Event():
                        self._take(message)
                    case Away(reason):
                        self._lose(reason)

    def _begin(self, snapshot: Snapshot, starts_after: int) -> None:
        """Start from a snapshot; whoever listened has missed something unless it is as before."""
        place = (snapshot.epoch, snapshot.seq)
        has_gap = place != self.place
        self.place = place
        self._first_kept = snapshot.seq + 1
        self._recalled_from = starts_after + 1
        self._ring.clear()
        self._states.clear()
        self._frames.clear()
        for event in snapshot.events:
            self._note(pack(event))
        if starts_after == snapshot.seq:
            self._settle()
        self._find()
        if has_gap:
            self._tell_gap()

    def _tell_gap(self) -> None:
        for reader in self._readers:
            reader.outbox.drop_all()
            if reader.topics:
                tell_gap(reader, self, reader.topics)

    def _recall(self, event: Event) -> None:
        """Keep what came before the snapshot; no reader that listens now has missed it."""
        self._keep(pack(event))
        if event.seq == self.seq:
            self._settle()

    def _settle(self) -> None:
        assert self._recalled_from is not None, "a beginning says from where it recalls"
        self._first_kept = self._recalled_from
        self.is_settled.set()

    def _take(self, event: Event) -> None:
        packed = pack(event)
        self.place = (self.epoch, event.seq)
        self._keep(packed)
        self._note(packed)
        for reader in self._readers:
            if event.topic in reader.topics:
                reader.outbox.put(packed)
                reader.bell.set()

    def _keep(self, packed: Packed) -> None:
        if len(self._ring) == LIVE_RING_EVENTS:
            self._first_kept = max(self._first_kept, self._ring[0].event.seq + 1)
        self._ring.append(packed)

    def _note(self, packed: Packed) -> None:
        if packed.event.topic not in STATE_TOPICS:
            return
        if packed.event.kind == "removed":
            self._states.pop(packed.place, None)
            return
        self._states[packed.place] = packed
        self._states.move_to_end(packed.place)
        if len(self._states) > LIVE_STATE_KEYS:
            self._states.popitem(last=False)

    def _lose(self, reason: str) -> None:
        if not self.is_away:
            self.is_away = True
            _log.warning("the coordinator is away", reason=reason)
            self._tell_source()

    def _find(self) -> None:
        if self.is_away:
            self.is_away = False
            _log.info("the coordinator answers", seq=self.seq)
            self._tell_source()

    def _tell_source(self) -> None:
        for reader in self._readers:
            if reader.topics:
                reader.tell({"type": "source", **self.source()})


def tell_gap(reader: Reader, hub: LiveHub, topics: Iterable[str]) -> None:
    """Say that events are lost to a reader, and how things stand now where a topic tells that."""
    wanted = sorted(topics)
    # Of other topics older events may wait: a line that breaks now goes on before them.
    first = reader.outbox.first
    seq = hub.seq if first is None else first - 1
    reader.tell({"type": "gap", "topics": wanted, "seq": seq})
    tell_states(reader, wanted)


def tell_states(reader: Reader, topics: Iterable[str]) -> None:
    for topic in topics:
        if topic in STATE_TOPICS:
            reader.tell({"type": "snapshot", "topic": topic})


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
