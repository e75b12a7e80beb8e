"""Jobs: started, getting on, ended."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import transaction

from chaindeck.records.bulk import moment, now_ms
from chaindeck.records.errors import RecordUnknown
from chaindeck.records.limits import EXECUTIONS_KEPT, MAX_DESCRIPTION
from chaindeck.records.models import Execution
from chaindeck.records.models.journal import ExecutionState
from chaindeck.records.rows import execution_row
from chaindeck.records.services.events import events_append
from chaindeck.records.types import EventDraft


def execution_start(*, kind: str, title: str, total: int = 0) -> str:
    """Note that a job has begun; return its id."""
    with transaction.atomic():
        row = Execution.objects.create(
            id=uuid.uuid4().hex,
            kind=kind,
            title=title[:200],
            state=ExecutionState.RUNNING,
            started=moment(now_ms()),
            total=total,
        )
        _tell("started", row)
        return row.id


def execution_progress(*, execution_id: str, done: int, total: int | None = None) -> None:
    """Note how far a job has come. Raises `RecordUnknown`."""
    with transaction.atomic():
        row = _find(execution_id)
        row.done = done
        row.total = row.total if total is None else total
        row.save(update_fields=["done", "total"])
        _tell("progressed", row)


def execution_end(*, execution_id: str, state: str = "done", error: str = "") -> None:
    """Note how a job ended. Raises `RecordUnknown`."""
    with transaction.atomic():
        _end(_find(execution_id), ExecutionState(state), error)


def executions_lose(*, kind: str | None = None) -> int:
    """After a start: what the process before left running is lost. Return how many were."""
    with transaction.atomic():
        running = Execution.objects.filter(state=ExecutionState.RUNNING)
        rows = list(running if kind is None else running.filter(kind=kind))
        for row in rows:
            _end(row, ExecutionState.LOST, "the process ended before the job did")
        return len(rows)


def executions_prune() -> int:
    """Forget the oldest jobs that have ended, above `EXECUTIONS_KEPT`; return how many."""
    with transaction.atomic():
        newest = Execution.objects.order_by("-started", "-id")
        edge = newest.values_list("started", flat=True)[EXECUTIONS_KEPT : EXECUTIONS_KEPT + 1]
        if not edge:
            return 0
        old = Execution.objects.filter(started__lte=edge[0])
        return old.exclude(state=ExecutionState.RUNNING).delete()[0]


def _find(execution_id: str) -> Execution:
    row = Execution.objects.select_for_update().filter(id=execution_id).first()
    if row is None:
        raise RecordUnknown(kind="job", name=execution_id)
    return row


def _end(row: Execution, state: ExecutionState, error: str) -> None:
    row.state = state
    row.error = error[:MAX_DESCRIPTION]
    row.ended = moment(now_ms())
    if state is ExecutionState.DONE:
        row.done = max(row.done, row.total)
    row.save()
    _tell("ended", row)


def _tell(kind: str, row: Execution) -> None:
    data: dict[str, Any] = execution_row(row)
    events_append(drafts=[EventDraft("job", kind, row.id, data)])
