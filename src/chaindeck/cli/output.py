"""What commands write: results on standard output, progress and trouble on standard error."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

DONE, FAILED, MISUSE, REFUSED = range(4)
"""Exit codes. Refused: a stranger holds the port, or another instance runs."""

_BAR_CELLS = 30
_REDRAW_S = 0.1


def print_json(value: object) -> None:
    print(json.dumps(value, indent=2))


def print_fields(fields: Mapping[str, Any], *, as_json: bool) -> None:
    """Write named values, one a line."""
    if as_json:
        print_json(dict(fields))
        return
    width = max(map(len, fields))
    for name, value in fields.items():
        shown = f"{value:,}" if isinstance(value, int) else value
        print(f"{name.replace('_', ' '):<{width}}  {shown}")


def print_table(names: Sequence[str], rows: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """Write rows under their names; as JSON, a list of objects."""
    if as_json:
        print_json([dict(row) for row in rows])
        return
    cells = [[str(row[name]) for name in names] for row in rows]
    widths = [max(map(len, column)) for column in zip(names, *cells, strict=True)]
    for line in (names, *cells):
        padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        print("  ".join(padded).rstrip())


def print_error(message: str) -> None:
    print(f"chaindeck: {message}", file=sys.stderr)


def progress_bar(label: str, unit: str) -> Callable[[int, int], None]:
    """Return a function that draws how much of the work is done; silent unless a person watches."""
    started = drawn = time.monotonic()

    def draw(done: int, total: int) -> None:
        nonlocal drawn
        now = time.monotonic()
        is_last = done >= total
        if not sys.stderr.isatty() or (now - drawn < _REDRAW_S and not is_last):
            return
        drawn = now
        share = min(1.0, done / total) if total else 1.0
        bar = "#" * int(share * _BAR_CELLS)
        rate = done / max(now - started, 1e-6)
        left_s = (total - done) / rate if rate else 0
        print(
            f"\r{label} [{bar:<{_BAR_CELLS}}] {share:4.0%}  {done:,} of {total:,} {unit},"
            f" {left_s:,.0f} s left ",
            end="\n" if is_last else "",
            file=sys.stderr,
            flush=True,
        )

    return draw
