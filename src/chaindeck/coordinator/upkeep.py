"""Sums up measurements every minute, and forgets what is old, as a job that everybody can see."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from chaindeck.coordinator.components import Board
from chaindeck.coordinator.limits import (
    MAX_PRUNE_ROUNDS,
    RETENTION_INTERVAL_S,
    ROLL_UP_INTERVAL_S,
)
from chaindeck.coordinator.workers import repeat
from chaindeck.coordinator.writing import Writer
from chaindeck.records.services import activity, events, executions, metrics, nodes

SUMS, RETENTION = "sums", "retention"
_TABLES: tuple[Callable[[], int], ...] = (
    events.events_prune,
    metrics.metrics_prune,
    nodes.network_prune,
    executions.executions_prune,
    activity.activity_prune,
)


async def sum_up(writer: Writer, board: Board) -> None:
    """Run it as a worker."""

    async def turn() -> None:
        await writer.submit(metrics.metrics_roll_up)

    await repeat(SUMS, turn, ROLL_UP_INTERVAL_S, board)


async def forget(writer: Writer, board: Board) -> None:
    """Run it as a worker."""

    async def turn() -> None:
        await forget_once(writer)

    await repeat(RETENTION, turn, RETENTION_INTERVAL_S, board)


async def forget_once(writer: Writer) -> str:
    """Forget what is too old, in pieces between which others may write; return the job's id."""
    start = partial(
        executions.execution_start,
        kind="retention",
        title="Forgetting what is old",
        total=len(_TABLES),
    )
    job = await writer.submit(start)
    try:
        for done, prune in enumerate(_TABLES, start=1):
            await _prune(writer, prune)
            note = partial(executions.execution_progress, execution_id=job, done=done)
            await writer.submit(note)
    except Exception as error:
        # Without a database this cannot be written either; the next start counts the job as lost.
        end = partial(executions.execution_end, execution_id=job, state="failed", error=str(error))
        await writer.submit(end)
        raise
    await writer.submit(partial(executions.execution_end, execution_id=job))
    return job


async def _prune(writer: Writer, prune: Callable[[], int]) -> None:
    for _ in range(MAX_PRUNE_ROUNDS):
        if not await writer.submit(prune):
            return
