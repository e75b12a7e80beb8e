"""What several pages show: the ribbon, how far the index is behind, series small enough to draw."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

import msgspec
from django.http import Http404, HttpRequest

from chaindeck.ledger.addresses import decode_address
from chaindeck.ledger.errors import AddressError
from chaindeck.records.types import ChainPlace

RIBBON_BLOCKS: Final = 8
"""As many as fit beside two projected ones on a wide screen."""

PROJECTED_BLOCKS: Final = 2
ROWS: Final = 25
DRAWN_POINTS: Final = 120
SPARK_POINTS: Final = 40
TABLE_POINTS: Final = 12
LONG_PAUSES: Final = 4
"""Times the usual pause between measurements: nothing was measured meanwhile."""

EN_DASH: Final = "\N{EN DASH}"
_MAX_HEIGHT: Final = (1 << 43) - 1
"""Of the places in the index."""


def ribbon(rows: Sequence[dict[str, Any]], pool: dict[str, Any] | None) -> dict[str, Any]:
    """Return blocks to come, farthest first, and the last blocks, each with how full it is."""
    projected = list((pool or {}).get("projected_blocks", ()))[:PROJECTED_BLOCKS]
    full = (pool or {}).get("max_block_bytes", 0)
    coming = [
        {
            **block,
            "fill": fill(block["bytes"], full),
            "rates": rates((block["lowest_per_kb"], block["highest_per_kb"])),
            "ahead": place,
        }
        for place, block in enumerate(projected)
    ]
    return {
        "coming": coming[::-1],
        "blocks": [shown_block(row, full) for row in rows],
        "full": full,
        "kept": RIBBON_BLOCKS,
    }


def depth(place: ChainPlace | None, height: int) -> int:
    """Return how deep a block of the chain is: 1 at the tip."""
    return max(1, (place.height if place else height) - height + 1)


def shown_block(row: dict[str, Any], full: int) -> dict[str, Any]:
    return {**row, "fill": fill(row["size"], full), "rates": rates_of(row)}


def fill(size_bytes: int, full: int) -> int:
    """Return a share of a hundred in steps of five, for which the style sheet has rules.

    It is 0 where nobody told how much a block may have.
    """
    if not full:
        return 0
    return max(5, min(100, 5 * round(20 * size_bytes / full)))


def rates_of(row: dict[str, Any]) -> str:
    """Say between which fee rates a block's payments lie.

    Of blocks that an older version indexed only the average is known.
    """
    lowest, highest = row["lowest_per_kb"], row["highest_per_kb"]
    if lowest is None and row["tx_count"] > 1:
        return f"about {rates((fee_per_kb(row), None))}"
    return rates((lowest, highest))


def rates(span: tuple[int | None, int | None]) -> str:
    """Write the lowest and the highest fee rate of some payments, in base units for 1,000 bytes."""
    known = [f"{rate:,}" for rate in dict.fromkeys(span) if rate is not None]
    return f"{EN_DASH.join(known)} /kB" if known else "no fees"


def fee_per_kb(row: dict[str, Any]) -> int:
    """Return what a block's payments paid for 1,000 bytes on average, in base units."""
    return round(1000 * row["fees"] / row["size"]) if row["size"] else 0


def behind(place: ChainPlace | None, network_height: int | None) -> int:
    """Return how many blocks the network has that the index has not."""
    height = -1 if place is None else place.height
    return 0 if network_height is None else max(0, network_height - height)


def best_height(nodes: Sequence[dict[str, Any]]) -> int | None:
    """Return the highest tip of nodes that answer."""
    return max((node["height"] for node in nodes if node["is_active"]), default=None)


def thin(values: Sequence[Any], most: int) -> list[Any]:
    """Leave out values evenly until few enough are left; the newest stays."""
    step = -(-len(values) // most) or 1
    return list(values[::-1][::step][::-1])


def series(rows: Sequence[dict[str, Any]], name: str, scale: float = 1.0) -> list[dict[str, Any]]:
    """Return a column of rows over time, where it is known."""
    return [
        {"time_ms": row["time_ms"], "value": row[name] * scale}
        for row in rows
        if row[name] is not None
    ]


_STEPS_NEEDED: Final = "It takes two changes; this had fewer."
_MEASURES_NEEDED: Final = "It takes two measurements; they come every five seconds."


def drawn(
    name: str,
    title: str,
    unit: str,
    points: Sequence[dict[str, Any]],
    *,
    is_stepped: bool = False,
) -> dict[str, Any]:
    """Return a chart: its points for the script, and some of them as rows for everybody else.

    What is stepped keeps its value until the next point; all else was measured steadily, and where
    nothing was measured for a while the line has a gap.
    """
    kept = thin(points, DRAWN_POINTS)
    times = [point["time_ms"] for point in kept]
    values: list[float | None] = [round(point["value"], 4) for point in kept]
    if not is_stepped:
        _break_line(times, values)
    return {
        "name": name,
        "title": title,
        "unit": unit,
        "data": msgspec.json.encode([times, values]).decode(),
        "rows": thin(kept, TABLE_POINTS)[::-1],
        "is_empty": len(kept) < 2,
        "is_stepped": is_stepped,
        "why": _STEPS_NEEDED if is_stepped else _MEASURES_NEEDED,
    }


def _break_line(times: list[int], values: list[float | None]) -> None:
    """Put a nothing into every pause that is much longer than the usual one."""
    pauses = sorted(after - before for before, after in pairwise(times))
    if not pauses:
        return
    longest = LONG_PAUSES * pauses[len(pauses) // 2]
    for place in range(len(times) - 1, 0, -1):
        if times[place] - times[place - 1] > longest:
            times.insert(place, times[place - 1] + 1)
            values.insert(place, None)


def parse_height(text: str) -> int | None:
    """Return a height as people write it, with or without commas and a number sign."""
    digits = text.strip().removeprefix("#").replace(",", "")
    if not (digits.isascii() and digits.isdecimal() and len(digits) < 16):
        return None
    return min(int(digits), _MAX_HEIGHT)


def owner_of(address: str, place: ChainPlace | None) -> str:
    """Return whom an address names, as records write it. Raises `Http404`."""
    if place is None:
        raise Http404
    try:
        return decode_address(address, place.address_prefix).hex()
    except AddressError:
        raise Http404 from None


def cursor_of(request: HttpRequest) -> str | None:
    return request.GET.get("after") or None
