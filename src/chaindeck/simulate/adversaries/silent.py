"""A peer that connects and never speaks: it holds a place until its handshake times out."""

from __future__ import annotations

from chaindeck.protocol.effects import Dial, Effect, WakeAt
from chaindeck.protocol.inputs import DialFailed, Input, PeerClosed, Started, TimerFired
from chaindeck.simulate.adversaries.kit import Kind, Kit, Option

_MS = 1_000


class SilentPeer:
    """Dials everybody it knows of, one after the other, and says nothing to anybody."""

    def __init__(self, kit: Kit) -> None:
        self._known = kit.known
        self._interval_ms = int(kit.options["dial_every_s"] * _MS)
        self._next = 0

    def step(self, now_ms: int, happened: Input) -> list[Effect]:
        match happened:
            case Started() | TimerFired():
                return [*self._dial(), WakeAt(now_ms + self._interval_ms)]
            case PeerClosed() | DialFailed():
                return []
        return []

    def _dial(self) -> list[Effect]:
        if not self._known:
            return []
        address = self._known[self._next % len(self._known)]
        self._next += 1
        return [Dial(address)]


SILENT = Kind(
    about="A peer that connects to one node after the other and never speaks.",
    peer=SilentPeer,
    options={"dial_every_s": Option(1.0, 0.05, 3600.0, "seconds between two dials")},
)
