"""What time it is: the machine's clock, or one that a developer sets."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

import msgspec

from chaindeck.store.atomic import read_json, write_json
from chaindeck.store.errors import FileMissing

CLOCK_NAME = "clock.json"


class Clock:
    """The machine's clock."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000


class Setting(msgspec.Struct, frozen=True):
    """How a development clock differs from the machine's."""

    offset_ms: int = 0
    frozen_at_ms: int | None = None
    """Where it stands; None while it runs."""


_DECODER = msgspec.json.Decoder(Setting)
Keep = Callable[[Setting], None]


def keep_nowhere(setting: Setting) -> None:
    """For a clock that need not outlive its program."""


class DevClock(Clock):
    """A clock for development chains: shifted, or standing still.

    The chain has blocks of its time, so it is kept over a restart: `load` one that does. Whatever
    changes it raises a `StoreError` where that cannot be written, and then it has not changed.
    """

    def __init__(self, setting: Setting | None = None, keep: Keep = keep_nowhere) -> None:
        self._setting = setting or Setting()
        self._keep = keep

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Return the clock of a data directory; raise `FileInvalid` for a file that is none."""
        path = folder / CLOCK_NAME

        def keep(setting: Setting) -> None:
            write_json(path, setting)

        try:
            return cls(read_json(path, _DECODER), keep)
        except FileMissing:
            return cls(keep=keep)

    @property
    def setting(self) -> Setting:
        return self._setting

    @property
    def is_frozen(self) -> bool:
        return self._setting.frozen_at_ms is not None

    def now_ms(self) -> int:
        if self._setting.frozen_at_ms is not None:
            return self._setting.frozen_at_ms
        return super().now_ms() + self._setting.offset_ms

    def adopt(self, setting: Setting) -> None:
        """Go by another setting, such as one of before."""
        if setting != self._setting:
            self._keep(setting)
            self._setting = setting

    def set(self, time_ms: int, *, is_frozen: bool | None = None) -> None:
        """Go on from another time, or stand still there; None leaves it running or standing."""
        stands = self.is_frozen if is_frozen is None else is_frozen
        self.adopt(Setting(time_ms - super().now_ms(), time_ms if stands else None))

    def advance(self, by_ms: int) -> None:
        self.set(self.now_ms() + by_ms)

    def freeze(self) -> None:
        """Stand still at the present time."""
        self.set(self.now_ms(), is_frozen=True)

    def run(self) -> None:
        """Go on from where the clock stands, if it does."""
        if self.is_frozen:
            self.set(self.now_ms(), is_frozen=False)
