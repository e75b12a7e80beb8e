"""Runs simulated networks that are drawn from seeds, many of them, and says which broke a rule.

`python -m tools.swarm --seeds 2000 --first 1` prints each failing seed with the command that
repeats it, and exits 1 if there was one. `--evidence NAME` records the run in docs/evidence.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

import msgspec

from chaindeck.simulate.drawing import draw_scenario
from chaindeck.simulate.running import Run
from tools.evidence import Record, write_record

_TOLD_EVERY = 50


class Outcome(msgspec.Struct, frozen=True):
    """What became of one seed."""

    seed: int
    rule: str
    told: str
    events: int
    virtual_s: float
    wall_s: float


def run_seed(seed: int) -> Outcome:
    """Simulate one seed to its end."""
    result = Run(draw_scenario(seed), name=f"swarm-{seed}").finish()
    # Otherwise nobody looks at what a run had kept out of the way of the collector.
    gc.collect()
    fault = result.fault
    told = ""
    if fault is not None:
        told = f"{fault.rule} at {fault.at_s:.3f} s, node {fault.node}: {fault.detail}"
    rule = fault.rule if fault else ""
    return Outcome(seed, rule, told, result.events, result.virtual_s, result.wall_s)


def run_swarm(first: int, count: int, workers: int) -> list[Outcome]:
    """Simulate so many seeds, telling of what breaks as it comes."""
    outcomes = []
    with ProcessPoolExecutor(workers) as pool:
        for outcome in pool.map(run_seed, range(first, first + count)):
            outcomes.append(outcome)
            if outcome.rule:
                print(f"seed {outcome.seed}: {outcome.told}")
                print(f"  again: chaindeck simulate swarm-{outcome.seed}", flush=True)
            elif len(outcomes) % _TOLD_EVERY == 0:
                print(f"{len(outcomes)} of {count} seeds", file=sys.stderr, flush=True)
    return outcomes


def summarise(outcomes: list[Outcome]) -> str:
    """Return a line about all of them."""
    broken = Counter(outcome.rule for outcome in outcomes if outcome.rule)
    events = sum(outcome.events for outcome in outcomes)
    virtual_h = sum(outcome.virtual_s for outcome in outcomes) / 3600
    kinds = ", ".join(f"{count} {rule}" for rule, count in broken.items()) or "none"
    return (
        f"{len(outcomes)} networks, {virtual_h:,.1f} virtual hours, {events:,} events;"
        f" rules broken: {kinds}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.swarm", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, metavar="N")
    parser.add_argument("--first", type=int, default=1, metavar="N")
    parser.add_argument("--workers", type=int, default=2, metavar="N")
    parser.add_argument("--evidence", metavar="NAME")
    options = parser.parse_args()
    started = time.monotonic()
    outcomes = run_swarm(options.first, options.seeds, options.workers)
    summary = summarise(outcomes)
    print(summary)
    if options.evidence:
        write_record(
            Record(
                name=options.evidence,
                command=f"make swarm SEEDS={options.seeds} FIRST={options.first}",
                seeds={"first": str(options.first), "count": str(options.seeds)},
                result=summary,
                seconds=time.monotonic() - started,
            )
        )
    return int(any(outcome.rule for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
