"""What time it is: the machine's clock, or one that a developer sets."""

from __future__ import annotations

import time


class Clock:
    """The machine's clock."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000


class DevClock(Clock):
    """A clock for development chains: shifted, or standing still."""

    def __init__(self) -> None:
        self.offset_ms = 0
        self.frozen_at_ms: int | None = None

    def now_ms(self) -> int:
        if self.frozen_at_ms is not None:
            return self.frozen_at_ms
        return super().now_ms() + self.offset_ms

    def set(self, time_ms: int) -> None:
        """Go on from another time; a standing clock stands there."""
        if self.frozen_at_ms is not None:
            self.frozen_at_ms = time_ms
        self.offset_ms = time_ms - super().now_ms()

    def advance(self, by_ms: int) -> None:
        self.set(self.now_ms() + by_ms)

    def freeze(self) -> None:
        """Stand still at the present time."""
        self.frozen_at_ms = self.now_ms()

    def run(self) -> None:
        """Go on from where the clock stands."""
        if self.frozen_at_ms is not None:
            time_ms, self.frozen_at_ms = self.frozen_at_ms, None
            self.set(time_ms)
