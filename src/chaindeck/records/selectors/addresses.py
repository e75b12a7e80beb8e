"""Addresses: what each holds, held at a moment, and what happened to it."""

from __future__ import annotations

from typing import Any

from chaindeck.records.bulk import fetch, read_moment, stored_moment, time_ms_of
from chaindeck.records.models import AddressLabel
from chaindeck.records.places import (
    END_SLOT,
    first_place,
    first_slot,
    height_of,
    index_of,
    number_of,
    place_of,
)
from chaindeck.records.selectors.paging import check_limit, read_cursor
from chaindeck.records.types import Page

_NEWEST = (
    "SELECT a.id, e.id, e.total_received, e.total_spent, e.number FROM addresses a"
    " JOIN address_entries e ON e.id = (SELECT x.id FROM address_entries x"
    f" WHERE x.address_id = a.id AND x.id < {END_SLOT} AND x.id < %s ORDER BY x.id DESC LIMIT 1)"
    " WHERE a.key_hash = %s"
)
_HISTORY = (
    "SELECT e.id, e.received, e.spent, e.total_received, e.total_spent, t.tx_hash, t.timestamp"
    " FROM address_entries e JOIN transactions t ON t.id = e.id / %s"
    f" WHERE e.address_id = (SELECT id FROM addresses WHERE key_hash = %s) AND e.id < {END_SLOT}"
    " AND e.id < %s"
    " ORDER BY e.id DESC LIMIT %s"
)
_COINS = (
    "SELECT o.id, o.amount, t.tx_hash, t.timestamp"
    " FROM outputs o JOIN transactions t ON t.id = o.id / %s"
    " WHERE o.address_id = (SELECT id FROM addresses WHERE key_hash = %s)"
    f" AND o.spent_by IS NULL AND o.id < {END_SLOT} AND o.id < %s"
    " ORDER BY o.id DESC LIMIT %s"
)
_NO_END = (1 << 63) - 1
_SLOTS_A_PLACE = 1 << 16
"""What a slot is divided by to have its place."""


def address_summary(key_hash: str) -> dict[str, Any] | None:
    """Return the sums of an owner (20 bytes in hexadecimal), None where nothing concerns it."""
    found = fetch(_NEWEST, [_NO_END, key_hash])
    if not found:
        return None
    ((_, slot, received, spent, number),) = found
    return {
        "balance": received - spent,
        "received": received,
        "spent": spent,
        "tx_count": number,
        "last_height": height_of(place_of(slot)),
    }


def address_history(key_hash: str, *, cursor: str | None = None, limit: int = 25) -> Page:
    """Return what transactions did to an owner, the newest first. Raises `CursorInvalid`."""
    check_limit(limit)
    mark = read_cursor(cursor)
    before = _NO_END if mark is None else mark[0]
    found = fetch(_HISTORY, [_SLOTS_A_PLACE, key_hash, before, limit + 1])
    rows = [_entry(*row) for row in found[:limit]]
    return Page(rows, str(found[limit - 1][0]) if len(found) > limit else None)


def address_coins(key_hash: str, *, cursor: str | None = None, limit: int = 25) -> Page:
    """Return what an owner has and nobody spent, the newest first. Raises `CursorInvalid`."""
    check_limit(limit)
    mark = read_cursor(cursor)
    before = _NO_END if mark is None else mark[0]
    found = fetch(_COINS, [_SLOTS_A_PLACE, key_hash, before, limit + 1])
    rows = [_coin(*row) for row in found[:limit]]
    return Page(rows, str(found[limit - 1][0]) if len(found) > limit else None)


def address_balance_at(key_hash: str, *, time_ms: int) -> int:
    """Return what an owner held at a moment, by the times of blocks."""
    ((height,),) = fetch(
        "SELECT MIN(block_index) FROM blocks WHERE is_on_chain = %s AND timestamp > %s",
        [True, stored_moment(time_ms)],
    )
    end = _NO_END if height is None else first_slot(first_place(height))
    found = fetch(_NEWEST, [end, key_hash])
    return found[0][2] - found[0][3] if found else 0


def address_labels(*, watched: bool | None = None) -> dict[str, str]:
    """Return the names that people gave to addresses: all, or those that are watched or not."""
    found = AddressLabel.objects.all()
    if watched is not None:
        found = found.filter(is_watched=watched)
    return dict(found.values_list("address", "label"))


def _coin(slot: int, amount: int, tx: str, at: object) -> dict[str, Any]:
    place = place_of(slot)
    return {
        "tx_id": tx,
        "output_index": index_of(slot),
        "amount": amount,
        "height": height_of(place),
        "is_reward": number_of(place) == 0,
        "time_ms": time_ms_of(read_moment(at)),
    }


def _entry(
    slot: int, received: int, spent: int, total_received: int, total_spent: int, tx: str, at: object
) -> dict[str, Any]:
    place = place_of(slot)
    return {
        "tx_id": tx,
        "height": height_of(place),
        "number": number_of(place),
        "time_ms": time_ms_of(read_moment(at)),
        "received": received,
        "spent": spent,
        "balance": total_received - total_spent,
    }
