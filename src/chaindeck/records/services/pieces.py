"""The same chain in pieces, each a transaction of the database that holds its writer only shortly.

Rows above the tip are not of the chain (`places.END_PLACE`), so they can be written before a block
is put on, and removed after it was taken back. Killed between two pieces, the index is where its
cursor says, and whoever goes on sweeps or finishes what lies above. `chain_apply` needs none of
this: it does whatever is left to do, at once.
"""

from __future__ import annotations

from django.db import transaction

from chaindeck.records.bulk import KEYS, delete_in, fetch, run
from chaindeck.records.indexing import Indexing
from chaindeck.records.limits import (
    MAX_FORGOTTEN_BLOCKS,
    MAX_STALE_IDS,
    MAX_TAKEN_BACK_BLOCKS,
    SWEPT_TRANSACTIONS,
)
from chaindeck.records.models import FollowerCursor
from chaindeck.records.models.chain import TxStatus
from chaindeck.records.places import first_place, number_of
from chaindeck.records.services.chain import (
    check_attached,
    draft,
    lock_cursor,
    place_of_cursor,
    take_from_waiting,
    tell_tip,
)
from chaindeck.records.services.events import events_append
from chaindeck.records.services.trimming import lower, move_cursor, sweep
from chaindeck.records.types import NewBlock


def chain_stage(*, new: NewBlock, limit: int) -> bool:
    """Write the rows of the next transactions of a block above the tip, and tell nobody.

    Returns whether there are more; once there are none, `chain_apply` puts the block on. Raises
    `BlockDetached` and `OutputMissing`.
    """
    with transaction.atomic():
        cursor = lock_cursor(new.block.header.height)
        check_attached(cursor, [new])
        block_hash = new.block.hash.hex()
        if cursor.staged_hash != block_hash and sweep(cursor, limit):
            return True
        first = first_place(cursor.height + 1)
        ((last,),) = fetch("SELECT MAX(id) FROM transactions WHERE id >= %s", [first])
        start = 0 if last is None else number_of(last) + 1
        stop = min(start + limit, new.block.header.tx_count)
        waited = take_from_waiting(new.block.index.txids[start:stop])
        is_partial = cursor.start_height > 0
        Indexing(cursor.address_prefix, is_partial=is_partial).stage(new, start, stop)
        # Until the block is put on they wait, and then it is told that they do no longer.
        delete_in(
            f"UPDATE transactions SET status = '{TxStatus.PENDING}', block_index = NULL"
            f" WHERE tx_hash IN ({KEYS})",
            waited,
        )
        cursor.staged_hash = block_hash
        cursor.save()
        return stop < new.block.header.tx_count


def chain_take_back(*, to_height: int, limit: int, target_height: int = 0) -> bool:
    """Take back some of the blocks above a height, from the top, and tell of each.

    Returns whether so many are left that it should be called again; the rest, or none, is for
    `chain_apply` with this height as `rewind_to`. `limit` is of transactions.
    """
    with transaction.atomic():
        cursor = lock_cursor(to_height)
        above = fetch(
            "SELECT block_index, tx_count FROM blocks WHERE is_on_chain = %s AND block_index > %s"
            " ORDER BY block_index DESC LIMIT %s",
            [True, to_height, MAX_TAKEN_BACK_BLOCKS + 1],
        )
        if len(above) <= MAX_TAKEN_BACK_BLOCKS and sum(count for _, count in above) <= limit:
            return False
        height = _below(above[:MAX_TAKEN_BACK_BLOCKS], limit)
        if cursor.left_height is None:
            cursor.left_height, cursor.left_hash = cursor.height, cursor.hash
        rows = lower(cursor, height)
        cursor.save()
        drafts = [draft("block", "disconnected", row["hash"], row) for row in rows]
        events_append(drafts=[*drafts, tell_tip(place_of_cursor(cursor), target_height)])
        return True


def chain_sweep(*, keep: str = "", limit: int = SWEPT_TRANSACTIONS) -> bool:
    """Remove some rows above the tip, unless they are staged for the block with the hash `keep`.

    Returns whether there may be more.
    """
    with transaction.atomic():
        cursor = FollowerCursor.objects.select_for_update().first()
        if cursor is None or (keep and cursor.staged_hash == keep):
            return False
        if cursor.staged_hash:
            cursor.staged_hash = ""
            cursor.save()
        return sweep(cursor, limit)


def chain_reset() -> None:
    """Forget the chain, so that another can be indexed, or the same anew. Takes its time."""
    FollowerCursor.objects.update(is_forgotten=True)
    while chain_forget():
        pass


def chain_forget(*, limit: int = SWEPT_TRANSACTIONS) -> bool:
    """Remove a piece of an index that is to be forgotten; return whether there may be more."""
    with transaction.atomic():
        cursor = FollowerCursor.objects.select_for_update().filter(is_forgotten=True).first()
        if cursor is None:
            return False
        if sweep(cursor, limit, may_wait=False) or _forget_blocks(cursor, limit):
            return True
        if _delete_some("transactions", limit) or _delete_some("addresses", limit):
            return True
        cursor.delete()
        tip = {"height": -1, "tip": "", "behind": 0, "is_reset": True}
        events_append(drafts=[draft("chain", "tip", "chain", tip)])
        return False


def _below(above: list[tuple[int, int]], limit: int) -> int:
    """Return down to which height blocks may go, whose ids are kept with them: one at least."""
    total = 0
    lowest: int = above[0][0]
    for height, count in above:
        total += min(count, MAX_STALE_IDS)
        if total > limit and height != above[0][0]:
            break
        lowest = height
    return lowest - 1


def _forget_blocks(cursor: FollowerCursor, limit: int) -> bool:
    """Lower the tip of an index that is to be forgotten; return whether there was a block left."""
    above = fetch(
        "SELECT block_index, tx_count FROM blocks WHERE is_on_chain = %s"
        " ORDER BY block_index DESC LIMIT %s",
        [True, MAX_FORGOTTEN_BLOCKS],
    )
    height = _below(above, limit) if above else -1
    if above:
        move_cursor(cursor, height)
        cursor.save()
    return run("DELETE FROM blocks WHERE block_index > %s", [height]) > 0


def _delete_some(table: str, limit: int) -> bool:
    """Remove some rows, whichever; return whether there were any."""
    some = f'SELECT id FROM "{table}" LIMIT %s'
    return run(f'DELETE FROM "{table}" WHERE id IN ({some})', [limit]) > 0
