"""What the web saw, kept until the coordinator has taken it down.

Written in the transaction of the thing itself, so that neither is there without the other.
"""

from __future__ import annotations

import secrets
from typing import Any

import msgspec
from django.db import transaction

from chaindeck.records.bulk import now_ms
from chaindeck.records.limits import PENDING_REPORTS_KEPT
from chaindeck.records.models import PendingReport


class Pending(msgspec.Struct, frozen=True):
    """One report that waits."""

    place: int
    report_id: str
    time_ms: int
    body: dict[str, Any]


def report_keep(*, body: dict[str, Any]) -> list[Pending]:
    """Keep a report; return those that had to go for it, which is none unless very many wait."""
    with transaction.atomic():
        row = PendingReport.objects.create(
            report_id=secrets.token_urlsafe(18),
            time_ms=now_ms(),
            body=msgspec.json.encode(body).decode(),
        )
        old = list(PendingReport.objects.filter(pk__lte=row.pk - PENDING_REPORTS_KEPT))
        for gone in old:
            gone.delete()
        return [_pending(gone) for gone in old]


def reports_waiting(*, limit: int) -> list[Pending]:
    """Return the oldest."""
    return [_pending(row) for row in PendingReport.objects.order_by("pk")[:limit]]


def report_date(*, report_id: str, time_ms: int) -> None:
    """Give a report another time; the coordinator takes down only what is of the last day."""
    PendingReport.objects.filter(report_id=report_id).update(time_ms=time_ms)


def report_forget(*, report_id: str) -> None:
    """It was taken down."""
    PendingReport.objects.filter(report_id=report_id).delete()


def _pending(row: PendingReport) -> Pending:
    return Pending(row.pk or 0, row.report_id, row.time_ms, msgspec.json.decode(row.body))
