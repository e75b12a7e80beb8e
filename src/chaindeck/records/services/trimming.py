"""Takes off the end of the index, inside its caller's transaction, and tells nobody.

First the tip is lowered; what lies above it is no longer of the chain from then on. Its rows are
swept away afterwards, as many at a time as the caller wants.
"""

from __future__ import annotations

from typing import Any

import msgspec

from chaindeck.records.bulk import fetch, insert, run
from chaindeck.records.limits import MAX_PENDING_ROWS, MAX_STALE_IDS
from chaindeck.records.models import Block, FollowerCursor, Transaction
from chaindeck.records.models.chain import TxStatus
from chaindeck.records.places import first_place, first_slot, number_of
from chaindeck.records.rows import block_details, block_row


def lower(cursor: FollowerCursor, to_height: int) -> list[dict[str, Any]]:
    """Make the blocks above a height stale; return their rows, the highest first."""
    assert to_height >= cursor.start_height - 1, "what was never indexed cannot be taken back"
    above = Block.objects.filter(is_on_chain=True, block_index__gt=to_height)
    stale = list(above.order_by("-block_index"))
    _mark_stale(stale)
    move_cursor(cursor, to_height)
    return [block_row(block) for block in stale]


def move_cursor(cursor: FollowerCursor, to_height: int) -> None:
    """Lower the tip. What was staged above the old one is to be swept."""
    below = Block.objects.filter(is_on_chain=True, block_index=to_height).values_list("hash")
    cursor.height = to_height
    cursor.hash = below[0][0] if to_height >= cursor.start_height else ""
    cursor.staged_hash = ""


def sweep(cursor: FollowerCursor, limit: int, *, may_wait: bool = True) -> bool:
    """Remove the rows of the lowest transactions above the tip; return whether more may be there.

    `may_wait` says that the payments among them wait for a block again.
    """
    start = first_place(cursor.height + 1)
    found = fetch("SELECT id FROM transactions WHERE id >= %s ORDER BY id LIMIT %s", [start, limit])
    if not found:
        return False
    stop = found[-1][0] + 1
    waiting = _find_payments(start, stop) if may_wait else []
    run("DELETE FROM transactions WHERE id >= %s AND id < %s", [start, stop])
    _add_waiting(waiting)
    first, last = first_slot(start), first_slot(stop)
    run(
        "UPDATE outputs SET spent_by = NULL WHERE id IN"
        " (SELECT output_id FROM spends WHERE id >= %s AND id < %s AND output_id < %s)",
        [first, last, first],
    )
    for table in ("outputs", "spends", "address_entries"):
        run(f'DELETE FROM "{table}" WHERE id >= %s AND id < %s', [first, last])
    return len(found) == limit


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


def _find_payments(start: int, stop: int) -> list[dict[str, Any]]:
    """Return the payments of some places as rows, unless there are newer ones enough to wait."""
    newer = fetch(
        "SELECT id FROM transactions WHERE id >= %s ORDER BY id LIMIT 1 OFFSET %s",
        [stop, MAX_PENDING_ROWS],
    )
    if newer:
        return []
    columns = _columns()
    names = ", ".join(f'"{name}"' for name in columns)
    rows = fetch(
        f"SELECT {names} FROM transactions WHERE id >= %s AND id < %s ORDER BY id", [start, stop]
    )
    # Rewards are gone with their blocks.
    return [dict(zip(columns, row, strict=True)) for row in rows if number_of(row[0])]


def _add_waiting(payments: list[dict[str, Any]]) -> None:
    ((lowest,),) = fetch("SELECT COALESCE(MIN(id), 0) FROM transactions WHERE id < 0")
    waits = {"status": TxStatus.PENDING, "block_index": None}
    rows = [
        tuple({**payment, **waits, "id": lowest - number}.values())
        for number, payment in enumerate(payments, start=1)
    ]
    insert("transactions", _columns(), rows)


def _columns() -> list[str]:
    return [str(field.column) for field in Transaction._meta.concrete_fields]  # noqa: SLF001 - Django's own way
