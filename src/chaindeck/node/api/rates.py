"""How much one client may ask: a bucket of cost units that fills at a steady rate."""

from __future__ import annotations

from collections import OrderedDict

from chaindeck.node.limits import MAX_RATE_CLIENTS, RATE_BURST_UNITS, RATE_UNITS_PER_S


class Rates:
    """The buckets of all clients, of which only so many are remembered."""

    def __init__(
        self,
        units_per_s: float = RATE_UNITS_PER_S,
        burst: float = RATE_BURST_UNITS,
        max_clients: int = MAX_RATE_CLIENTS,
    ) -> None:
        self._units_per_s = units_per_s
        self._burst = burst
        self._max_clients = max_clients
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, client: str, cost: float, now_s: float) -> float:
        """Take units and return 0.0, or return in how many seconds there are enough.

        What costs more than a whole bucket takes a full one.
        """
        level, since_s = self._buckets.get(client, (self._burst, now_s))
        level = min(self._burst, level + (now_s - since_s) * self._units_per_s)
        missing = min(cost, self._burst) - level
        self._buckets[client] = (level - cost if missing <= 0 else level, now_s)
        self._buckets.move_to_end(client)
        if len(self._buckets) > self._max_clients:
            self._buckets.popitem(last=False)
        return max(0.0, missing / self._units_per_s)
