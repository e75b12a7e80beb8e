"""The activity log, filtered and page by page.

Every index but that of time begins with the severity. A question that names none is put to each
severity in one statement, so each filter and all of them together end where the page is full.
"""

from __future__ import annotations

from django.db.models import Q, QuerySet

from chaindeck.records.bulk import moment, time_ms_of
from chaindeck.records.models import Activity
from chaindeck.records.rows import activity_row
from chaindeck.records.selectors.paging import check_limit, read_cursor
from chaindeck.records.services.activity import SEVERITIES
from chaindeck.records.types import Page


def activity_page(
    *,
    severity: str | None = None,
    action: str | None = None,
    user: str | None = None,
    from_ms: int | None = None,
    to_ms: int | None = None,
    cursor: str | None = None,
    limit: int = 20,
) -> Page:
    """Return lines, the newest first; `to_ms` itself is not included. Raises `CursorInvalid`."""
    check_limit(limit)
    mark = read_cursor(cursor, 2)
    given = {"severity": severity, "action": action, "user": user}
    found = Activity.objects.filter(**{name: value for name, value in given.items() if value})
    found = _between(found, from_ms, to_ms)
    if mark is not None:
        at = moment(mark[0])
        found = found.filter(Q(timestamp__lt=at) | Q(timestamp=at, id__lt=mark[1]))
        found = found.filter(timestamp__lte=at)
    is_by_severity = not severity and bool(action or user)
    rows = _newest_of_each(found, limit + 1) if is_by_severity else _newest(found, limit + 1)
    last = rows[limit - 1] if len(rows) > limit else None
    more = None if last is None else f"{time_ms_of(last.timestamp)}.{last.pk}"
    return Page([activity_row(row) for row in rows[:limit]], more)


def _between(
    found: QuerySet[Activity], from_ms: int | None, to_ms: int | None
) -> QuerySet[Activity]:
    if from_ms is not None:
        found = found.filter(timestamp__gte=moment(from_ms))
    if to_ms is not None:
        found = found.filter(timestamp__lt=moment(to_ms))
    return found


def _newest(found: QuerySet[Activity], count: int) -> list[Activity]:
    return list(_ordered(found)[:count])


def _newest_of_each(found: QuerySet[Activity], count: int) -> list[Activity]:
    """Return the newest lines of all severities together, in one statement."""
    parts: list[str] = []
    values: list[object] = []
    for severity in SEVERITIES:
        text, given = _ordered(found.filter(severity=severity))[:count].query.sql_with_params()
        parts.append(f"SELECT * FROM ({text}) AS of_{severity}")
        values += given
    rows = Activity.objects.raw(" UNION ALL ".join(parts), values)
    return sorted(rows, key=lambda row: (row.timestamp, row.pk), reverse=True)[:count]


def _ordered(found: QuerySet[Activity]) -> QuerySet[Activity]:
    return found.order_by("-timestamp", "-id")
