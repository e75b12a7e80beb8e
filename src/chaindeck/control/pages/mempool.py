"""What waits for a block: how much, at which fees, and which blocks it would make."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from chaindeck.control.pages import shown
from chaindeck.records.selectors.chain import transactions_waiting
from chaindeck.records.selectors.pool import pool_newest

LISTED: Final = 50


@require_safe
def show(request: HttpRequest) -> HttpResponse:
    pool = pool_newest()
    context = {
        "pool": pool,
        "bars": _bars(pool),
        "ribbon": shown.ribbon([], pool),
        "waiting": transactions_waiting(limit=LISTED),
        "listed": LISTED,
    }
    return render(request, "pages/mempool.html", context)


def _bars(pool: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Return the histogram without its empty ends; widths in hundredths of the fullest."""
    buckets = [bucket for bucket in (pool or {}).get("fee_histogram", ()) if bucket["count"]]
    most = max((bucket["bytes"] for bucket in buckets), default=1)
    return [{**bucket, "width": max(1, round(100 * bucket["bytes"] / most))} for bucket in buckets]
