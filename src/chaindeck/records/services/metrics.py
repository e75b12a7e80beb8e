"""Measurements: kept singly for an hour, then by minute, hour and day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction

from chaindeck.records.bulk import KEYS, delete_in, fetch, insert, moment, now_ms, stored_moment
from chaindeck.records.limits import (
    DAYS_KEPT_S,
    HOURS_KEPT_S,
    METRICS_KEPT_S,
    MINUTES_KEPT_S,
    PRUNE_ROWS,
)
from chaindeck.records.models import MetricRollup
from chaindeck.records.models.measures import Step
from chaindeck.records.services.events import events_append
from chaindeck.records.types import EventDraft

_SPANS_S: Final = {Step.MINUTE: 60, Step.HOUR: 3_600, Step.DAY: 86_400}
_KEPT_S: Final = {Step.MINUTE: MINUTES_KEPT_S, Step.HOUR: HOURS_KEPT_S, Step.DAY: DAYS_KEPT_S}
_SOURCES: Final = {Step.HOUR: Step.MINUTE, Step.DAY: Step.HOUR}
_METRIC_COLUMNS = ("metric_type", "metric_value", "timestamp")
_ROLLUP_COLUMNS = ("step", "metric_type", "start", "count", "total", "lowest", "highest")
_OF_SINGLE = (
    "SELECT metric_type, COUNT(*), SUM(metric_value), MIN(metric_value), MAX(metric_value)"
    " FROM live_metrics WHERE timestamp >= %s AND timestamp < %s GROUP BY metric_type"
)
_OF_ROLLUPS = (
    "SELECT metric_type, SUM(count), SUM(total), MIN(lowest), MAX(highest) FROM metric_rollups"
    " WHERE step = %s AND start >= %s AND start < %s GROUP BY metric_type"
)


def metrics_append(
    *,
    values: Mapping[str, float],
    time_ms: int | None = None,
    key: str = "",
    data: dict[str, Any] | None = None,
) -> None:
    """Keep measurements of one moment; with a key (a part, or `machine`) tell of them too."""
    now = now_ms() if time_ms is None else time_ms
    with transaction.atomic():
        when = stored_moment(now)
        insert(
            "live_metrics", _METRIC_COLUMNS, [(name, value, when) for name, value in values.items()]
        )
        if key:
            told = {"time_ms": now, **(dict(values) if data is None else data)}
            events_append(drafts=[EventDraft("system", "metrics", key, told)])


def metrics_roll_up(*, time_ms: int | None = None) -> int:
    """Sum up every span that has ended and was not summed up yet; return how many rows came.

    Call it once a minute. A span is summed up once: what comes later with an earlier time is kept
    singly and enters no sum.
    """
    now = now_ms() if time_ms is None else time_ms
    with transaction.atomic():
        return sum(_roll_up(step, now) for step in _SPANS_S)


def metrics_prune(*, time_ms: int | None = None) -> int:
    """Forget what is too old, some at a time; return how many rows."""
    now = now_ms() if time_ms is None else time_ms
    with transaction.atomic():
        count = _prune("live_metrics", "timestamp", "", now - METRICS_KEPT_S * 1000)
        for step, kept_s in _KEPT_S.items():
            count += _prune("metric_rollups", "start", step, now - kept_s * 1000)
        return count


def _roll_up(step: Step, now: int) -> int:
    span_ms = _SPANS_S[step] * 1000
    end = moment(now - now % span_ms)
    start = _next_start(step, end)
    rows: list[tuple[Any, ...]] = []
    while start is not None and start < end:
        stop = start + timedelta(milliseconds=span_ms)
        rows += [(step.value, name, _at(start), *sums) for name, *sums in _sums(step, start, stop)]
        start = stop
    insert("metric_rollups", _ROLLUP_COLUMNS, rows)
    return len(rows)


def _next_start(step: Step, end: datetime) -> datetime | None:
    """Return where summing up goes on: after the newest row, or at the oldest measurement."""
    span_s = _SPANS_S[step]
    newest = MetricRollup.objects.filter(step=step).order_by("-start").first()
    earliest = end - timedelta(
        seconds=METRICS_KEPT_S if step is Step.MINUTE else _KEPT_S[_SOURCES[step]]
    )
    earliest = moment(int(earliest.timestamp()) // span_s * span_s * 1000)
    if newest is None:
        return earliest
    return max(newest.start + timedelta(seconds=span_s), earliest)


def _sums(step: Step, start: datetime, stop: datetime) -> list[tuple[Any, ...]]:
    if step is Step.MINUTE:
        return fetch(_OF_SINGLE, [_at(start), _at(stop)])
    return fetch(_OF_ROLLUPS, [_SOURCES[step].value, _at(start), _at(stop)])


def _at(value: datetime) -> Any:  # noqa: ANN401 - what the database takes
    return stored_moment(round(value.timestamp() * 1000))


def _prune(table: str, column: str, step: str, before_ms: int) -> int:
    only = "step = %s AND " if step else ""
    values = [*([step] if step else []), stored_moment(before_ms), PRUNE_ROWS]
    rows = fetch(
        f"SELECT id FROM {table} WHERE {only}{column} < %s ORDER BY {column} LIMIT %s",
        values,
    )
    keys = [key for (key,) in rows]
    return delete_in(f"DELETE FROM {table} WHERE id IN ({KEYS})", keys)
