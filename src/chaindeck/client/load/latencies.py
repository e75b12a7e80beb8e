"""How long answers took, kept in a few thousand counters however many there were.

Times are kept to ten binary digits: no percentile is wrong by more than two thousandths, and a load
of an hour takes as little memory as one of a second. The longest is kept exactly.
"""

from __future__ import annotations

import math
from collections import Counter

_DIGITS = 10
_US = 1_000_000


class Latencies:
    """A distribution that only grows."""

    def __init__(self) -> None:
        self.count = 0
        self._longest_us = 0
        self._counts: Counter[int] = Counter()

    def note(self, took_s: float) -> None:
        took_us = max(0, round(took_s * _US))
        shift = max(0, took_us.bit_length() - _DIGITS)
        self._counts[took_us >> shift << shift] += 1
        self._longest_us = max(self._longest_us, took_us)
        self.count += 1

    def percentile_ms(self, percent: float) -> float:
        """Return the smallest value that so many percent do not exceed; 0 of none."""
        rank = max(1, math.ceil(self.count * percent / 100))
        if rank >= self.count:
            return self._longest_us / 1000
        seen = 0
        for value_us in sorted(self._counts):
            seen += self._counts[value_us]
            if seen >= rank:
                return value_us / 1000
        raise AssertionError("the counters add up to the count")
