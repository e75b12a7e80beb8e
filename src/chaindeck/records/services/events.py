"""The journal: events are added in the transaction that writes what they tell of, and pruned."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from django.db import connection, transaction

from chaindeck.records.bulk import fetch, insert, now_ms, run
from chaindeck.records.limits import (
    EVENTS_KEPT_S,
    EVENTS_LEAST,
    EVENTS_MOST,
    MAX_EVENT_BYTES,
    PRUNE_ROWS,
)
from chaindeck.records.types import KINDS, EventDraft, EventRow

__all__ = ["EventDraft", "events_append", "events_prune", "journal_try"]

_COLUMNS = ("seq", "time_ms", "topic", "kind", "key", "data")
_TAKE = "UPDATE journal SET last_seq = last_seq + %s WHERE id = 1 RETURNING last_seq"


def events_append(*, drafts: Sequence[EventDraft], time_ms: int | None = None) -> list[EventRow]:
    """Number and keep events inside the caller's transaction; return them.

    Numbers have no gap and no repeat: the row of the journal is locked until the transaction ends,
    and a transaction that fails gives its numbers back.
    """
    assert connection.in_atomic_block, "an event belongs to the transaction that it tells of"
    if not drafts:
        return []
    ((last,),) = fetch(_TAKE, [len(drafts)])
    moment = now_ms() if time_ms is None else time_ms
    rows = [
        _row(draft, seq, moment) for seq, draft in enumerate(drafts, start=last - len(drafts) + 1)
    ]
    insert("events", _COLUMNS, [msgspec.structs.astuple(row) for row in rows])
    return rows


def journal_try() -> None:
    """Write to the journal what stands in it; raise Django's error where nothing can be written."""
    run("UPDATE journal SET last_seq = last_seq WHERE id = 1")


def events_prune(*, time_ms: int | None = None) -> int:
    """Forget the oldest events that need not be kept, at most `PRUNE_ROWS`; return how many."""
    now = now_ms() if time_ms is None else time_ms
    with transaction.atomic():
        ((first, last),) = fetch("SELECT MIN(seq), MAX(seq) FROM events")
        if first is None:
            return 0
        limit = "SELECT MIN(seq) FROM events WHERE time_ms >= %s"
        ((fresh,),) = fetch(limit, [now - EVENTS_KEPT_S * 1000])
        keep_from = min(last + 1 if fresh is None else fresh, last + 1 - EVENTS_LEAST)
        keep_from = max(keep_from, last + 1 - EVENTS_MOST)
        return run("DELETE FROM events WHERE seq < %s", [min(keep_from, first + PRUNE_ROWS)])


def _row(draft: EventDraft, seq: int, time_ms: int) -> EventRow:
    assert draft.kind in KINDS[draft.topic], f"nobody expects {draft.topic} {draft.kind}"
    data = msgspec.json.encode(draft.data)
    assert len(data) <= MAX_EVENT_BYTES, f"{draft.topic} {draft.key} tells {len(data)} bytes"
    return EventRow(seq, time_ms, draft.topic, draft.kind, draft.key, data.decode())
