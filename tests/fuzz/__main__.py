"""`python -m tests.fuzz TARGET...|all [--seconds N | --runs N] [--seed N] [--evidence NAME]`."""

import argparse
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz import runner
from tools.evidence import Record, write_record

ALL = "all"
NO_LIMIT = -1  # runs, as the fuzzer spells it
SUMMARY_MARKS = ("stat::", "Done ", "ERROR", "SUMMARY", "Uncaught", "AssertionError", "cov:")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the fuzzing of one target ended."""

    target: str
    status: int
    output: str

    def summarize(self) -> str:
        verdict = "held" if self.status == 0 else f"BROKEN (status {self.status})"
        lines = self.output.splitlines()
        marked = [line for line in lines if any(mark in line for mark in SUMMARY_MARKS)]
        facts = [line for line in marked if "stat::" in line or "Done " in line]
        trouble = [] if self.status == 0 else lines[-30:]
        return "\n    ".join([f"{self.target}: {verdict}", *facts, *trouble])


def fuzz_in_process(target: str, options: argparse.Namespace) -> Outcome:
    """Fuzz one target in a process of its own."""
    command = [sys.executable, "-m", "tests.fuzz", target]
    command += [f"--seconds={options.seconds}", f"--runs={options.runs}", f"--seed={options.seed}"]
    command += [f"--found={options.found}"]
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        cwd=runner.ROOT,
    )
    return Outcome(target, done.returncode, done.stdout)


def fuzz_several(options: argparse.Namespace) -> int:
    """Fuzz some targets, `workers` at a time, and record the result."""
    started = time.monotonic()
    from tests.fuzz.targets import TARGETS  # late: a single target is imported instrumented

    targets = list(TARGETS) if options.targets == [ALL] else options.targets
    with ThreadPoolExecutor(options.workers) as pool:
        outcomes = list(pool.map(lambda target: fuzz_in_process(target, options), targets))
    result = "\n".join(outcome.summarize() for outcome in outcomes)
    print(result)
    if options.evidence:
        record = Record(
            name=options.evidence,
            command=f"python -m tests.fuzz {' '.join(options.targets)} --seconds {options.seconds}",
            seeds={"libFuzzer": str(options.seed)},
            result=result,
            seconds=time.monotonic() - started,
        )
        print(f"recorded in {write_record(record).relative_to(runner.ROOT)}")
    return max(abs(outcome.status) for outcome in outcomes)


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("targets", nargs="+", help=f"names in targets.py, or {ALL}")
    parser.add_argument("--seconds", type=int, default=0, help="0 for no limit")
    parser.add_argument("--runs", type=int, default=NO_LIMIT)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--found", type=Path, default=runner.FOUND, help="where findings go")
    parser.add_argument("--evidence", metavar="NAME", help="write docs/evidence/NAME.md")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    options = parse_arguments(arguments)
    if len(options.targets) > 1 or options.targets == [ALL]:
        return fuzz_several(options)
    runner.run_target(
        options.targets[0],
        seconds=options.seconds,
        runs=options.runs,
        seed=options.seed,
        folder=options.found,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
