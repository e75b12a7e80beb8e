"""`python -m bench [GROUP ...] [--json FILE] [--quick] [--gate]`."""

import argparse
import importlib
import pkgutil
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import bench
from bench.harness import Benchmark, Result, measure, render_table, write_json

NOT_GROUPS = frozenset({"__main__", "harness", "large", "node_process", "peer_process", "proofs"})


def find_groups() -> list[str]:
    """Names of the modules here that hold benchmarks."""
    return sorted(
        module.name
        for module in pkgutil.iter_modules(bench.__path__)
        if module.name not in NOT_GROUPS
    )


def load_group(name: str) -> list[Benchmark]:
    """The benchmarks of one group."""
    benchmarks: list[Benchmark] = importlib.import_module(f"bench.{name}").benchmarks()
    return benchmarks


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line; an unknown group ends the program with status 2."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=bench.__doc__)
    parser.add_argument("groups", nargs="*", metavar="GROUP", help="all of them without one")
    parser.add_argument("--json", type=Path, help="where the results go")
    parser.add_argument("--quick", action="store_true", help="three repetitions, for a first look")
    parser.add_argument("--gate", action="store_true", help="exit 1 when a floor does not hold")
    options = parser.parse_args(arguments)
    groups = find_groups()
    unknown = sorted(set(options.groups) - set(groups))
    if unknown:
        parser.error(f"no group {', '.join(unknown)}; there are {', '.join(groups)}")
    options.groups = options.groups or groups
    return options


def main(arguments: Sequence[str]) -> int:
    """Measure, print, write; returns the exit status."""
    options = parse_arguments(arguments)
    results: list[Result] = []
    for group in options.groups:
        for benchmark in load_group(group):
            print(f"measuring {benchmark.name}", file=sys.stderr)
            results.append(measure(benchmark, quick=options.quick))
    print(render_table(results))
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    path = options.json or Path("build", "bench", f"{'-'.join(options.groups)}-{stamp}.json")
    write_json(results, path)
    print(f"written to {path}")
    broken = any(result.verdict == "below" for result in results)
    return 1 if broken and options.gate else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
