"""The chain as it is indexed: how far it is, its blocks and its transactions."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec

from chaindeck.records.bulk import KEYS, fetch, fetch_in
from chaindeck.records.models import Block, FollowerCursor, Transaction
from chaindeck.records.models.chain import TxStatus
from chaindeck.records.places import END_PLACE, first_place, first_slot, height_of, index_of
from chaindeck.records.rows import block_details, block_row, transaction_row
from chaindeck.records.selectors.ending import index_end
from chaindeck.records.selectors.paging import check_limit, read_cursor
from chaindeck.records.types import ChainPlace, Page

_LISTED = 1_000
"""Inputs, and outputs, of one transaction that are listed; the node knows all."""

_HASH_CHARACTERS = 64
_HEX = frozenset("0123456789abcdef")
_OUTPUTS = (
    "SELECT o.id, a.address, o.amount, o.data, o.spent_by, s.tx_hash FROM outputs o"
    " LEFT JOIN addresses a ON a.id = o.address_id LEFT JOIN transactions s ON s.id = o.spent_by"
    f" AND s.id < {END_PLACE}"
    " WHERE o.id >= %s AND o.id < %s ORDER BY o.id LIMIT %s"
)
_OUTPUTS_AT = (
    "SELECT o.id, a.address, o.amount FROM outputs o"
    f" LEFT JOIN addresses a ON a.id = o.address_id WHERE o.id IN ({KEYS})"
)
_INPUTS = (
    "SELECT s.output_id, s.outpoint, t.tx_hash, a.address, o.amount FROM spends s"
    " LEFT JOIN outputs o ON o.id = s.output_id LEFT JOIN addresses a ON a.id = o.address_id"
    " LEFT JOIN transactions t ON t.id = s.output_id / %s"
    " WHERE s.id >= %s AND s.id < %s ORDER BY s.id LIMIT %s"
)


class TransactionDetails(msgspec.Struct, frozen=True):
    """A row of the list, with what it spends and makes; of what waits, a node knows those."""

    row: dict[str, Any]
    inputs: list[dict[str, Any]]
    outputs: list[dict[str, Any]]


def chain_place() -> ChainPlace | None:
    """Return how far the index is, None before it has begun."""
    cursor = FollowerCursor.objects.first()
    return (
        None
        if cursor is None
        else ChainPlace(
            *(cursor.network_id, cursor.genesis_hash, cursor.address_prefix, cursor.start_height),
            *(cursor.height, cursor.hash, cursor.is_forgotten),
        )
    )


def chain_work() -> int:
    """Return the work of the chain as far as it is indexed, 0 where no block is."""
    cursor = FollowerCursor.objects.first()
    tip = None if cursor is None else Block.objects.filter(hash=cursor.hash).first()
    return 0 if tip is None else int(tip.work)


def hashes_at(heights: Collection[int]) -> dict[int, str]:
    """Return the hashes of the chain's blocks at some heights, as far as there are any."""
    rows = Block.objects.filter(is_on_chain=True, block_index__in=list(heights))
    return dict(rows.values_list("block_index", "hash"))


def blocks_page(*, cursor: str | None = None, limit: int = 25) -> Page:
    """Return blocks of the chain, the newest first. Raises `CursorInvalid`."""
    check_limit(limit)
    mark = read_cursor(cursor)
    found = Block.objects.filter(is_on_chain=True).order_by("-block_index")
    if mark is not None:
        found = found.filter(block_index__lt=mark[0])
    rows = [block_row(block) for block in found[: limit + 1]]
    return _page(rows, limit, "height")


def block_find(which: int | str) -> dict[str, Any] | None:
    """Return a block of the chain by height, or any by hash: `details` has the rest of it."""
    found = Block.objects.all()
    if isinstance(which, int):
        found = found.filter(is_on_chain=True, block_index=which)
    else:
        found = found.filter(hash=which)
    block = found.first()
    return None if block is None else {**block_row(block), "details": block_details(block)}


def block_transactions(*, height: int, cursor: str | None = None, limit: int = 25) -> Page:
    """Return the transactions of a block of the chain in their order. Raises `CursorInvalid`."""
    check_limit(limit)
    mark = read_cursor(cursor)
    first, end = first_place(height), first_place(height + 1)
    after = first - 1 if mark is None else first + mark[0]
    found = Transaction.objects.filter(id__gt=after, id__lt=end)
    found = found.filter(id__lt=index_end()).order_by("id")
    return _page([transaction_row(row) for row in found[: limit + 1]], limit, "number")


def transactions_page(*, cursor: str | None = None, limit: int = 25) -> Page:
    """Return transactions of the chain, the newest first. Raises `CursorInvalid`."""
    check_limit(limit)
    mark = read_cursor(cursor)
    found = Transaction.objects.filter(id__gte=0, id__lt=index_end()).order_by("-id")
    if mark is not None:
        found = found.filter(id__lt=mark[0])
    rows = list(found[: limit + 1])
    more = str(rows[limit - 1].id) if len(rows) > limit else None
    return Page([transaction_row(row) for row in rows[:limit]], more)


def transactions_waiting(*, limit: int = 25, is_oldest_first: bool = False) -> list[dict[str, Any]]:
    """Return transactions that are known to wait, the newest first or the oldest."""
    check_limit(limit)
    order = "-id" if is_oldest_first else "id"
    found = Transaction.objects.filter(id__lt=0, status=TxStatus.PENDING).order_by(order)
    return [transaction_row(row) for row in found[:limit]]


def transaction_find(tx_hash: str) -> TransactionDetails | None:
    row = Transaction.objects.annotate(end=index_end()).filter(tx_hash=tx_hash).first()
    if row is None:
        return None
    is_staged = row.id >= (row.end or 0)
    if is_staged and row.status != TxStatus.PENDING:
        return None
    if is_staged or row.id < 0:
        return TransactionDetails(transaction_row(row, is_on_chain=False), [], [])
    span = [first_slot(row.id), first_slot(row.id + 1), _LISTED]
    return TransactionDetails(
        transaction_row(row),
        [_input(*found) for found in fetch(_INPUTS, [first_slot(1), *span])],
        [_output(*found) for found in fetch(_OUTPUTS, span)],
    )


def outputs_at(places: Collection[tuple[str, int]]) -> dict[tuple[str, int], dict[str, Any]]:
    """Return address and amount of outputs by transaction and index, of those that are indexed."""
    hashes = {tx_hash for tx_hash, _ in places}
    found = Transaction.objects.filter(id__gte=0, id__lt=index_end(), tx_hash__in=hashes)
    ids = dict(found.values_list("tx_hash", "id"))
    slots = {
        first_slot(ids[tx_hash]) + index: (tx_hash, index)
        for tx_hash, index in places
        if tx_hash in ids
    }
    return {
        slots[slot]: {"address": address, "amount": amount}
        for slot, address, amount in fetch_in(_OUTPUTS_AT, slots)
    }


def is_hash(text: str) -> bool:
    """Whether a text has the form of a hash or an id: 64 lower-case hexadecimal digits."""
    return len(text) == _HASH_CHARACTERS and set(text) <= _HEX


def find_kind(text: str) -> str | None:
    """Say what 64 hexadecimal digits name: `block` or `transaction`, None for neither."""
    if not is_hash(text):
        return None
    ((block, transaction),) = fetch(
        "SELECT EXISTS(SELECT 1 FROM blocks WHERE hash = %s),"
        f" EXISTS(SELECT 1 FROM transactions WHERE tx_hash = %s AND id < {END_PLACE})",
        [text, text],
    )
    return "block" if block else "transaction" if transaction else None


def _page(rows: list[dict[str, Any]], limit: int, mark: str) -> Page:
    more = str(rows[limit - 1][mark]) if len(rows) > limit else None
    return Page(rows[:limit], more)


def _input(
    slot: int | None, outpoint: str, tx_hash: str | None, address: str | None, amount: int | None
) -> dict[str, Any]:
    if slot is None:
        origin, _, index = outpoint.partition(":")
        return {"tx_id": origin, "output_index": int(index), "address": None, "amount": None}
    return {
        "tx_id": tx_hash,
        "output_index": index_of(slot),
        "address": address,
        "amount": amount,
    }


def _output(
    slot: int,
    address: str | None,
    amount: int,
    data: str | None,
    spent_by: int | None,
    spender: str | None,
) -> dict[str, Any]:
    return {
        "output_index": index_of(slot),
        "address": address,
        "amount": amount,
        "data": data,
        "spent_by": spender,
        "spent_height": None if spent_by is None or spender is None else height_of(spent_by),
    }
