"""What is counted while requests are answered, kept as cheaply as it can be."""

from __future__ import annotations

import resource
from bisect import bisect_left
from collections import Counter
from pathlib import Path

LATENCY_BUCKETS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0)
_PAGE_BYTES = resource.getpagesize()
_MEMORY_FILE = Path("/proc/self/statm")


class Latency:
    """How long one route takes."""

    __slots__ = ("buckets", "total_s")

    def __init__(self) -> None:
        self.buckets = [0] * (len(LATENCY_BUCKETS_S) + 1)
        self.total_s = 0.0


class Meters:
    """Counters of one API since its start."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, int]] = Counter()
        """By route and status."""

        self.latencies: dict[str, Latency] = {}
        self.accepted = 0
        self.rejected: Counter[str] = Counter()
        """Payments, by code."""

    def count(self, route: str, status: int, took_s: float) -> None:
        self.requests[route, status] += 1
        latency = self.latencies.get(route)
        if latency is None:
            latency = self.latencies[route] = Latency()
        latency.buckets[bisect_left(LATENCY_BUCKETS_S, took_s)] += 1
        latency.total_s += took_s


def memory_bytes() -> int:
    """Return the memory that this process holds; its peak where the system only tells that."""
    try:
        return int(_MEMORY_FILE.read_bytes().split()[1]) * _PAGE_BYTES
    except FileNotFoundError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def cpu_s() -> float:
    """Return the processor time that this process has used."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
