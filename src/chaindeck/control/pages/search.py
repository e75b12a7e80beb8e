"""One box for all: what a text may mean, best meaning first. A single one is gone to at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from chaindeck.control.pages import shown
from chaindeck.control.pages.chain import parse_day
from chaindeck.control.templatetags.deck import short
from chaindeck.ledger.addresses import decode_address
from chaindeck.ledger.errors import AddressError
from chaindeck.records.selectors.chain import chain_place, find_kind
from chaindeck.records.selectors.finding import (
    blocks_beginning,
    height_before,
    labels_containing,
    transactions_beginning,
)

_LONGEST: Final = 200
_LEAST_DIGITS: Final = 6
"""Of the beginning of a hash; fewer say little and a height says more."""

_HEX: Final = frozenset("0123456789abcdef")
_DAY_MS: Final = 86_400_000


class Hit(msgspec.Struct, frozen=True):
    """Something that the text may mean."""

    title: str
    kind: str
    url: str


@require_safe
def show(request: HttpRequest) -> HttpResponse:
    text = request.GET.get("q", "").strip()[:_LONGEST]
    hits = list(_find(text)) if text else []
    if request.GET.get("suggest"):
        return JsonResponse({"suggestions": msgspec.to_builtins(hits)})
    if len(hits) == 1:
        return redirect(hits[0].url)
    return render(request, "pages/search.html", {"text": text, "hits": hits})


def _find(text: str) -> Iterator[Hit]:
    lowered = text.lower()
    yield from _heights(text)
    yield from _days(text)
    yield from _hashes(lowered)
    yield from _addresses(lowered)
    for address, label in labels_containing(text):
        yield Hit(label, f"address {short(address)}", reverse("address", args=[address]))


def _heights(text: str) -> Iterator[Hit]:
    height, place = shown.parse_height(text), chain_place()
    if height is not None and place is not None and place.start_height <= height <= place.height:
        yield Hit(f"Block {height:,}", "height", reverse("block", args=[height]))


def _days(text: str) -> Iterator[Hit]:
    start = parse_day(text)
    if start is not None and height_before(start + _DAY_MS) is not None:
        yield Hit(f"Blocks up to {text}", "day", f"{reverse('blocks')}?day={text}")


def _hashes(text: str) -> Iterator[Hit]:
    if len(text) < _LEAST_DIGITS or not set(text) <= _HEX or len(text) > 64:
        return
    if len(text) == 64:
        # What is not indexed may wait at a node, which the page of a transaction asks.
        kind = find_kind(text) or "id that is not indexed"
        url = reverse("block" if kind == "block" else "transaction", args=[text])
        yield Hit(short(text), kind, url)
        return
    for block_hash, height in blocks_beginning(text):
        title = f"Block {height:,}, {short(block_hash)}"
        yield Hit(title, "block", reverse("block", args=[block_hash]))
    for tx_id in transactions_beginning(text):
        yield Hit(short(tx_id), "transaction", reverse("transaction", args=[tx_id]))


def _addresses(text: str) -> Iterator[Hit]:
    place = chain_place()
    if place is None:
        return
    try:
        decode_address(text, place.address_prefix)
    except AddressError:
        return
    yield Hit(short(text), "address", reverse("address", args=[text]))
