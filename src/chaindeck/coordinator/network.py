"""The network as a whole: how blocks spread among its nodes, and where they disagree. Pure.

When a block was first seen at each node is known from the feeds of the nodes, by this machine's
clock, so the clocks of the nodes do not matter.
"""

from __future__ import annotations

import statistics
from collections import OrderedDict

from chaindeck.coordinator.limits import FORK_WINDOW, PROPAGATION_WINDOW


class Sightings:
    """Note each block that a node tells of; ask what that says about the network."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, tuple[int, dict[str, float]]] = OrderedDict()
        self._best = -1

    def note(self, node: str, block_hash: str, height: int, at_s: float) -> None:
        """A node has a block. The first time counts."""
        _, times = self._seen.setdefault(block_hash, (height, {}))
        times.setdefault(node, at_s)
        self._best = max(self._best, height)
        while self._seen and next(iter(self._seen.values()))[0] <= self._best - FORK_WINDOW:
            self._seen.popitem(last=False)
        while len(self._seen) > 2 * FORK_WINDOW:
            self._seen.popitem(last=False)

    def propagation_ms(self) -> float | None:
        """Return the median time from the first node to the last, None where no two saw a block."""
        spreads = [
            1000 * (max(times.values()) - min(times.values()))
            for _, times in self._seen.values()
            if len(times) > 1
        ]
        return statistics.median(spreads[-PROPAGATION_WINDOW:]) if spreads else None

    def forks(self) -> int:
        """Return how many blocks of the last heights were not the only one of their height."""
        heights = [height for height, _ in self._seen.values()]
        return len(heights) - len(set(heights))
