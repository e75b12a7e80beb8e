"""Tells in the activity log what new blocks did to the addresses that people watch."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final

from chaindeck.ledger.addresses import decode_address
from chaindeck.ledger.errors import AddressError
from chaindeck.records.bulk import KEYS, fetch_in
from chaindeck.records.limits import MAX_WATCH_LINES
from chaindeck.records.models import Address, AddressLabel
from chaindeck.records.places import first_place, first_slot, height_of, place_of
from chaindeck.records.services.activity import activity_log
from chaindeck.records.types import NewBlock
from chaindeck.wallet.amounts import show_coins

_MOVED: Final = (
    "SELECT address_id, id, received, spent FROM address_entries"
    f" WHERE address_id IN ({KEYS}) AND id >= %d AND id < %d"
)


def tell_watched(prefix: str, blocks: Sequence[NewBlock]) -> None:
    """Write a line for each watched address and block, in the transaction of the blocks."""
    names = _watched(prefix)
    if not names or not blocks:
        return
    sums: dict[tuple[int, int], list[int]] = {}
    for owner, slot, received, spent in _entries(names, blocks):
        change = sums.setdefault((owner, height_of(place_of(slot))), [0, 0])
        change[0] += received
        change[1] += spent
    for (owner, height), change in sorted(sums.items(), key=_by_height)[:MAX_WATCH_LINES]:
        activity_log(action="address-moved", description=_say(names[owner], height, *change))


def _by_height(item: tuple[tuple[int, int], list[int]]) -> tuple[int, int]:
    (owner, height), _ = item
    return height, owner


def _watched(prefix: str) -> dict[int, str]:
    """Return the key of each watched address that a block ever named, and what to call it."""
    called: dict[str, str] = {}
    for address, label in AddressLabel.objects.filter(is_watched=True).values_list(
        "address", "label"
    ):
        try:
            key_hash = decode_address(address, prefix).hex()
        except AddressError:
            # Of another network, which this installation followed before.
            continue
        called[key_hash] = label or address
    if not called:
        return {}
    found = Address.objects.filter(key_hash__in=called).values_list("id", "key_hash")
    return {owner: called[key_hash] for owner, key_hash in found}


def _entries(owners: Collection[int], blocks: Sequence[NewBlock]) -> Iterator[tuple[Any, ...]]:
    first, last = (blocks[end].block.header.height for end in (0, -1))
    start, end = (first_slot(first_place(height)) for height in (first, last + 1))
    return fetch_in(_MOVED % (start, end), owners)


def _say(name: str, height: int, received: int, spent: int) -> str:
    amount = show_coins(abs(received - spent))
    verb = "received" if received >= spent else "paid"
    return f"{name} {verb} {amount} coins in block {height:,}"
