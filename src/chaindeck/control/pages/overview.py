"""The first page: how everything stands, the chain as a ribbon, what happened of late.

It asks the database for nothing twice: the height in the frame is that of the newest block here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from chaindeck.control import wiring
from chaindeck.control.limits import STANDING_OLD_MS
from chaindeck.control.pages import shown
from chaindeck.control.pages.frame import know_height
from chaindeck.records.bulk import now_ms
from chaindeck.records.selectors.activity import activity_page
from chaindeck.records.selectors.chain import blocks_page
from chaindeck.records.selectors.metrics import metric_series
from chaindeck.records.selectors.pool import pool_newest
from chaindeck.records.selectors.standing import network_series, status_find

FEED_ROWS: Final = 10
MORE_FEED_ROWS: Final = 50
_AWAY: Final = ("warn", "Away")
_UNKNOWN: Final = ("idle", "Unknown")
_HOUR_MS: Final = 3_600_000
_SAMPLES: Final = 720
"""Of an hour, at one each five seconds."""


@require_safe
def show(request: HttpRequest) -> HttpResponse:
    now = now_ms()
    first, end = now - _HOUR_MS, now + 1
    rows = blocks_page(limit=shown.RIBBON_BLOCKS).rows
    know_height(request, rows[0]["height"] if rows else None)
    measured = network_series(from_ms=first, to_ms=end, limit=_SAMPLES)
    memory = metric_series("machine.memory_percent", from_ms=first, to_ms=end, limit=_SAMPLES)
    status = status_find()
    is_old = _is_old(status, now)
    is_long = request.GET.get("feed") == "more"
    late = _late(rows, measured)
    context = {
        "ribbon": shown.ribbon(rows, pool_newest()),
        "status": _status(status, measured, is_old=is_old),
        "attention": _attention(status, late, is_old=is_old),
        # Nobody looks how far the network is.
        "late": 0 if is_old else late,
        "kpis": _kpis(measured, memory),
        "charts": _charts(measured),
        "feed": activity_page(limit=MORE_FEED_ROWS if is_long else FEED_ROWS),
        "is_long": is_long,
        "as_of_ms": status and status["last_updated_ms"],
    }
    return render(request, "pages/overview.html", context)


def _late(rows: Sequence[dict[str, Any]], measured: Sequence[dict[str, Any]]) -> int:
    """Return how many blocks the index is behind the network."""
    known = rows[0]["height"] if rows else -1
    return max(0, measured[-1]["network_height"] - known) if measured else 0


def _is_old(status: dict[str, Any] | None, now: int) -> bool:
    """Whether what was said of nodes and parts is of some time ago: nobody knows how they are."""
    if status is None:
        return False
    return wiring.is_away() or now - status["last_updated_ms"] > STANDING_OLD_MS


def _status(
    status: dict[str, Any] | None, measured: Sequence[dict[str, Any]], *, is_old: bool
) -> dict[str, Any] | None:
    """Return the counts of the two cards that have something to count."""
    if status is None:
        return None
    nodes, parts = status["data"].get("nodes", {}), status["data"].get("coordinator", {})
    up = sum(state == "up" for state in nodes.values())
    well = sum(state == "well" for state in parts.values())
    return {
        "nodes": len(nodes),
        "nodes_up": up,
        "is_old": is_old,
        "node_pill": _UNKNOWN if is_old else _pill(up, len(nodes), "Healthy", "None answers"),
        "forks": measured[-1]["forks"] if measured else None,
        "pool_count": measured[-1]["pool_count"] if measured else None,
        "parts": len(parts),
        "parts_well": well,
        "part_pill": _AWAY if is_old else _pill(well, len(parts), "Running", "Sick"),
        "updated_ms": status["last_updated_ms"],
    }


def _pill(well: int, count: int, good: str, bad: str) -> tuple[str, str]:
    if well == count:
        return ("ok", good) if count else ("idle", "None yet")
    return ("warn", f"{count - well} of {count} need a look") if well else ("error", bad)


def _attention(status: dict[str, Any] | None, late: int, *, is_old: bool) -> list[dict[str, Any]]:
    """Return what somebody should look at, the worst first."""
    found: list[dict[str, Any]] = []
    if status is None:
        return found
    if is_old:
        why = "nobody knows how nodes and parts are; it told of them"
        since_ms = status["last_updated_ms"]
        return [{"look": _AWAY, "title": "The coordinator", "why": why, "since_ms": since_ms}]
    data = status["data"]
    for name, state in sorted(data.get("nodes", {}).items()):
        if state != "up":
            look = ("error", "Down") if state == "down" else ("warn", state.capitalize())
            why = "it does not answer" if state == "down" else "it is behind the best tip"
            found.append({"look": look, "title": name, "why": why, "node": name})
    for name, state in sorted(data.get("coordinator", {}).items()):
        if state == "sick":
            why = data.get("problems", {}).get(name) or "it failed and is started again and again"
            found.append({"look": ("error", "Sick"), "title": f"coordinator: {name}", "why": why})
    if late > 1:
        why = f"pages show the chain {late:,} blocks ago"
        found.append({"look": ("warn", "Behind"), "title": "The index", "why": why})
    return sorted(found, key=lambda item: item["look"][0] != "error")


def _kpis(
    measured: Sequence[dict[str, Any]], memory: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return the six figures, each with its unit, its hour as a small line, and its age."""
    return [
        _kpi("interval", "Block interval", "s", _intervals(measured)),
        _kpi("tx_rate", "Payments", "/s", shown.series(measured, "tx_rate")),
        _kpi("pool_count", "Waiting", "tx", shown.series(measured, "pool_count")),
        _kpi("hash_rate", "Hash rate", "kH/s", shown.series(measured, "hash_rate", 1e-3)),
        _kpi("propagation_ms", "Propagation", "ms", shown.series(measured, "propagation_ms")),
        _kpi("memory_percent", "Memory in use", "%", list(memory)),
    ]


def _kpi(name: str, title: str, unit: str, points: Sequence[dict[str, Any]]) -> dict[str, Any]:
    newest = points[-1] if points else None
    return {
        "name": name,
        "title": title,
        "unit": unit,
        "value": newest and newest["value"],
        "time_ms": newest and newest["time_ms"],
        "line": [point["value"] for point in shown.thin(points, shown.SPARK_POINTS)],
    }


def _intervals(measured: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {"time_ms": row["time_ms"], "value": 60 / row["blocks_per_minute"]}
        for row in measured
        if row["blocks_per_minute"]
    ]


def _charts(measured: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        shown.drawn("interval", "Block interval", "seconds", _intervals(measured)),
        shown.drawn(
            "tx_rate", "Throughput", "payments a second", shown.series(measured, "tx_rate")
        ),
        shown.drawn("hash_rate", "Hash rate", "kH/s", shown.series(measured, "hash_rate", 1e-3)),
    ]
