"""What an operator should hear of the chain: alarms while they hold, and how old blocks arrive.

It listens to a service and counts; it changes nothing. Each alarm is one line of the log when it
begins, and a warning of the status for as long as it holds.
"""

from __future__ import annotations

import statistics
from collections import deque
from typing import NamedTuple

from chaindeck.ledger.ports import Entry
from chaindeck.ledger.state import Connected, Event, Fixed, Parked, Reorganised
from chaindeck.ledger.types import BlockHash
from chaindeck.node.limits import DEEP_ALARM_MS, PARKED_KEPT, STATS_WINDOW_BLOCKS
from chaindeck.node.logs import get_logger
from chaindeck.node.service import NodeService

_log = get_logger("node")
_TWENTIETHS = 20


class Ages(NamedTuple):
    """How long after its own time a block became the tip here."""

    blocks: int
    median_ms: float
    p95_ms: float


class Observer:
    """Made before the service starts, it hears everything."""

    def __init__(self, service: NodeService) -> None:
        self._service = service
        self._ages_ms: deque[int] = deque(maxlen=STATS_WINDOW_BLOCKS)
        self._parked: dict[BlockHash, None] = {}
        self._deep: Reorganised | None = None
        self._deep_ms = 0
        self._disputed: tuple[str, str] | None = None
        self.reorganisations = 0
        self.deep_reorganisations = 0
        service.listen(self.hear)

    def hear(self, event: Event) -> None:
        match event:
            case Connected(entry=entry):
                self._note_age(entry)
            case Reorganised():
                self._note_reorganisation(event)
            case Parked(tip=tip):
                self._note_parked(tip)
            case Fixed():
                self._note_dispute()
            case _:
                return

    def ages(self) -> Ages | None:
        """Return how blocks of the window arrived, None before there are two."""
        if len(self._ages_ms) < 2:
            return None
        cuts = statistics.quantiles(self._ages_ms, n=_TWENTIETHS, method="inclusive")
        return Ages(len(self._ages_ms), statistics.median(self._ages_ms), cuts[-1])

    def parked(self) -> list[BlockHash]:
        """Return the ends of branches that still wait for an operator."""
        tree = self._service.state.tree
        self._parked = {
            tip: None
            for tip in self._parked
            if tree.find(tip) is not None
            and tree.mark(tip).is_parked
            and not tree.mark(tip).is_failed
        }
        return list(self._parked)

    def warnings(self) -> list[str]:
        """Say what holds now, in sentences."""
        found = [
            f"A branch with more work is parked, as it would undo more than 100 blocks: its tip is"
            f" {tip.hex()}. Prefer or invalidate it."
            for tip in self.parked()
        ]
        deep = self._deep
        if deep is not None and self._service.clock.now_ms() - self._deep_ms < DEEP_ALARM_MS:
            found.append(
                f"{deep.disconnected} blocks were undone above height {deep.fork_height:,}:"
                f" the tip went from {deep.old_tip.hex()} to {deep.new_tip.hex()}."
            )
        conflict = self._service.state.checkpoints.conflict
        if conflict is not None:
            one, other = conflict
            found.append(
                f"Two checkpoints contradict each other: {one.hash.hex()} at height {one.height:,}"
                f" and {other.hash.hex()} at height {other.height:,}. Nobody mines above height"
                f" {one.height:,} until one of them is signed once more."
            )
        return found

    def _note_age(self, entry: Entry) -> None:
        """Only of what is the newest that is known: whoever catches up is late for all others."""
        if self._service.state.tree.best_header().header.hash == entry.header.hash:
            age_ms = self._service.clock.now_ms() - entry.header.time_ms
            self._ages_ms.append(max(0, age_ms))

    def _note_reorganisation(self, event: Reorganised) -> None:
        self.reorganisations += 1
        if not event.is_deep:
            return
        self.deep_reorganisations += 1
        self._deep, self._deep_ms = event, self._service.clock.now_ms()
        _log.warning(
            "a deep reorganisation",
            old_tip=event.old_tip.hex(),
            new_tip=event.new_tip.hex(),
            fork_height=event.fork_height,
            undone=event.disconnected,
        )

    def _note_parked(self, tip: BlockHash) -> None:
        self._parked[tip] = None
        if len(self._parked) > PARKED_KEPT:
            del self._parked[next(iter(self._parked))]
        _log.warning("a branch with more work is parked", tip=tip.hex())

    def _note_dispute(self) -> None:
        conflict = self._service.state.checkpoints.conflict
        now = None if conflict is None else (conflict[0].hash.hex(), conflict[1].hash.hex())
        if now is not None and now != self._disputed:
            _log.warning("checkpoints contradict each other", one=now[0], other=now[1])
        self._disputed = now
