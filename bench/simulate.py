"""Simulated networks: how much faster than time they live, and what they say of large blocks."""

from __future__ import annotations

import time
from functools import cache

from msgspec.structs import replace

from bench.harness import Benchmark
from chaindeck.simulate.memory import Memory
from chaindeck.simulate.mining import SimulatedMiner
from chaindeck.simulate.results import percentiles, reach_times
from chaindeck.simulate.running import Run
from chaindeck.simulate.scenarios import load_scenario
from chaindeck.simulate.world import SECOND

THOUSAND_S = 20
"""Virtual seconds of load that are measured, after the nodes have found each other."""

WARM_UP_S = 30
MEETING_S = 12
"""After which a node has its eight links."""

SPREAD_S = 10


def benchmarks() -> list[Benchmark]:
    """Floors and goals hold for the reference machine with nothing else running."""
    return [
        Benchmark("simulate 1,000 nodes", "x", thousand, 2, 10, repetitions=3),
        Benchmark(
            "one block over 10,000 nodes",
            "s",
            one_block,
            8,
            3,
            repetitions=3,
            higher_is_better=False,
        ),
        Benchmark(
            "p95 propagation, 2.5 MB blocks",
            "s",
            big_blocks,
            1.0,
            0.5,
            repetitions=1,
            higher_is_better=False,
        ),
    ]


@cache
def warm_network(name: str, seconds: float) -> Run:
    """Return a network that has lived for a while; later figures are taken where it is then."""
    scenario = load_scenario(name)
    run = Run(replace(scenario, duration_s=86_400.0), name=name)
    run.begin()
    live(run, seconds)
    return run


def live(run: Run, seconds: float) -> float:
    """Let virtual time pass, as a run does; return what it took, in seconds."""
    started = time.perf_counter()
    with Memory():
        run.world.run_until(run.world.now_us + int(seconds * SECOND))
    return time.perf_counter() - started


def thousand() -> float:
    """1,000 nodes with all rules and one payment a second: times real time."""
    return THOUSAND_S / live(warm_network("thousand", WARM_UP_S), THOUSAND_S)


def one_block() -> float:
    """A block of one of 10,000 nodes until all have connected it, in seconds of wall time."""
    run = warm_network("ten-thousand", MEETING_S)
    run.set_power(1e-9)
    node = run.nodes[0]
    block = SimulatedMiner(node, run.miners[0].key).make_block()
    started = time.perf_counter()
    node.take_block(block)
    while any(other.state.tip.header.hash != block.hash for other in run.nodes):
        live(run, 0.1)
    return time.perf_counter() - started


def big_blocks() -> float:
    """95 of 100 nodes have a block of 2.5 MB whose payments waited everywhere, in virtual s."""
    scenario = load_scenario("big-blocks")
    run = Run(replace(scenario, load=replace(scenario.load, from_s=MEETING_S)))
    run.set_power(1e-9)
    run.begin()
    live(run, MEETING_S + 1)
    miner = next(iter(run.miners.values()))
    block = miner.make_block()
    assert len(block.raw) > 2_400_000, "the pools hold enough"
    run.measures.block_found(block, miner.node.number, len(run.nodes))
    miner.node.take_block(block)
    live(run, SPREAD_S)
    found = percentiles(reach_times(run.measures, run.measures.blocks.values()))
    assert found is not None
    return found.p95_ms / 1000
