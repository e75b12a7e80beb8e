"""What following needs of its host."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

Result = TypeVar("Result")


class Writer(Protocol):
    """Runs work on the database, one piece after the other, in one thread."""

    async def run(self, work: Callable[[], Result]) -> Result:
        """Return what the work returned, or raise what it raised; work that began is finished."""
        ...
