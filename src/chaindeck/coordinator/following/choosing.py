"""Which of several nodes is followed: the one that was, unless it is gone or falls behind."""

from __future__ import annotations

from collections.abc import Sequence

from chaindeck.coordinator.following.limits import LAG_S, LESS_WORK_S
from chaindeck.coordinator.following.sources import NodeSource


class Choice:
    """Remembers whom it chose, and since when that one lags."""

    def __init__(self) -> None:
        self.current: NodeSource | None = None
        self._behind_since_s: float | None = None
        self._less_since_s: float | None = None

    def choose(self, usable: Sequence[NodeSource], now_s: float) -> NodeSource | None:
        """Return whom to follow now, None where nobody is there."""
        best = max(usable, key=lambda source: source.work, default=None)
        if best is None or self.current not in usable or self._lags(self.current, best, now_s):
            self.current = best
            self._behind_since_s = None
        return self.current

    def may_go_back(self, *, has_less: bool, is_all: bool, now_s: float) -> bool:
        """Whether to follow a chain with less work than is indexed.

        Where each node is here and none has more, that is all there is. Where one is away, the
        others may just be about to hear what it told us.
        """
        if not has_less:
            self._less_since_s = None
            return True
        if self._less_since_s is None:
            self._less_since_s = now_s
        return is_all or now_s - self._less_since_s >= LESS_WORK_S

    def _lags(self, current: NodeSource | None, best: NodeSource, now_s: float) -> bool:
        if current is None or current.work >= best.work:
            self._behind_since_s = None
            return current is None
        if self._behind_since_s is None:
            self._behind_since_s = now_s
        return now_s - self._behind_since_s >= LAG_S
