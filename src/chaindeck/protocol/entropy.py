"""All chance of a machine, drawn from one secret seed: the same seed, the same draws.

Nonces and salts come from it too, so a node's seed is secret and new at each start. It is a hash of
the seed and a counter: nobody who sees some draws can tell the next.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

Item = TypeVar("Item")


class Entropy:
    """A stream of bytes, and what can be chosen with them."""

    __slots__ = ("_counter", "_pool", "_seed")

    def __init__(self, seed: bytes) -> None:
        self._seed = seed
        self._counter = 0
        self._pool = b""

    def draw(self, count: int) -> bytes:
        """Return so many bytes."""
        while len(self._pool) < count:
            self._pool += hashlib.sha256(self._seed + self._counter.to_bytes(8, "big")).digest()
            self._counter += 1
        drawn, self._pool = self._pool[:count], self._pool[count:]
        return drawn

    def below(self, limit: int) -> int:
        """Return a number from 0 to below the limit; the bias is under one in 2**32."""
        assert 0 < limit < 1 << 32
        return int.from_bytes(self.draw(8), "big") % limit

    def choose(self, items: Sequence[Item], count: int) -> list[Item]:
        """Return so many different items, in a random order, or all of them if there are fewer."""
        left = list(items)
        for place in range(min(count, len(left))):
            other = place + self.below(len(left) - place)
            left[place], left[other] = left[other], left[place]
        return left[:count]
