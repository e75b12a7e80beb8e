"""The index of the chain: blocks are put on its end, or taken back, with the events that tell so.

Whatever happens to the process, tables, cursor and events are those of one moment: each call is one
transaction. There is one writer; the row of the cursor is locked against a second one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from django.db import transaction

from chaindeck.records.bulk import KEYS, delete_in, fetch, insert, run
from chaindeck.records.errors import BlockDetached, OtherNetwork
from chaindeck.records.indexing import Indexing, hashes_of
from chaindeck.records.limits import MAX_CONFIRMED_TOLD, MAX_PENDING_ROWS, MAX_STALE_IDS
from chaindeck.records.models import Block, FollowerCursor, Transaction
from chaindeck.records.models.chain import TxStatus
from chaindeck.records.places import first_place, first_slot, number_of
from chaindeck.records.rows import block_details, block_row, transaction_row
from chaindeck.records.services.events import events_append
from chaindeck.records.types import ChainPlace, EventDraft, NewBlock

_CURSOR_ID = 1
_TABLES = (
    *("blocks", "transactions", "outputs", "spends", "address_entries", "addresses"),
    "follower_cursors",
)


def chain_begin(
    *, network_id: str, genesis_hash: str, address_prefix: str, start_height: int = 0
) -> ChainPlace:
    """Say which network is indexed, and from which height; return how far it is.

    Once begun, the same network goes on where it was. Raises `OtherNetwork`.
    """
    with transaction.atomic():
        cursor, _ = FollowerCursor.objects.select_for_update().get_or_create(
            id=_CURSOR_ID,
            defaults={
                "network_id": network_id,
                "genesis_hash": genesis_hash,
                "address_prefix": address_prefix,
                "start_height": start_height,
                "height": start_height - 1,
                "hash": "",
            },
        )
        if (cursor.network_id, cursor.genesis_hash) != (network_id, genesis_hash):
            raise OtherNetwork(actual=network_id, expected=cursor.network_id)
        return place_of_cursor(cursor)


def chain_apply(
    *,
    blocks: Sequence[NewBlock],
    rewind_to: int | None = None,
    is_told: bool = True,
    target_height: int = 0,
) -> ChainPlace:
    """Put blocks on the end of the chain, after taking back those above `rewind_to`.

    `is_told` False makes no event for each block: who catches up by the thousand tells how far it
    is now and then (`chain_tell_indexing`). `target_height` is where the chain is known to end.
    Raises `BlockDetached` where the blocks do not fit, and `OutputMissing`; then nothing changed.
    """
    assert blocks or rewind_to is not None, "there is something to do"
    with transaction.atomic():
        cursor = FollowerCursor.objects.select_for_update().get(id=_CURSOR_ID)
        before = place_of_cursor(cursor)
        taken_back: list[dict[str, Any]] = []
        if rewind_to is not None and rewind_to < cursor.height:
            taken_back = _rewind(cursor, rewind_to)
        confirmed = _apply(cursor, blocks) if blocks else []
        cursor.save()
        after = place_of_cursor(cursor)
        drafts = [_draft("block", "disconnected", row["hash"], row) for row in taken_back]
        if is_told:
            drafts += _tell_blocks(blocks)
            drafts += [_draft("transaction", "confirmed", row["id"], row) for row in confirmed]
        if taken_back:
            drafts.append(_tell_reorganisation(before, after, len(taken_back), len(blocks)))
        if is_told or taken_back:
            drafts.append(_tell_tip(after, target_height))
        events_append(drafts=drafts)
        return after


def chain_rewind(*, to_height: int) -> ChainPlace:
    """Take back the blocks above a height."""
    return chain_apply(blocks=[], rewind_to=to_height)


def chain_reset() -> None:
    """Forget the chain, so that another can be indexed, or the same anew. Takes its time."""
    with transaction.atomic():
        for table in _TABLES:
            run(f'DELETE FROM "{table}"')
        tip = {"height": -1, "tip": "", "behind": 0, "is_reset": True}
        events_append(drafts=[_draft("chain", "tip", "chain", tip)])


def chain_tell_indexing(*, height: int, target: int) -> None:
    """Tell how far catching up has come."""
    data = {"height": height, "target": target, "behind": max(0, target - height)}
    with transaction.atomic():
        events_append(drafts=[_draft("chain", "indexing", "chain", data)])


def place_of_cursor(cursor: FollowerCursor) -> ChainPlace:
    return ChainPlace(
        *(cursor.network_id, cursor.genesis_hash, cursor.address_prefix, cursor.start_height),
        *(cursor.height, cursor.hash),
    )


# Putting on


def _apply(cursor: FollowerCursor, blocks: Sequence[NewBlock]) -> list[dict[str, Any]]:
    """Index blocks and move the cursor; return the rows of what had been seen waiting."""
    _check_attached(cursor, blocks)
    # A block that was taken back may come again.
    delete_in(f"DELETE FROM blocks WHERE hash IN ({KEYS})", hashes_of(blocks))
    pending = dict(fetch("SELECT tx_hash, id FROM transactions WHERE id < 0"))
    ids = [tx_id.hex() for new in blocks for tx_id in new.block.index.txids] if pending else []
    known = [tx_hash for tx_hash in ids if tx_hash in pending]
    waited = [pending[tx_hash] for tx_hash in known]
    delete_in(f"DELETE FROM transactions WHERE id IN ({KEYS})", waited)
    Indexing(cursor.address_prefix, is_partial=cursor.start_height > 0).run(blocks)
    last = blocks[-1].block.header
    cursor.height, cursor.hash = last.height, last.hash.hex()
    told = Transaction.objects.filter(tx_hash__in=known[:MAX_CONFIRMED_TOLD])
    return [transaction_row(row) for row in told]


def _check_attached(cursor: FollowerCursor, blocks: Sequence[NewBlock]) -> None:
    height, tip = cursor.height, cursor.hash
    for new in blocks:
        header = new.block.header
        follows = header.previous.hex() == tip if tip else _may_begin(cursor, new)
        if header.height != height + 1 or not follows:
            raise BlockDetached(height=header.height, tip=height)
        height, tip = header.height, header.hash.hex()


def _may_begin(cursor: FollowerCursor, new: NewBlock) -> bool:
    """Whether a block may be the first: it is the genesis block, or indexing begins above it."""
    return cursor.start_height > 0 or new.block.hash.hex() == cursor.genesis_hash


# Taking back


def _rewind(cursor: FollowerCursor, to_height: int) -> list[dict[str, Any]]:
    """Undo the blocks above a height; return their rows, the highest first."""
    assert to_height >= cursor.start_height - 1, "what was never indexed cannot be taken back"
    place = first_place(to_height + 1)
    slot = first_slot(place)
    stale = list(
        Block.objects.filter(is_on_chain=True, block_index__gt=to_height).order_by("-block_index")
    )
    _mark_stale(stale)
    _return_to_waiting(place)
    run(
        "UPDATE outputs SET spent_by = NULL WHERE id IN"
        " (SELECT output_id FROM spends WHERE id >= %s AND output_id < %s)",
        [slot, slot],
    )
    for table in ("outputs", "spends", "address_entries"):
        run(f'DELETE FROM "{table}" WHERE id >= %s', [slot])
    below = Block.objects.filter(is_on_chain=True, block_index=to_height).values_list("hash")
    cursor.height = to_height
    cursor.hash = below[0][0] if to_height >= cursor.start_height else ""
    return [block_row(block) for block in stale]


def _mark_stale(stale: list[Block]) -> None:
    """Keep of blocks that are taken back which transactions they had."""
    for block in stale:
        first = first_place(block.block_index)
        ids = fetch(
            "SELECT tx_hash FROM transactions WHERE id >= %s AND id < %s ORDER BY id LIMIT %s",
            [first, first_place(block.block_index + 1), MAX_STALE_IDS],
        )
        block.is_on_chain = False
        details = {**block_details(block), "transactions": [tx_hash for (tx_hash,) in ids]}
        block.data = msgspec.json.encode(details).decode()
    Block.objects.bulk_update(stale, ["is_on_chain", "data"], batch_size=100)


def _return_to_waiting(place: int) -> None:
    """Payments of blocks that are taken back wait again, the newest; rewards are gone."""
    columns = [str(field.column) for field in Transaction._meta.concrete_fields]  # noqa: SLF001 - Django's own way
    names = ", ".join(f'"{name}"' for name in columns)
    rows = fetch(
        f"SELECT {names} FROM transactions WHERE id >= %s ORDER BY id DESC LIMIT %s",
        [place, MAX_PENDING_ROWS],
    )
    run("DELETE FROM transactions WHERE id >= %s", [place])
    ((lowest,),) = fetch("SELECT COALESCE(MIN(id), 0) FROM transactions WHERE id < 0")
    payments = [
        {**dict(zip(columns, row, strict=True)), "status": TxStatus.PENDING, "block_index": None}
        for row in rows
        if number_of(row[0])
    ]
    for number, payment in enumerate(reversed(payments), start=1):
        payment["id"] = lowest - number
    insert("transactions", columns, [tuple(payment.values()) for payment in payments])


# Telling


def _tell_blocks(blocks: Sequence[NewBlock]) -> Iterator[EventDraft]:
    stored = Block.objects.filter(hash__in=hashes_of(blocks)).order_by("block_index")
    return (_draft("block", "connected", block.hash, block_row(block)) for block in stored)


def _tell_reorganisation(
    before: ChainPlace, after: ChainPlace, disconnected: int, connected: int
) -> EventDraft:
    data = {
        "from": {"height": before.height, "hash": before.hash},
        "to": {"height": after.height, "hash": after.hash},
        "fork_height": before.height - disconnected,
        "disconnected": disconnected,
        "connected": connected,
    }
    return _draft("chain", "reorganised", "chain", data)


def _tell_tip(place: ChainPlace, target_height: int) -> EventDraft:
    behind = max(0, target_height - place.height)
    data = {"height": place.height, "tip": place.hash, "behind": behind}
    return _draft("chain", "tip", "chain", data)


def _draft(topic: str, kind: str, key: str, data: dict[str, Any]) -> EventDraft:
    return EventDraft(topic, kind, key, data)
