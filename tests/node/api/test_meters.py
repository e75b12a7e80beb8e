"""Latencies fall into buckets, and memory is known where the system does not tell."""

from pathlib import Path

from chaindeck.node.api import meters
from chaindeck.node.api.meters import LATENCY_BUCKETS_S, Meters


def test_time_falls_into_the_bucket_that_it_does_not_pass():
    counted = Meters()
    for took_s in (LATENCY_BUCKETS_S[0], LATENCY_BUCKETS_S[0] * 1.01, 99.0):
        counted.count("a", 200, took_s)
    buckets = counted.latencies["a"].buckets
    assert (buckets[0], buckets[1], buckets[-1]) == (1, 1, 1)


def test_memory_is_known_without_proc(monkeypatch):
    monkeypatch.setattr(meters, "_MEMORY_FILE", Path("/nowhere/statm"))
    assert meters.memory_bytes() > 1_000_000
