"""The activity log, filtered and page by page."""

from __future__ import annotations

from django.db.models import Q

from chaindeck.records.bulk import moment, time_ms_of
from chaindeck.records.models import Activity
from chaindeck.records.rows import activity_row
from chaindeck.records.selectors.paging import check_limit, read_cursor
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
    if from_ms is not None:
        found = found.filter(timestamp__gte=moment(from_ms))
    if to_ms is not None:
        found = found.filter(timestamp__lt=moment(to_ms))
    if mark is not None:
        at = moment(mark[0])
        found = found.filter(Q(timestamp__lt=at) | Q(timestamp=at, id__lt=mark[1]))
        found = found.filter(timestamp__lte=at)
    rows = list(found.order_by("-timestamp", "-id")[: limit + 1])
    last = rows[limit - 1] if len(rows) > limit else None
    more = None if last is None else f"{time_ms_of(last.timestamp)}.{last.pk}"
    return Page([activity_row(row) for row in rows[:limit]], more)
