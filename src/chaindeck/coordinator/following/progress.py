"""Tells how catching up gets on: a job, and `indexing` events, at most two a second."""

from __future__ import annotations

import time
from functools import partial

from chaindeck.coordinator.following.limits import PROGRESS_INTERVAL_S
from chaindeck.coordinator.following.ports import Writer
from chaindeck.records.services import chain, executions

_KIND = "index"


class Progress:
    """At most one job at a time."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._job: str | None = None
        self._told_s = float("-inf")

    async def begin(self) -> bool:
        """End what an earlier process left running; return False, as there is no more to do."""
        await self._writer.run(partial(executions.executions_lose, kind=_KIND))
        return False

    async def tell(self, height: int, target: int) -> None:
        now_s = time.monotonic()
        if now_s - self._told_s < PROGRESS_INTERVAL_S:
            return
        self._told_s = now_s
        await self._writer.run(partial(self._write, height, target))

    async def end(self) -> None:
        """Say that all is indexed, if a job runs."""
        if self._job is not None:
            job, self._job = self._job, None
            await self._writer.run(partial(executions.execution_end, execution_id=job))

    def _write(self, height: int, target: int) -> None:
        done, total = height + 1, target + 1
        if self._job is None:
            self._job = executions.execution_start(
                kind=_KIND, title="Indexing the chain", total=total
            )
        executions.execution_progress(execution_id=self._job, done=done, total=total)
        chain.chain_tell_indexing(height=height, target=target)
