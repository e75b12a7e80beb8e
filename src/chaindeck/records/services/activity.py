"""The activity log: who did what, when, and from where."""

from __future__ import annotations

from typing import Any, Final

from django.db import transaction

from chaindeck.records.bulk import fetch, moment, now_ms, run
from chaindeck.records.errors import ChoiceUnknown
from chaindeck.records.limits import ACTIVITY_KEPT, MAX_DESCRIPTION, PRUNE_ROWS
from chaindeck.records.models import Activity
from chaindeck.records.rows import activity_row
from chaindeck.records.services.events import events_append
from chaindeck.records.types import EventDraft

SEVERITIES: Final = ("info", "warning", "error", "critical")


def activity_log(
    *,
    action: str,
    description: str,
    severity: str = "info",
    user: str = "",
    ip_address: str = "",
    source: str = "coordinator",
    time_ms: int | None = None,
) -> dict[str, Any]:
    """Write one line and tell of it; return its row. Raises `ChoiceUnknown`."""
    if severity not in SEVERITIES:
        raise ChoiceUnknown(
            field="severity", text=severity, kind="severity", choices=", ".join(SEVERITIES)
        )
    with transaction.atomic():
        line = Activity.objects.create(
            timestamp=moment(now_ms() if time_ms is None else time_ms),
            severity=severity,
            action=action[:60],
            user=user[:150],
            description=description[:MAX_DESCRIPTION],
            ip_address=ip_address[:45],
            source=source[:60],
        )
        row = activity_row(line)
        events_append(drafts=[EventDraft("activity", "logged", str(row["id"]), row)])
        return row


def activity_prune() -> int:
    """Forget the oldest lines above `ACTIVITY_KEPT`, some at a time; return how many."""
    with transaction.atomic():
        ((first, last),) = fetch("SELECT MIN(id), MAX(id) FROM activities")
        if first is None or last - first < ACTIVITY_KEPT:
            return 0
        end = min(last + 1 - ACTIVITY_KEPT, first + PRUNE_ROWS)
        return run("DELETE FROM activities WHERE id < %s", [end])
