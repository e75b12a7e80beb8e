"""The journal, read in order."""

from __future__ import annotations

from collections.abc import Collection

from chaindeck.records.bulk import fetch
from chaindeck.records.limits import MAX_PAGE_ROWS
from chaindeck.records.types import EventRow, JournalBounds

_COLUMNS = "SELECT seq, time_ms, topic, kind, key, data FROM events"


def events_after(
    *, since: int, topics: Collection[str] | None = None, limit: int = MAX_PAGE_ROWS
) -> list[EventRow]:
    """Return the events after a number, in order, of some topics or of all."""
    assert 0 < limit <= MAX_PAGE_ROWS * 10, "a page has a size"
    statement, values = f"{_COLUMNS} WHERE seq > %s", [since, limit]
    if topics is not None:
        places = ", ".join(["%s"] * len(topics)) or "NULL"
        statement += f" AND topic IN ({places})"
        values[1:1] = sorted(topics)  # type: ignore[arg-type]  # values of two types, as they come
    return [EventRow(*row) for row in fetch(f"{statement} ORDER BY seq LIMIT %s", values)]


def events_bounds() -> JournalBounds:
    """Return the epoch, and the first and last number that are kept."""
    ((epoch, last, first),) = fetch(
        "SELECT epoch, last_seq, (SELECT MIN(seq) FROM events) FROM journal WHERE id = 1"
    )
    return JournalBounds(epoch, last + 1 if first is None else first, last)
