"""Marks between pages: whole numbers in text, as a page gave them."""

from __future__ import annotations

from chaindeck.records.errors import CursorInvalid
from chaindeck.records.limits import MAX_PAGE_ROWS

_MAX_DIGITS = 19


def read_cursor(text: str | None, count: int = 1) -> tuple[int, ...] | None:
    """Return the numbers of a mark, None for the first page. Raises `CursorInvalid`."""
    if text is None:
        return None
    parts = text.split(".")
    if len(parts) != count or not all(_is_number(part) for part in parts):
        raise CursorInvalid(field="cursor", text=text[:100])
    return tuple(int(part) for part in parts)


def check_limit(limit: int) -> None:
    assert 0 < limit <= MAX_PAGE_ROWS, "a page has a size"


def _is_number(text: str) -> bool:
    digits = text.removeprefix("-")
    return digits.isascii() and digits.isdigit() and len(digits) < _MAX_DIGITS
