"""What a load showed, in figures."""

from __future__ import annotations

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
    took_s: float
    """From the first request to the last answer."""

    accepted_per_s: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    p999_ms: float
    max_ms: float
    idle_s: float
    """How long a connection had nothing to send on average, because every coin was under way."""

    coins: int = 0
    """How many coins went round."""

    confirmed: int | None = None
    confirmed_per_s: float | None = None
    """From the first request to the block after which none waited."""

    waiting: int | None = None
    """Accepted and still waiting when the time to confirm was over."""

    lost: int | None = None
    """Accepted and neither in a block nor waiting."""

    first_refusal: str = ""


def summarize(done: Drive, *, mode: str, batch: int) -> Report:
    """Return the figures of what was sent."""
    times = done.latencies
    return Report(
        mode=mode,
        connections=done.connections,
        batch=batch,
        sent=done.sent,
        accepted=done.accepted,
        refused=done.sent - done.accepted,
        took_s=round(done.took_s, 3),
        accepted_per_s=round(done.accepted / done.took_s, 1) if done.took_s else 0.0,
        p50_ms=times.percentile_ms(50),
        p95_ms=times.percentile_ms(95),
        p99_ms=times.percentile_ms(99),
        p999_ms=times.percentile_ms(99.9),
        max_ms=times.percentile_ms(100),
        idle_s=round(done.idle_s / done.connections, 3),
        first_refusal=done.first_refusal,
    )
