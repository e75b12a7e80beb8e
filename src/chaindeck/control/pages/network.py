"""The nodes: how each is, how far behind the best, and what it was measured at."""

from __future__ import annotations

from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from chaindeck.control.pages import shown
from chaindeck.records.bulk import now_ms
from chaindeck.records.selectors.metrics import metric_series
from chaindeck.records.selectors.standing import (
    network_series,
    node_find,
    nodes_all,
    status_find,
)

_HOUR_MS: Final = 3_600_000
_SAMPLES: Final = 720
LOOKS: Final = {"up": "ok", "lagging": "warn", "down": "error"}


@require_safe
def show(request: HttpRequest) -> HttpResponse:
    nodes = nodes_all()
    now = now_ms()
    measured = network_series(from_ms=now - _HOUR_MS, to_ms=now + 1, limit=_SAMPLES)
    status = status_find()
    context = {
        "nodes": [_shown(node, shown.best_height(nodes)) for node in nodes],
        "unfollowed": status["data"].get("problems", {}).get("following") if status else None,
        "newest": measured[-1] if measured else None,
        "charts": [
            shown.drawn(
                "propagation_ms",
                "Propagation",
                "milliseconds",
                shown.series(measured, "propagation_ms"),
            ),
            shown.drawn("forks", "Forks", "in 100 heights", shown.series(measured, "forks")),
        ],
    }
    return render(request, "pages/network.html", context)


@require_safe
def node(request: HttpRequest, name: str) -> HttpResponse:
    """One node, with what its process took of the machine where it is ours."""
    found = node_find(name)
    if found is None:
        raise Http404
    context = {
        "node": _shown(found, shown.best_height(nodes_all())),
        "charts": [
            _measured(name, "cpu_percent", "Processor", "percent of a core"),
            _measured(name, "memory_bytes", "Memory", "MB", 1e-6),
        ],
    }
    return render(request, "pages/node.html", context)


def _shown(row: dict[str, Any], best: int | None) -> dict[str, Any]:
    """Return a row with its look; a lag only where the node answers."""
    look = (LOOKS.get(row["state"], "idle"), row["state"].capitalize())
    lag = max(0, best - row["height"]) if best is not None and row["is_active"] else None
    return {**row, "look": look, "lag": lag}


def _measured(name: str, measure: str, title: str, unit: str, scale: float = 1.0) -> dict[str, Any]:
    now = now_ms()
    points = metric_series(
        f"{name}.{measure}", from_ms=now - _HOUR_MS, to_ms=now + 1, limit=_SAMPLES
    )
    return shown.drawn(measure, title, unit, shown.series(points, "value", scale))
