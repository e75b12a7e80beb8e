"""Runs benchmarks and judges them: warm-up, repetitions, median, spread, verdict.

A benchmark returns its own figure, so the harness knows no unit. Where a benchmark names a
reference (the limit, or the program to beat), both are run turn by turn, so that a noisy machine
disturbs them alike and the ratio means something.
"""

import json
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from tools.evidence import describe_commit, describe_machine

QUICK_REPETITIONS = 3
COLUMNS = ("benchmark", "median", "spread", "of reference", "floor", "goal", "verdict")


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One figure to measure, with the floor that must hold and the goal to reach."""

    name: str
    unit: str
    run: Callable[[], float]
    floor: float | None
    goal: float | None
    reference: Callable[[], float] | None = None
    higher_is_better: bool = True
    repetitions: int = 7


@dataclass(frozen=True, slots=True)
class Result:
    """What the repetitions of one benchmark gave."""

    name: str
    unit: str
    median: float
    lowest: float
    highest: float
    reference_median: float | None
    floor: float | None
    goal: float | None
    verdict: str

    @property
    def ratio(self) -> float | None:
        """Median over the reference's median of the same run."""
        if not self.reference_median:
            return None
        return self.median / self.reference_median


def measure(benchmark: Benchmark, *, quick: bool = False) -> Result:
    """Warm up once, then repeat the benchmark and its reference in turns."""
    repetitions = min(QUICK_REPETITIONS, benchmark.repetitions) if quick else benchmark.repetitions
    benchmark.run()
    if benchmark.reference is not None:
        benchmark.reference()
    figures, limits = [], []
    for _ in range(repetitions):
        figures.append(benchmark.run())
        if benchmark.reference is not None:
            limits.append(benchmark.reference())
    median = statistics.median(figures)
    return Result(
        name=benchmark.name,
        unit=benchmark.unit,
        median=median,
        lowest=min(figures),
        highest=max(figures),
        reference_median=statistics.median(limits) if limits else None,
        floor=benchmark.floor,
        goal=benchmark.goal,
        verdict=judge(benchmark, median),
    )


def judge(benchmark: Benchmark, median: float) -> str:
    """`goal`, `floor` or `below`; a bar that is not set counts as reached."""

    def reaches(bar: float | None) -> bool:
        if bar is None:
            return True
        return median >= bar if benchmark.higher_is_better else median <= bar

    if not reaches(benchmark.floor):
        return "below"
    return "goal" if reaches(benchmark.goal) else "floor"


def render_table(results: Iterable[Result]) -> str:
    """The results as an aligned text table."""
    rows = [COLUMNS, *(_row(result) for result in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    lines = []
    for row in rows:
        name, *rest = (cell for cell in row)
        cells = [name.ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)]
        lines.append("  ".join(cells))
    return "\n".join(lines)


def write_json(results: Sequence[Result], path: Path) -> None:
    """Write date, commit, machine and every result."""
    path.parent.mkdir(parents=True, exist_ok=True)
    report = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": describe_commit(),
        "machine": describe_machine(),
        "results": [asdict(result) | {"ratio": result.ratio} for result in results],
    }
    path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def format_figure(value: float | None) -> str:
    """Three significant digits, thousands grouped; a dash for none."""
    if value is None:
        return "-"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _row(result: Result) -> tuple[str, ...]:
    ratio = result.ratio
    return (
        result.name,
        f"{format_figure(result.median)} {result.unit}",
        f"{format_figure(result.lowest)}-{format_figure(result.highest)}",
        "-" if ratio is None else f"{100 * ratio:.0f} %",
        format_figure(result.floor),
        format_figure(result.goal),
        result.verdict,
    )
