"""What a run comes to: one value that the report, the JSON and the benchmarks are made of."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import msgspec

from chaindeck.ledger.types import BlockHash
from chaindeck.simulate.limits import CURVE_POINTS, CURVE_REACH, HISTOGRAM_STEPS
from chaindeck.simulate.measures import Measures, Spread

_US = 1_000_000


class Percentiles(msgspec.Struct, frozen=True):
    """Of a number of values, in milliseconds."""

    count: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float


class Curve(msgspec.Struct, frozen=True):
    """How many of all nodes had something after so long, over all that was followed."""

    ms: list[float]
    share: list[float]


class Stale(msgspec.Struct, frozen=True):
    """Blocks that were found in vain, and how many theory expects."""

    found: int
    stale: int
    rate: float
    delay_s: float
    """From a block until a miner hears of it, while the miner is up, over all miners by their hash
    rate: the median."""

    interval_s: float
    expected: float
    """The mean over all blocks of 1 - exp(-delay / interval)."""


class Bandwidth(msgspec.Struct, frozen=True):
    """What nodes sent, in kilobytes a second of virtual time."""

    p50: float
    p95: float
    max: float
    histogram: list[tuple[float, int]]
    """Upper end of each step, and how many nodes are in it."""


class Recovered(msgspec.Struct, frozen=True):
    """How long it took until all who were concerned had caught up."""

    what: str
    at_s: float
    took_s: float | None
    """None where the run ended before."""


class Fault(msgspec.Struct, frozen=True):
    """The rule that broke."""

    rule: str
    sentence: str
    detail: str
    node: int | None
    at_s: float


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One run."""

    scenario: str
    about: str
    seed: int
    version: str
    status: str
    """done, broken or interrupted."""

    fault: Fault | None
    trace_hash: str
    nodes: int
    adversaries: int
    virtual_s: float
    wall_s: float
    speed: float
    """Virtual seconds a second of wall time."""

    events: int
    events_per_s: float
    """A second of wall time."""

    height: int
    blocks: Percentiles | None
    blocks_curve: Curve | None
    payments: Percentiles | None
    payments_curve: Curve | None
    payments_total: int
    fates: dict[str, int]
    stale: Stale | None
    bandwidth: Bandwidth | None
    reorganisations: dict[int, int]
    """How often, by how many blocks were undone."""

    partings: dict[str, int]
    """Why honest nodes and adversaries parted, by code, and how often."""

    recoveries: list[Recovered]
    intervals: list[tuple[float, float]]
    """Virtual second and interval of each block of the chain, in seconds."""

    islands: list[tuple[float, float]]
    """Times of partitions, in virtual seconds."""


def percentiles(values_us: Iterable[int]) -> Percentiles | None:
    """Return the percentiles of times in microseconds; None of nothing."""
    ordered = sorted(values_us)
    if not ordered:
        return None
    return Percentiles(
        len(ordered),
        _at(ordered, 0.50) / 1000,
        _at(ordered, 0.95) / 1000,
        _at(ordered, 0.99) / 1000,
        ordered[-1] / 1000,
    )


def _at(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)]


def reach_times(measures: Measures, spreads: Iterable[Spread]) -> list[int]:
    """Return how long each way took but those to the maker itself.

    Whoever was down on the way, or joined later, says nothing about how news spread.
    """
    return [
        after
        for spread in spreads
        for after, node in spread.arrivals_us
        if node != spread.maker and not _absent_us(measures, spread, node, after)
    ]


def curve(measures: Measures, spreads: Sequence[Spread]) -> Curve | None:
    """Return the mean share of nodes reached over time, as far as there is something to see.

    That is up to 99.9 % of all ways, or less where a few took very much longer than most.
    """
    times = sorted(reach_times(measures, spreads))
    total = sum(max(0, spread.up - 1) for spread in spreads)
    if not times or not total:
        return None
    end = max(1.0, min(_at(times, 0.999) * 1.05, _at(times, 0.9) * CURVE_REACH))
    points = [end * step / CURVE_POINTS for step in range(CURVE_POINTS + 1)]
    share, reached = [], 0
    for point in points:
        while reached < len(times) and times[reached] <= point:
            reached += 1
        share.append(min(1.0, reached / total))
    return Curve([point / 1000 for point in points], share)


def stale(
    measures: Measures,
    active: Sequence[BlockHash],
    weights: dict[int, float],
    interval_s: float,
) -> Stale | None:
    """Hold the share of blocks in vain against what the delay between miners explains.

    While a block travels, the miners who have not heard of it go on with the old one. A block is
    found in such a moment with probability 1 - exp(-delay / interval), where `delay` is how long a
    unit of hash rate does not know of a block on average. The mean of that over all blocks is what
    to expect, as delays may differ a great deal. A miner that is down mines on nothing: only what
    it takes to catch up counts.
    """
    if not measures.blocks or interval_s <= 0:
        return None
    chain = set(active)
    lost = sum(1 for key in measures.blocks if key not in chain)
    total = sum(weights.values()) or 1.0
    delays = []
    for key, spread in measures.blocks.items():
        known = {node: after for after, node in spread.arrivals_us}
        if key in chain and all(node in known for node in weights):
            unaware_us = (
                weight * (known[node] - _absent_us(measures, spread, node, known[node]))
                for node, weight in weights.items()
            )
            delays.append(sum(unaware_us) / total)
    delay_s = _at(sorted(delays), 0.5) / _US if delays else 0.0
    races = [1 - math.exp(-delay / _US / interval_s) for delay in delays]
    expected = sum(races) / len(races) if races else 0.0
    count = len(measures.blocks)
    return Stale(count, lost, lost / count, delay_s, interval_s, expected)


def _absent_us(measures: Measures, spread: Spread, node: int, after_us: int) -> int:
    """Return for how much of a block's way to a node that node was down."""
    return measures.absent_us(node, spread.found_us, spread.found_us + after_us)


def bandwidth(sent: Sequence[int], elapsed_s: float) -> Bandwidth | None:
    """Return the distribution over nodes of what each sent."""
    if not sent or elapsed_s <= 0:
        return None
    rates = sorted(count / elapsed_s / 1000 for count in sent)
    width = max((rates[-1] - rates[0]) / HISTOGRAM_STEPS, 1e-9)
    counts = [0] * HISTOGRAM_STEPS
    for rate in rates:
        counts[min(HISTOGRAM_STEPS - 1, int((rate - rates[0]) / width))] += 1
    histogram = [(rates[0] + width * (step + 1), count) for step, count in enumerate(counts)]
    return Bandwidth(_at(rates, 0.5), _at(rates, 0.95), rates[-1], histogram)
