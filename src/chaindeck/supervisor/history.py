"""How patiently a part is started again: ever later, and not for ever. Pure."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable

import msgspec

from chaindeck.supervisor import limits


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How fast parts are watched, stopped and started again."""

    health_interval_s: float = limits.HEALTH_INTERVAL_S
    health_deadline_s: float = limits.HEALTH_DEADLINE_S
    sick_after: int = limits.SICK_AFTER
    stop_grace_s: float = limits.STOP_GRACE_S
    backoff_first_s: float = limits.BACKOFF_FIRST_S
    backoff_most_s: float = limits.BACKOFF_MOST_S
    give_up_after: int = limits.GIVE_UP_AFTER
    give_up_window_s: float = limits.GIVE_UP_WINDOW_S


DEFAULT_PACE = Pace()


class History:
    """The restarts of one part within the window."""

    def __init__(self, pace: Pace, draw: Callable[[], float] = random.random) -> None:
        self._pace = pace
        self._draw = draw
        self._moments_s: deque[float] = deque(maxlen=pace.give_up_after)

    def clear(self) -> None:
        self._moments_s.clear()

    def next_wait_s(self, now_s: float) -> float | None:
        """Note a restart and return how long to wait before it; None where there were too many."""
        while self._moments_s and now_s - self._moments_s[0] > self._pace.give_up_window_s:
            self._moments_s.popleft()
        count = len(self._moments_s)
        if count >= self._pace.give_up_after:
            return None
        self._moments_s.append(now_s)
        whole_s = min(self._pace.backoff_most_s, self._pace.backoff_first_s * 2.0**count)
        return whole_s * (1 - self._draw() / 2)
