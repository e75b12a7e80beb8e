"""Holds each room to its coverage floor: `python -m tools.coverage_gate build/coverage.json`.

Lines and branches count alike. Pure rooms stand at 100 per cent, since nothing outside can stop a
test from reaching every branch of theirs. A floor that matches no measured file is an error.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# What coverage.py writes about one file.
FileReport = Mapping[str, Any]

# Path below src/ -> per cent of lines and branches. Only the tests' own process is measured, since
# measuring slows others down, and what a test kills tells nothing. So rooms that live in processes
# of their own, as coordinator and supervisor do, are tested better than their figures say.
FLOORS = {
    "chaindeck/cli/": 88.0,
    "chaindeck/client/": 97.5,
    "chaindeck/control/": 93.5,
    "chaindeck/coordinator/": 69.0,
    "chaindeck/kernel/twin": 100.0,
    "chaindeck/ledger/": 100.0,
    "chaindeck/node/": 95.5,
    "chaindeck/protocol/": 98.0,
    "chaindeck/records/": 96.0,
    "chaindeck/rpc/": 98.0,
    "chaindeck/simulate/": 94.0,
    "chaindeck/store/": 99.0,
    "chaindeck/supervisor/": 69.0,
    "chaindeck/wallet/": 100.0,
}


@dataclass(frozen=True, slots=True)
class Tally:
    """Lines and branches of some files: how many there are, how many a test reached."""

    covered: int
    total: int
    gaps: tuple[str, ...]

    @property
    def percent(self) -> float:
        """Share reached; files without code count as wholly covered."""
        return 100.0 * self.covered / self.total if self.total else 100.0


def tally_room(files: Mapping[str, FileReport], prefix: str) -> Tally | None:
    """Add up the files of a coverage report under `prefix`; None when there are none."""
    members = {path: data for path, data in files.items() if f"src/{prefix}" in path}
    if not members:
        return None
    covered = total = 0
    gaps = []
    for path, data in sorted(members.items()):
        summary = data["summary"]
        covered += summary["covered_lines"] + summary.get("covered_branches", 0)
        total += summary["num_statements"] + summary.get("num_branches", 0)
        gaps += [f"{path}:{line}" for line in data["missing_lines"]]
        gaps += [f"{path}:{start}->{end}" for start, end in data.get("missing_branches", ())]
    return Tally(covered, total, tuple(gaps))


def check_floors(files: Mapping[str, FileReport], floors: Mapping[str, float]) -> list[str]:
    """One message for each floor that does not hold."""
    problems = []
    for prefix, floor in floors.items():
        tally = tally_room(files, prefix)
        if tally is None:
            problems.append(f"{prefix}: no file was measured, so the floor means nothing")
        elif tally.percent < floor:
            gaps = "".join(f"\n    {gap}" for gap in tally.gaps)
            problems.append(f"{prefix}: {tally.percent:.2f} % is under {floor:g} %{gaps}")
    return problems


def main(arguments: Sequence[str]) -> int:
    """Check the report and return the exit status."""
    report = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    problems = check_floors(report["files"], FLOORS)
    for problem in problems:
        print(f"coverage: {problem}", file=sys.stderr)
    total = report["totals"]["percent_covered"]
    verdict = "floors broken" if problems else "every floor holds"
    print(f"coverage: {total:.1f} % in all, {verdict}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
