"""What a load showed, in figures."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from chaindeck.client.load.drive import Drive


class Report(msgspec.Struct, frozen=True):
    """One measurement. Latencies are of requests, in milliseconds."""

    mode: str
    connections: int
    batch: int
    sent: int
    accepted: int
    refused: int
    accepted_per_s: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float
    confirmed: int | None = None
    confirmed_per_s: float | None = None
    """From the first request to the block that left nothing waiting."""

    lost: int | None = None
    """Accepted and neither in a block nor waiting."""

    first_refusal: str = ""


def summarize(done: Drive, *, mode: str, connections: int, batch: int) -> Report:
    """Return the figures of what was sent."""
    ordered = sorted(done.latencies_s)
    return Report(
        mode=mode,
        connections=connections,
        batch=batch,
        sent=done.sent,
        accepted=done.accepted,
        refused=done.sent - done.accepted,
        accepted_per_s=round(done.accepted / done.took_s, 1) if done.took_s else 0.0,
        p50_ms=percentile_ms(ordered, 50),
        p95_ms=percentile_ms(ordered, 95),
        p99_ms=percentile_ms(ordered, 99),
        max_ms=percentile_ms(ordered, 100),
        first_refusal=done.first_refusal,
    )


def percentile_ms(ordered: Sequence[float], percent: int) -> float:
    """Return the smallest value that so many percent do not exceed; 0 of none."""
    if not ordered:
        return 0.0
    rank = max(1, math.ceil(len(ordered) * percent / 100))
    return round(1000 * ordered[rank - 1], 3)
