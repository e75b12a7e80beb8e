"""How a run wants its memory: seldom searched for cycles, and in large pages.

A thousand nodes hold 400 MB, and each step goes to another of them. In pages of 4 KiB a quarter of
the time goes into finding where the memory is. Linux puts memory together into pages of 2 MiB when
it is asked to; elsewhere, and before Linux 6.1, all goes on as it was.
"""

from __future__ import annotations

import ctypes
import gc
import resource
import sys
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from chaindeck.simulate.limits import COLLECT_AFTER, GATHER_FROM_KIB, GATHER_GROWTH

_MAPS: Final = Path("/proc/self/maps")
_LARGE_PAGE: Final = 2 * 1024 * 1024
_MADV_COLLAPSE: Final = 25
_NAMELESS: Final = 5
"""Fields of a line of the map for memory that belongs to no file."""


class Memory:
    """Use it around a run, whose objects nearly all live to its end, and `look` now and then."""

    def __init__(self) -> None:
        self._threshold = gc.get_threshold()
        self._gathered_kib = 0

    def __enter__(self) -> Self:
        gc.freeze()
        gc.set_threshold(COLLECT_AFTER, *self._threshold[1:])
        self.look()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        gc.set_threshold(*self._threshold)
        gc.unfreeze()

    def look(self) -> None:
        """Put memory together if there is much of it, and much that is new."""
        held_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        if held_kib > max(GATHER_FROM_KIB, GATHER_GROWTH * self._gathered_kib):
            self._gathered_kib = held_kib
            gather()


def gather() -> int:
    """Ask for large pages for all memory of this process; return how many bytes are in them now.

    A part that the system has no large pages for stays as it is.
    """
    if not (sys.platform == "linux" and _MAPS.exists()):
        return 0
    advise = ctypes.CDLL(None).madvise
    advise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    return sum(size for start, size in _own_memory() if advise(start, size, _MADV_COLLAPSE) == 0)


def _own_memory() -> Iterator[tuple[int, int]]:
    """Yield start and size of the large pages' worth of each part that Python's objects lie in."""
    for line in _MAPS.read_text().splitlines():
        span, rights, _, _, inode, *name = line.split(maxsplit=_NAMELESS)
        if not rights.startswith("rw") or inode != "0" or name not in ([], ["[heap]"]):
            continue
        first, end = (int(text, 16) for text in span.split("-"))
        start = -(-first // _LARGE_PAGE) * _LARGE_PAGE
        size = (end - start) // _LARGE_PAGE * _LARGE_PAGE
        if size > 0:
            yield start, size
