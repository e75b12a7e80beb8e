"""Statements over many rows, on either database. Objects would cost ten times as much."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.db import connection

from chaindeck.records.limits import MAX_NAMES_IN_STATEMENT

KEYS: Final = "[keys]"
"""In a statement, where the values of an IN list go."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def insert(table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Add rows; table and columns are words of our own."""
    if not rows:
        return
    places = ", ".join(["%s"] * len(columns))
    names = ", ".join(f'"{name}"' for name in columns)
    run_many(f'INSERT INTO "{table}" ({names}) VALUES ({places})', rows)


def run_many(statement: str, rows: Sequence[Sequence[Any]]) -> None:
    """Run a statement once with each row of values."""
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(statement, rows)


def run(statement: str, values: Sequence[Any] = ()) -> int:
    """Run a statement; return how many rows it concerned."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        count: int = cursor.rowcount
        return count


def fetch(statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def fetch_in(statement: str, keys: Collection[Any]) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a statement that has `KEYS` where the keys go, however many."""
    for text, part in _in_parts(statement, keys):
        yield from fetch(text, part)


def delete_in(statement: str, keys: Collection[Any]) -> int:
    """Run a statement that has `KEYS` where the keys go; return how many rows it concerned."""
    return sum(run(text, part) for text, part in _in_parts(statement, keys))


def _in_parts(statement: str, keys: Collection[Any]) -> Iterator[tuple[str, list[Any]]]:
    wanted = list(keys)
    for first in range(0, len(wanted), MAX_NAMES_IN_STATEMENT):
        part = wanted[first : first + MAX_NAMES_IN_STATEMENT]
        yield statement.replace(KEYS, ", ".join(["%s"] * len(part))), part


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def moment(time_ms: int) -> datetime:
    """Return a time as models have it."""
    return _EPOCH + timedelta(milliseconds=time_ms)


def time_ms_of(value: datetime) -> int:
    return (value - _EPOCH) // timedelta(milliseconds=1)


def stored_moment(time_ms: int) -> Any:  # noqa: ANN401 - text for one database, a time for the other
    """Return a time as a statement of ours hands it to the database."""
    return connection.ops.adapt_datetimefield_value(moment(time_ms))


def read_moment(value: Any) -> datetime:  # noqa: ANN401 - what a cursor gives depends on the database
    """Return a time that a statement of ours read."""
    if isinstance(value, str):
        return datetime.fromisoformat(value).replace(tzinfo=UTC)
    assert isinstance(value, datetime)
    return value if value.tzinfo else value.replace(tzinfo=UTC)
