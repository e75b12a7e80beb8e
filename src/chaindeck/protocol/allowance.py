"""How much of each thing a peer may use: buckets that refill, and a score that decays."""

from __future__ import annotations

from typing import NamedTuple


class Rate(NamedTuple):
    """A bucket holds `burst` tokens and regains `per_s` each second."""

    burst: float
    per_s: float


class Bucket:
    """One allowance of one peer."""

    __slots__ = ("_filled_ms", "_rate", "_tokens")

    def __init__(self, rate: Rate, now_ms: int) -> None:
        self._rate = rate
        self._tokens = rate.burst
        self._filled_ms = now_ms

    def take(self, now_ms: int, count: float = 1) -> bool:
        """Take tokens if there are enough; return whether there were."""
        passed_ms = now_ms - self._filled_ms
        if passed_ms > 0:
            burst, per_s = self._rate
            tokens = self._tokens + passed_ms * per_s / 1000
            self._tokens = min(burst, tokens)
            self._filled_ms = now_ms
        if self._tokens < count:
            return False
        self._tokens -= count
        return True


class Score:
    """What a peer has used beyond its share, halved every minute."""

    __slots__ = ("_at_ms", "_half_life_ms", "_points")

    def __init__(self, half_life_ms: int) -> None:
        self._half_life_ms = half_life_ms
        self._points = 0.0
        self._at_ms = 0

    def add(self, points: float, now_ms: int) -> float:
        """Add points and return the sum as it is now."""
        self._points = self.at(now_ms) + points
        self._at_ms = now_ms
        return self._points

    def at(self, now_ms: int) -> float:
        passed_ms = max(0, now_ms - self._at_ms)
        return self._points * float(0.5 ** (passed_ms / self._half_life_ms))
