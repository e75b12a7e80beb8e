"""What the hub and the writer need of records."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

import msgspec

from chaindeck.rpc.forms import Event


class Bounds(msgspec.Struct, frozen=True):
    """Which events are kept; none where `first` is above `last`."""

    epoch: str
    first: int
    last: int


class Journal(Protocol):
    """Events in order, as they are committed. Called in threads."""

    def bounds(self) -> Bounds: ...

    def after(self, since: int, limit: int) -> list[Event]:
        """Return the events after a number, at most so many."""
        ...

    def session(self) -> AbstractContextManager[None]:
        """Use the database in this thread; raise `RecordsAway` where it does not answer."""
        ...
