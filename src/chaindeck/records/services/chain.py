"""The index of the chain: blocks are put on its end, or taken back, with the events that tell so.

Whatever happens to the process, tables, cursor and events are those of one moment: each call is one
transaction. There is one writer; the row of the cursor is locked against a second one. A block that
is too large to be put on at once, and many that are taken back, go in `pieces`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.db import transaction

from chaindeck.records.bulk import KEYS, delete_in, fetch
from chaindeck.records.errors import BlockDetached, OtherNetwork
from chaindeck.records.indexing import BlockSums, Indexing, hashes_of, write_blocks
from chaindeck.records.limits import MAX_CONFIRMED_TOLD, SWEPT_TRANSACTIONS
from chaindeck.records.models import Block, FollowerCursor, Transaction
from chaindeck.records.models.chain import TxStatus
from chaindeck.records.places import first_place
from chaindeck.records.rows import block_row, transaction_row
from chaindeck.records.services.events import events_append
from chaindeck.records.services.trimming import lower, sweep
from chaindeck.records.services.watching import tell_watched
from chaindeck.records.types import ChainPlace, EventDraft, NewBlock

_CURSOR_ID = 1
_RATES = (
    "SELECT MIN(1000 * fee / size), MAX(1000 * fee / size) FROM transactions"
    " WHERE id > %s AND id < %s"
)
"""Of payments alone: the first of a block is its reward."""


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
        cursor = lock_cursor(target_height)
        left = _left(cursor)
        taken_back: list[dict[str, Any]] = []
        if rewind_to is not None and rewind_to < cursor.height:
            taken_back = lower(cursor, rewind_to)
        fork_height = cursor.height
        staged = cursor.staged_hash if blocks else ""
        if staged not in hashes_of(blocks[:1]):
            _sweep_all(cursor)
        confirmed = _apply(cursor, blocks) if blocks else []
        has_moved = left[0] != fork_height
        cursor.left_height, cursor.left_hash = None, ""
        cursor.save()
        after = place_of_cursor(cursor)
        drafts = [draft("block", "disconnected", row["hash"], row) for row in taken_back]
        if is_told:
            drafts += _tell_blocks(blocks)
            drafts += [draft("transaction", "confirmed", row["id"], row) for row in confirmed]
        if has_moved:
            drafts.append(_tell_reorganisation(left, after, fork_height, len(blocks)))
        if is_told or has_moved:
            drafts.append(tell_tip(after, target_height))
        events_append(drafts=drafts)
        if is_told:
            tell_watched(cursor.address_prefix, blocks)
        return after


def chain_rewind(*, to_height: int) -> ChainPlace:
    """Take back the blocks above a height."""
    return chain_apply(blocks=[], rewind_to=to_height)


def chain_tell_indexing(*, height: int, target: int) -> None:
    """Tell how far catching up has come."""
    data = {"height": height, "target": target, "behind": max(0, target - height)}
    with transaction.atomic():
        events_append(drafts=[draft("chain", "indexing", "chain", data)])


def place_of_cursor(cursor: FollowerCursor) -> ChainPlace:
    return ChainPlace(
        *(cursor.network_id, cursor.genesis_hash, cursor.address_prefix, cursor.start_height),
        *(cursor.height, cursor.hash, cursor.is_forgotten),
    )


def lock_cursor(height: int) -> FollowerCursor:
    """Return the one cursor, for this transaction alone; raise `BlockDetached` where there is none.

    `height` is of the block that somebody wanted to put on.
    """
    found = FollowerCursor.objects.select_for_update().filter(is_forgotten=False).first()
    if found is None:
        raise BlockDetached(height=height, tip=-1)
    return found


def check_attached(cursor: FollowerCursor, blocks: Sequence[NewBlock]) -> None:
    """Raise `BlockDetached` where blocks do not follow the tip, each the one before."""
    height, tip = cursor.height, cursor.hash
    for new in blocks:
        header = new.block.header
        follows = header.previous.hex() == tip if tip else _may_begin(cursor, new)
        if header.height != height + 1 or not follows:
            raise BlockDetached(height=header.height, tip=height)
        height, tip = header.height, header.hash.hex()


def take_from_waiting(ids: Iterable[bytes]) -> list[str]:
    """Forget that some transactions wait; return which of them did."""
    waiting = dict(fetch("SELECT tx_hash, id FROM transactions WHERE id < 0"))
    hashes = [tx_id.hex() for tx_id in ids] if waiting else []
    known = [tx_hash for tx_hash in hashes if tx_hash in waiting]
    keys = [waiting[tx_hash] for tx_hash in known]
    delete_in(f"DELETE FROM transactions WHERE id IN ({KEYS})", keys)
    return known


# Putting on


def _apply(cursor: FollowerCursor, blocks: Sequence[NewBlock]) -> list[dict[str, Any]]:
    """Index blocks and move the cursor; return the rows of what had been seen waiting."""
    check_attached(cursor, blocks)
    # A block that was taken back may come again.
    delete_in(f"DELETE FROM blocks WHERE hash IN ({KEYS})", hashes_of(blocks))
    told = _finish_staged(cursor, blocks) if cursor.staged_hash else _index(cursor, blocks)
    last = blocks[-1].block.header
    cursor.height, cursor.hash, cursor.staged_hash = last.height, last.hash.hex(), ""
    return [transaction_row(row) for row in told[:MAX_CONFIRMED_TOLD]]


def _index(cursor: FollowerCursor, blocks: Sequence[NewBlock]) -> list[Transaction]:
    known = take_from_waiting(tx_id for new in blocks for tx_id in new.block.index.txids)
    Indexing(cursor.address_prefix, is_partial=cursor.start_height > 0).run(blocks)
    return list(Transaction.objects.filter(tx_hash__in=known[:MAX_CONFIRMED_TOLD]))


def _finish_staged(cursor: FollowerCursor, blocks: Sequence[NewBlock]) -> list[Transaction]:
    """Put on a block whose other rows are all there."""
    (new,) = blocks
    height = cursor.height + 1
    first, end = first_place(height), first_place(height + 1)
    ((count, fees, amount),) = fetch(
        "SELECT COUNT(*), COALESCE(SUM(fee), 0), COALESCE(SUM(amount), 0) FROM transactions"
        " WHERE id >= %s AND id < %s",
        [first, end],
    )
    assert count == new.block.header.tx_count, "a block is put on when all of it is staged"
    ((reward, miner),) = fetch("SELECT amount, to_addr FROM transactions WHERE id = %s", [first])
    ((lowest, highest),) = fetch(_RATES, [first, end])
    sums = BlockSums(int(fees), reward, int(amount) - reward, miner, lowest, highest)
    write_blocks(blocks, [sums])
    waited = Transaction.objects.filter(id__gte=first, id__lt=end, status=TxStatus.PENDING)
    keys = list(waited.values_list("id", flat=True))
    waited.update(status=TxStatus.CONFIRMED, block_index=height)
    return list(Transaction.objects.filter(id__in=keys[:MAX_CONFIRMED_TOLD]))


def _may_begin(cursor: FollowerCursor, new: NewBlock) -> bool:
    """Whether a block may be the first: it is the genesis block, or indexing begins above it."""
    return cursor.start_height > 0 or new.block.hash.hex() == cursor.genesis_hash


def _sweep_all(cursor: FollowerCursor) -> None:
    """Remove what lies above the tip. Who has much of it does so in `pieces` before."""
    cursor.staged_hash = ""
    while sweep(cursor, SWEPT_TRANSACTIONS):
        pass


def _left(cursor: FollowerCursor) -> tuple[int, str]:
    """Return the tip that was last told of as such."""
    if cursor.left_height is None:
        return cursor.height, cursor.hash
    return cursor.left_height, cursor.left_hash


# Telling


def _tell_blocks(blocks: Sequence[NewBlock]) -> Iterator[EventDraft]:
    stored = Block.objects.filter(hash__in=hashes_of(blocks)).order_by("block_index")
    return (draft("block", "connected", block.hash, block_row(block)) for block in stored)


def tell_tip(place: ChainPlace, target_height: int) -> EventDraft:
    behind = max(0, target_height - place.height)
    data = {"height": place.height, "tip": place.hash, "behind": behind}
    return draft("chain", "tip", "chain", data)


def draft(topic: str, kind: str, key: str, data: dict[str, Any]) -> EventDraft:
    return EventDraft(topic, kind, key, data)


def _tell_reorganisation(
    left: tuple[int, str], after: ChainPlace, fork_height: int, connected: int
) -> EventDraft:
    data = {
        "from": {"height": left[0], "hash": left[1]},
        "to": {"height": after.height, "hash": after.hash},
        "fork_height": fork_height,
        "disconnected": left[0] - fork_height,
        "connected": connected,
    }
    return draft("chain", "reorganised", "chain", data)
