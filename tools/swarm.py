"""Runs simulated networks that are drawn from seeds, many of them, and says which broke a rule.

`python -m tools.swarm --seeds 2000 --first 1` prints each failing seed with the command that
repeats it, and exits 1 if there was one. `--evidence NAME` records the run in docs/evidence. What
became of each seed is kept in build/swarm, so that a swarm that was interrupted goes on where it
was, as long as the code that is simulated stays the same.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import hashlib
import subprocess
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import msgspec

from chaindeck.simulate.drawing import draw_scenario
from chaindeck.simulate.running import Run
from tools.evidence import ROOT, Record, describe_commit, write_record

_TOLD_EVERY = 50
_KEPT = ROOT / "build" / "swarm"
_SIMULATED = (
    "kernel",
    *(f"src/chaindeck/{room}" for room in ("kernel", "ledger", "protocol", "simulate")),
)


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


def run_swarm(seeds: range, workers: int, kept: Path | None) -> list[Outcome]:
    """Simulate the seeds that are not kept yet, telling of what breaks as it comes."""
    outcomes = [outcome for outcome in read_kept(kept) if outcome.seed in seeds]
    for outcome in outcomes:
        tell(outcome)
    done = {outcome.seed for outcome in outcomes}
    with ProcessPoolExecutor(workers) as pool:
        running = [pool.submit(run_seed, seed) for seed in seeds if seed not in done]
        for future in as_completed(running):
            outcome = future.result()
            keep(outcome, kept)
            outcomes.append(outcome)
            tell(outcome)
            if len(outcomes) % _TOLD_EVERY == 0:
                print(f"{len(outcomes)} of {len(seeds)} seeds", file=sys.stderr, flush=True)
    return outcomes


def tell(outcome: Outcome) -> None:
    if outcome.rule:
        print(f"seed {outcome.seed}: {outcome.told}")
        print(f"  again: chaindeck simulate swarm-{outcome.seed}", flush=True)


def place_of(commit: str) -> Path | None:
    """Return where outcomes of a commit's code are kept; of code that no commit has, none are."""
    if " " in commit:
        return None
    trees = [f"{commit}:{folder}" for folder in _SIMULATED]
    command = ["git", "rev-parse", *trees]
    found = subprocess.run(command, capture_output=True, cwd=ROOT, check=True).stdout
    return _KEPT / f"{hashlib.sha256(found).hexdigest()[:12]}.jsonl"


def read_kept(kept: Path | None) -> list[Outcome]:
    """Return what is kept, but for lines that were not written to their end."""
    lines = kept.read_bytes().splitlines() if kept is not None and kept.exists() else []
    outcomes = []
    for line in lines:
        with contextlib.suppress(msgspec.DecodeError):
            outcomes.append(msgspec.json.decode(line, type=Outcome))
    return outcomes


def keep(outcome: Outcome, kept: Path | None) -> None:
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with kept.open("ab") as file:
            file.write(msgspec.json.encode(outcome) + b"\n")


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
    seeds = range(options.first, options.first + options.seeds)
    outcomes = run_swarm(seeds, options.workers, place_of(describe_commit()))
    summary = summarise(outcomes)
    print(summary)
    if options.evidence:
        write_record(
            Record(
                name=options.evidence,
                command=f"make swarm SEEDS={options.seeds} FIRST={options.first}",
                seeds={"first": str(options.first), "count": str(options.seeds)},
                result=summary,
                seconds=sum(outcome.wall_s for outcome in outcomes) / options.workers,
            )
        )
    return int(any(outcome.rule for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
