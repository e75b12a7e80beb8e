"""Every part that pages are made of, in every state: what people who build pages look at first."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from chaindeck.control.pages import shown
from chaindeck.control.templatetags.deck import STATES
from chaindeck.records.bulk import now_ms
from chaindeck.records.types import Page

COLOURS: Final = (
    *("canvas", "surface", "surface-2", "line", "control", "text", "text-2", "text-3"),
    *("primary", "ok", "warn", "error", "running", "idle"),
)
ICONS: Final = (
    *("cube", "check", "alert", "cross", "play", "pause", "copy", "search", "menu", "arrow"),
    *("theme", "back", "clock", "download", "star", "person", "key", "network"),
)


@require_safe
def show(request: HttpRequest) -> HttpResponse:
    now = now_ms()
    blocks = [_block(number, now) for number in range(3)]
    coming = [{"count": 12, "bytes": 4_000, "highest_per_kb": 900, "lowest_per_kb": 100, "fees": 1}]
    points = [
        {"time_ms": now - 60_000 * (59 - number), "value": 9 + (number * 7919 % 13) / 4}
        for number in range(60)
    ]
    context = {
        "states": list(STATES),
        "colours": COLOURS,
        "icons": ICONS,
        "ribbon": shown.ribbon(blocks, {"projected_blocks": coming, "max_block_bytes": 1_000_000}),
        "chart": shown.drawn("example", "A chart", "seconds", points),
        "line": [point["value"] for point in points],
        "soon_ms": now - 65_000,
        "cursor_page": Page([], "1180"),
    }
    return render(request, "pages/design.html", context)


def _block(number: int, now: int) -> dict[str, Any]:
    return {
        "height": 1_204 - number,
        "hash": f"{number + 10:064x}",
        "time_ms": now - 10_000 * (number + 1),
        "tx_count": 4_012 - 900 * number,
        "size": 640_000 - 200_000 * number,
        "fees": 320_000,
        "lowest_per_kb": 100 * (number + 1),
        "highest_per_kb": 900 + 400 * number,
        "miner": "deck1example",
        "is_on_chain": True,
    }
