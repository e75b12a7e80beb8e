"""What all parts of the machine share: links, time, timers, chance, and the effects of this step.

Parts hold the core and one another; nothing else is shared. A part that ends a link does it through
`drop`, so that a peer is barred, told, closed and forgotten in one place.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from typing import Any

from chaindeck.protocol import limits
from chaindeck.protocol.allowance import Rate
from chaindeck.protocol.codec import encode_message
from chaindeck.protocol.effects import Close, Effect, Emit, Send, WakeAt
from chaindeck.protocol.entropy import Entropy
from chaindeck.protocol.errors import PeerFault, PeerFlood, PeerSlow
from chaindeck.protocol.events import NetworkEvent, PeerLeft, PeerMisbehaved, ScoreRaised
from chaindeck.protocol.links import Link
from chaindeck.protocol.messages import Bye, Message
from chaindeck.protocol.ports import Chain
from chaindeck.protocol.transitions import Phase
from chaindeck.protocol.types import LinkId, NodeKey, Settings


class Core:
    """The state that the parts of one machine share."""

    def __init__(self, settings: Settings, chain: Chain, entropy: Entropy | None = None) -> None:
        self.settings = settings
        self.chain = chain
        self.magic = settings.network.magic
        self.entropy = Entropy(settings.seed) if entropy is None else entropy
        self.now_ms = 0
        """Of the step, on a clock that is never set: for whatever takes time."""
        self.offset_ms = 0
        self.links: dict[LinkId, Link] = {}
        self.ready: dict[LinkId, Link] = {}
        self.by_key: dict[NodeKey, Link] = {}
        """Ready links by who is at the other end."""
        self.effects: list[Effect] = []
        self.when_left: list[Callable[[Link, str], None]] = []
        """Who wants to know that a link has ended, and by which code, once it is forgotten."""
        self.when_barred: Callable[[Link], None] = _nobody
        self._timers: list[tuple[int, int, Callable[..., None], tuple[Any, ...]]] = []
        self._timer_number = 0
        self._wake_ms: int | None = None

    # Time

    @property
    def clock_ms(self) -> int:
        """Unix milliseconds: for whatever others compare with their clocks."""
        return self.now_ms + self.offset_ms

    def after(self, delay_ms: int, function: Callable[..., None], *arguments: object) -> None:
        """Call a function in a later step. Nothing is ever taken back: it looks before it acts."""
        self._timer_number += 1
        timer = (self.now_ms + delay_ms, self._timer_number, function, arguments)
        heapq.heappush(self._timers, timer)

    def run_due(self) -> None:
        while self._timers and self._timers[0][0] <= self.now_ms:
            _, _, function, arguments = heapq.heappop(self._timers)
            function(*arguments)
        self._wake_ms = None

    def finish(self) -> list[Effect]:
        """Return the effects of the step, with the next time to wake if that has changed."""
        if self._timers and self._timers[0][0] != self._wake_ms:
            self._wake_ms = self._timers[0][0]
            self.effects.append(WakeAt(self._wake_ms))
        effects, self.effects = self.effects, []
        return effects

    # Saying

    def send(self, link: Link, message: Message) -> None:
        self.send_frame(link, encode_message(self.magic, message))

    def send_all(self, links: Iterable[Link], message: Message) -> None:
        """Say the same to several; it is encoded once."""
        frame = encode_message(self.magic, message)
        for link in links:
            self.send_frame(link, frame)

    def send_frame(self, link: Link, frame: bytes) -> None:
        if link.phase is Phase.CLOSING:
            return
        # What waited before this frame counts: a single answer may be larger than the limit.
        if link.pending_bytes > limits.MAX_SEND_QUEUE_BYTES:
            self.drop(link, PeerSlow(pending=link.pending_bytes))
            return
        link.pending_bytes += len(frame)
        link.bytes_out += len(frame)
        self.effects.append(Send(link.id, frame))

    def emit(self, event: NetworkEvent) -> None:
        self.effects.append(Emit(event))

    # Ending

    def drop(self, link: Link, fault: PeerFault) -> None:
        """End a link: bar the peer if the fault is provable, tell it and everybody why."""
        if link.phase is Phase.CLOSING:
            return
        if fault.is_provable:
            self.when_barred(link)
        if fault.is_provable or isinstance(fault, (PeerFlood, PeerSlow)):
            self.emit(
                PeerMisbehaved(
                    link.id, link.address, fault.code, str(fault), is_barred=fault.is_provable
                )
            )
        self.effects.append(Send(link.id, encode_message(self.magic, Bye(fault.code))))
        self.close(link)
        self.forget(link, fault)

    def close(self, link: Link) -> None:
        link.phase = Phase.CLOSING
        self.effects.append(Close(link.id))

    def forget(self, link: Link, fault: PeerFault) -> None:
        """Take a link that has ended out of all tables, and tell why."""
        link.phase = Phase.CLOSING
        self.ready.pop(link.id, None)
        if link.key is not None and self.by_key.get(link.key) is link:
            del self.by_key[link.key]
        self.emit(PeerLeft(link.id, link.address, link.key, fault.code, str(fault)))
        for told in self.when_left:
            told(link, fault.code)

    # Allowances

    def may(self, link: Link, what: str, rate: Rate, count: float = 1) -> bool:
        """Whether a peer may have this now; if not, what it wanted is left alone, and counted.

        A message about nothing is a message.
        """
        if link.may(what, rate, self.now_ms, max(1, count)):
            return True
        self.charge(link, what, limits.POINTS_OVER_RATE)
        return False

    def charge(self, link: Link, what: str, points: float) -> bool:
        """Raise a peer's score; end the link where it is over the limit. Return if it stands."""
        before = link.score.at(self.now_ms)
        score = link.score.add(points, self.now_ms)
        if score > limits.SCORE_LIMIT:
            self.drop(link, PeerFlood(what=what, score=int(score)))
            return False
        if int(score / limits.SCORE_STEP) > int(before / limits.SCORE_STEP):
            self.emit(ScoreRaised(link.id, what, int(score)))
        return True


def _nobody(_link: Link) -> None:
    """Nobody keeps bars until the topology says that it does."""
