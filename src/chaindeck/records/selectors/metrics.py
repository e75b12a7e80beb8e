"""Measurements: the newest, and series for charts."""

from __future__ import annotations

from typing import Any

from chaindeck.records.bulk import fetch, moment, read_moment, stored_moment, time_ms_of
from chaindeck.records.limits import MAX_PAGE_ROWS
from chaindeck.records.models import LiveMetric, MetricRollup
from chaindeck.records.models.measures import Step

_NEWEST = (
    "SELECT m.metric_type, m.metric_value, m.timestamp FROM live_metrics m JOIN"
    " (SELECT metric_type, MAX(timestamp) AS newest FROM live_metrics WHERE timestamp >= %s"
    " GROUP BY metric_type) n ON n.metric_type = m.metric_type AND n.newest = m.timestamp"
)


def metrics_newest(*, since_ms: int) -> dict[str, tuple[float, int]]:
    """Return the newest value of each measure and its time, of those measured since a moment."""
    rows = fetch(_NEWEST, [stored_moment(since_ms)])
    return {name: (value, time_ms_of(read_moment(at))) for name, value, at in rows}


def metric_series(
    metric_type: str,
    *,
    from_ms: int,
    to_ms: int,
    step: str | None = None,
    limit: int = MAX_PAGE_ROWS,
) -> list[dict[str, Any]]:
    """Return a measure over time, the oldest first: single values, or by minute, hour or day."""
    span = (moment(from_ms), moment(to_ms))
    if step is None:
        found = LiveMetric.objects.filter(
            metric_type=metric_type, timestamp__gte=span[0], timestamp__lt=span[1]
        ).order_by("-timestamp")
        values = found.values_list("timestamp", "metric_value")[:limit]
        return [{"time_ms": time_ms_of(at), "value": value} for at, value in values][::-1]
    sums = MetricRollup.objects.filter(
        step=Step(step), metric_type=metric_type, start__gte=span[0], start__lt=span[1]
    ).order_by("-start")
    return [
        {
            "time_ms": time_ms_of(row.start),
            "value": row.total / row.count,
            "lowest": row.lowest,
            "highest": row.highest,
            "count": row.count,
        }
        for row in sums[:limit]
    ][::-1]
