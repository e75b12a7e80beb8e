"""Blocks: what is on the chain, and what was taken back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from chaindeck.control.pages import shown
from chaindeck.control.pages.frame import know_height
from chaindeck.records.errors import CursorInvalid
from chaindeck.records.selectors.chain import (
    block_find,
    block_transactions,
    blocks_page,
    chain_place,
    hashes_at,
)
from chaindeck.records.selectors.finding import height_before
from chaindeck.records.selectors.pool import pool_newest
from chaindeck.records.selectors.standing import nodes_all
from chaindeck.records.types import Page

_HASH_CHARACTERS = 64


@require_safe
def blocks(request: HttpRequest) -> HttpResponse:
    """The ledger, the newest block first, from a height or a day on down."""
    place = chain_place()
    know_height(request, None if place is None else place.height)
    page = _blocks(request)
    newest = blocks_page(limit=shown.RIBBON_BLOCKS).rows
    context = {
        "page": page,
        "ribbon": shown.ribbon(newest, pool_newest()),
        "is_first": shown.cursor_of(request) is None and not _filter(request),
        "from": request.GET.get("from", ""),
        "day": request.GET.get("day", ""),
        "behind": shown.behind(place, shown.best_height(nodes_all())),
    }
    return render(request, "pages/blocks.html", context)


def _filter(request: HttpRequest) -> bool:
    return bool(request.GET.get("from") or request.GET.get("day"))


def _blocks(request: HttpRequest) -> Page:
    """Return the rows that the address asks for; a mark wins over a filter."""
    cursor = shown.cursor_of(request)
    try:
        if cursor is not None:
            return blocks_page(cursor=cursor, limit=shown.ROWS)
        if request.GET.get("day"):
            height = height_before(_end_of_day(request.GET["day"]))
            return Page([]) if height is None else _down_from(height)
        if request.GET.get("from"):
            start = shown.parse_height(request.GET["from"])
            return Page([]) if start is None else _down_from(start)
        return blocks_page(limit=shown.ROWS)
    except CursorInvalid as error:
        raise BadRequest(str(error)) from None


def _down_from(height: int) -> Page:
    return blocks_page(cursor=str(height + 1), limit=shown.ROWS)


def _end_of_day(text: str) -> int:
    day = parse_day(text)
    if day is None:
        raise BadRequest("a day is written 2026-01-31")
    return day + 86_400_000


def parse_day(text: str) -> int | None:
    """Return when a day of UTC begins, None where the text is none."""
    try:
        start = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return None
    return (start - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


@require_safe
def block(request: HttpRequest, which: str) -> HttpResponse:
    """One block by height or hash, with its transactions by page."""
    found = _find_block(which)
    place = chain_place()
    know_height(request, None if place is None else place.height)
    height, is_on_chain = found["height"], found["is_on_chain"]
    try:
        page = (
            block_transactions(height=height, cursor=shown.cursor_of(request), limit=shown.ROWS)
            if is_on_chain
            else Page([])
        )
    except CursorInvalid as error:
        raise BadRequest(str(error)) from None
    around = hashes_at([height, height + 1])
    context = {
        "found": {
            **found,
            "fee_per_kb": shown.fee_per_kb(found),
            "rates": shown.rates_of(found),
        },
        "rest": _rest(found["details"]),
        "page": page,
        "next": around.get(height + 1) if is_on_chain else None,
        "instead": None if is_on_chain else around.get(height),
        "depth": shown.depth(place, height) if is_on_chain else None,
        "taken_back": found["details"].get("transactions", ())[: shown.ROWS],
    }
    return render(request, "pages/block.html", context)


def _rest(details: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the rest of a header in the words of people."""
    return [
        (name.replace("_", " ").capitalize(), str(value))
        for name, value in details.items()
        if not isinstance(value, list)
    ]


def _find_block(which: str) -> dict[str, Any]:
    if len(which) == _HASH_CHARACTERS:
        found = block_find(which.lower())
    else:
        height = shown.parse_height(which)
        found = None if height is None else block_find(height)
    if found is None:
        raise Http404
    return found
