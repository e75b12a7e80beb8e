"""Addresses: what each holds and held, what happened to it, and the name that people gave it."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from asgiref.sync import sync_to_async
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from chaindeck.control.pages import shown
from chaindeck.control.pages.frame import know_height
from chaindeck.control.templatetags.deck import UNITS_IN_COIN
from chaindeck.records.errors import CursorInvalid
from chaindeck.records.selectors.addresses import (
    address_coins,
    address_history,
    address_labels,
    address_summary,
)
from chaindeck.records.selectors.chain import chain_place
from chaindeck.records.selectors.standing import nodes_all
from chaindeck.records.services.labels import MAX_LABEL_CHARACTERS
from chaindeck.records.types import Page

CSV_ROWS: Final = 100_000
"""The most that one download has; said before the click."""

_CSV_PAGE: Final = 1_000
_DRAWN: Final = 200
_COINS: Final = 10
_COLUMNS: Final = ("height", "time_ms", "transaction", "received", "spent", "balance")
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")


@require_safe
def show(request: HttpRequest, address: str) -> HttpResponse:
    place = chain_place()
    key_hash = shown.owner_of(address, place)
    know_height(request, None if place is None else place.height)
    try:
        page = address_history(key_hash, cursor=shown.cursor_of(request), limit=shown.ROWS)
        coins = address_coins(key_hash, cursor=request.GET.get("coins") or None, limit=_COINS)
    except CursorInvalid as error:
        raise BadRequest(str(error)) from None
    labels = address_labels()
    context = {
        "address": address.lower(),
        "summary": address_summary(key_hash),
        "page": page,
        "coins": coins,
        "is_first": not request.GET.keys() & {"after", "coins"},
        "label": labels.get(address.lower(), ""),
        "is_watched": address.lower() in address_labels(watched=True),
        "max_label": MAX_LABEL_CHARACTERS,
        "chart": _chart(key_hash),
        "csv_rows": CSV_ROWS,
        "behind": shown.behind(place, shown.best_height(nodes_all())),
    }
    return render(request, "pages/address.html", context)


def _chart(key_hash: str) -> dict[str, Any]:
    rows = address_history(key_hash, limit=_DRAWN).rows[::-1]
    points = [{"time_ms": row["time_ms"], "value": row["balance"] / UNITS_IN_COIN} for row in rows]
    return shown.drawn("balance", "Balance", "coins", points, is_stepped=True)


@require_safe
def export(request: HttpRequest, address: str) -> StreamingHttpResponse:
    """Send the history as CSV, page by page: no more of it is in memory than one page."""
    del request
    key_hash = shown.owner_of(address, chain_place())
    response = StreamingHttpResponse(_lines(key_hash), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{address.lower()}.csv"'
    return response


async def _lines(key_hash: str) -> AsyncIterator[str]:
    yield csv_text([_COLUMNS])
    cursor: str | None = None
    for _ in range(CSV_ROWS // _CSV_PAGE):
        page = await _history(key_hash, cursor)
        yield csv_text([_cells(row) for row in page.rows])
        cursor = page.cursor
        if cursor is None:
            return


@sync_to_async
def _history(key_hash: str, cursor: str | None) -> Page:
    return address_history(key_hash, cursor=cursor, limit=_CSV_PAGE)


def _cells(row: dict[str, Any]) -> Sequence[object]:
    figures = (row["received"], row["spent"], row["balance"])
    return (row["height"], row["time_ms"], row["tx_id"], *figures)


def csv_text(rows: Sequence[Sequence[object]]) -> str:
    """Return rows as CSV, none of whose cells a spreadsheet takes for a formula."""
    text = io.StringIO()
    csv.writer(text).writerows([[neutral(cell) for cell in row] for row in rows])
    return text.getvalue()


def neutral(cell: object) -> object:
    if isinstance(cell, str) and cell.startswith(_FORMULA_STARTS):
        return "'" + cell
    return cell
