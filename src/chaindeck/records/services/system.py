"""How the whole stands: one row, and an event where it changed."""

from __future__ import annotations

from typing import Any

import msgspec
from django.db import transaction

from chaindeck.records.bulk import moment, now_ms
from chaindeck.records.models import SystemStatus
from chaindeck.records.services.events import events_append
from chaindeck.records.types import EventDraft

_ROW_ID = 1


def status_set(*, node_status: str, coordinator_status: str, data: dict[str, Any]) -> bool:
    """Keep what `/api/status/` says; tell of it and return True where it is something else."""
    text = msgspec.json.encode(data, order="sorted").decode()
    with transaction.atomic():
        row = SystemStatus.objects.select_for_update().filter(id=_ROW_ID).first()
        now = (node_status, coordinator_status, text)
        is_new = row is None or (row.node_status, row.coordinator_status, row.data) != now
        SystemStatus.objects.update_or_create(
            id=_ROW_ID,
            defaults={
                "node_status": node_status,
                "coordinator_status": coordinator_status,
                "last_updated": moment(now_ms()),
                "data": text,
            },
        )
        if is_new:
            events_append(drafts=[EventDraft("status", "changed", "status", data)])
        return is_new
