"""Transactions that wait, as far as they are told of: seen, and gone without a block."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from django.db import transaction

from chaindeck.records.bulk import KEYS, delete_in, fetch, moment
from chaindeck.records.limits import MAX_PENDING_ROWS, OUTPUT_INDEX_BITS
from chaindeck.records.models import Transaction
from chaindeck.records.models.chain import TxStatus
from chaindeck.records.rows import transaction_row
from chaindeck.records.services.events import events_append
from chaindeck.records.types import EventDraft

_FIND_SENDER = (
    "SELECT a.address FROM transactions t JOIN outputs o ON o.id = t.id * %s + %s"
    " JOIN addresses a ON a.id = o.address_id WHERE t.tx_hash = %s AND t.id >= 0"
)


class Waiting(msgspec.Struct, frozen=True):
    """A transaction that a node took in; `spends` is its first input."""

    tx_hash: str
    spends: tuple[str, int]
    outputs: list[tuple[str, int]]
    """Whom it pays, and how much."""

    fee: int
    size: int
    made_ms: int
    arrived_ms: int


def pool_add(*, transactions: Sequence[Waiting]) -> int:
    """Keep transactions that wait and are not known, and tell of them; return how many."""
    with transaction.atomic():
        ids = [waiting.tx_hash for waiting in transactions]
        known = set(
            Transaction.objects.filter(tx_hash__in=ids)
            .exclude(status=TxStatus.DROPPED)
            .values_list("tx_hash", flat=True)
        )
        new = [waiting for waiting in transactions if waiting.tx_hash not in known]
        Transaction.objects.filter(tx_hash__in=[waiting.tx_hash for waiting in new]).delete()
        ((lowest,),) = fetch("SELECT COALESCE(MIN(id), 0) FROM transactions WHERE id < 0")
        rows = [_row(waiting, lowest - number) for number, waiting in enumerate(new, start=1)]
        Transaction.objects.bulk_create(rows)
        events_append(drafts=[_draft("pooled", row) for row in rows])
        _forget_oldest()
        return len(rows)


def pool_drop(*, reasons: Mapping[str, str]) -> int:
    """Note why transactions that waited wait no more, and tell of it; return how many did wait."""
    with transaction.atomic():
        waiting = Transaction.objects.filter(id__lt=0, status=TxStatus.PENDING)
        rows = list(waiting.filter(tx_hash__in=list(reasons)))
        for row in rows:
            row.status, row.reason = TxStatus.DROPPED, reasons[row.tx_hash][:200]
        Transaction.objects.bulk_update(rows, ["status", "reason"])
        events_append(drafts=[_draft("dropped", row) for row in rows])
        return len(rows)


def pool_tell(*, data: dict[str, Any]) -> None:
    """Tell how much waits."""
    with transaction.atomic():
        events_append(drafts=[EventDraft("pool", "changed", "pool", data)])


def _row(waiting: Waiting, key: int) -> Transaction:
    sender = fetch(_FIND_SENDER, [1 << OUTPUT_INDEX_BITS, waiting.spends[1], waiting.spends[0]])
    from_addr = sender[0][0] if sender else ""
    others = [(to, amount) for to, amount in waiting.outputs if to != from_addr]
    paid = others or waiting.outputs
    return Transaction(
        id=key,
        tx_hash=waiting.tx_hash,
        from_addr=from_addr,
        to_addr=paid[0][0] if paid else "",
        amount=sum(amount for _, amount in paid),
        timestamp=moment(waiting.arrived_ms),
        status=TxStatus.PENDING,
        fee=waiting.fee,
        size=waiting.size,
        made_ms=waiting.made_ms,
    )


def _forget_oldest() -> None:
    """Rows get ever lower keys: the highest below zero are the oldest."""
    surplus = fetch(
        "SELECT id FROM transactions WHERE id < 0 ORDER BY id LIMIT 1000 OFFSET %s",
        [MAX_PENDING_ROWS],
    )
    keys = [key for (key,) in surplus]
    delete_in(f"DELETE FROM transactions WHERE id IN ({KEYS})", keys)


def _draft(kind: str, row: Transaction) -> EventDraft:
    return EventDraft("transaction", kind, row.tx_hash, transaction_row(row))
