"""One node that may be followed: how it stands, and that something happened there.

Its feed is a wake-up; how it stands is asked. So a feed that is late, or lost events, costs time
and nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from chaindeck.client import Access, AsyncNodeClient, ClientError, Event, EventStream, Gap
from chaindeck.client.answers import Status
from chaindeck.client.errors import NodeUnreachable
from chaindeck.client.retries import NO_RETRIES
from chaindeck.coordinator.following.limits import (
    FAILED_S,
    LOOK_INTERVAL_S,
    LOOK_TIMEOUT_S,
    PRUNED_S,
)
from chaindeck.ledger.errors import CodedError
from chaindeck.node.logs import get_logger

Result = TypeVar("Result")
_TOPICS = ("block", "reorg", "transaction")
_log = get_logger("following")


class NodeSource:
    """Run it as a task; `status` is None while the node does not answer."""

    def __init__(
        self,
        access: Access,
        on_look: Callable[[], None],
        on_event: Callable[[NodeSource, Event | Gap], None],
    ) -> None:
        self.client = AsyncNodeClient(access, plan=NO_RETRIES)
        self.status: Status | None = None
        self.problem: CodedError | None = None
        """Why it does not answer, or is not followed."""

        self._on_look = on_look
        self._on_event = on_event
        self._happened = asyncio.Event()
        self._lost = asyncio.Event()
        self._lost.set()
        self._failed_until_s = 0.0
        self._lacks_after: str | None = None
        self._lacks_until_s = 0.0

    @property
    def url(self) -> str:
        return self.client.access.url

    @property
    def work(self) -> int:
        return -1 if self.status is None else int(self.status.work)

    @property
    def is_usable(self) -> bool:
        """Whether it answers, and gave what it promised of late."""
        now_s = asyncio.get_running_loop().time()
        return self.status is not None and now_s >= self._failed_until_s

    def fail(self, error: CodedError) -> None:
        """Pass over this node for a moment: it could not give what it promised."""
        self.problem = error
        self._failed_until_s = asyncio.get_running_loop().time() + FAILED_S
        _log.warning("a node is passed over", url=self.url, code=error.code, reason=str(error))

    @property
    def is_gone(self) -> bool:
        """Whether it was looked at and does not answer."""
        return self.status is None and self.problem is not None

    def lack(self, error: CodedError, tip: str) -> None:
        """Pass over this node while the index stands at a block: it gave up those after it."""
        self.problem = error
        self._lacks_after = tip
        self._lacks_until_s = asyncio.get_running_loop().time() + PRUNED_S
        _log.warning("a node has given up what comes next", url=self.url, reason=str(error))

    def can_go_on_from(self, tip: str) -> bool:
        """Whether this node may have what comes after a block."""
        now_s = asyncio.get_running_loop().time()
        return tip != self._lacks_after or now_s >= self._lacks_until_s

    def look_again(self) -> None:
        self._happened.set()

    async def run(self) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._keep_looking())
                tasks.create_task(self._listen())
        finally:
            self.client.close()

    async def ask(self, question: Coroutine[Any, Any, Result]) -> Result:
        """Ask something that may take long; give up when the node is seen to be gone."""
        asking = asyncio.ensure_future(question)
        losing = asyncio.ensure_future(self._lost.wait())
        try:
            await asyncio.wait({asking, losing}, return_when=asyncio.FIRST_COMPLETED)
            if not asking.done():
                raise NodeUnreachable(url=self.url, reason="it does not answer any more")
            return await asking
        finally:
            await end(losing)
            await end(asking)

    async def _keep_looking(self) -> None:
        while True:
            self._happened.clear()
            await self._look()
            self._on_look()
            try:
                async with asyncio.timeout(LOOK_INTERVAL_S):
                    await self._happened.wait()
            except TimeoutError:
                continue

    async def _look(self) -> None:
        was_there = self.status is not None
        try:
            async with asyncio.timeout(LOOK_TIMEOUT_S):
                self.status = await self.client.status()
            self._lost.clear()
        except (ClientError, TimeoutError) as error:
            self.status = None
            self.problem = error if isinstance(error, ClientError) else _no_answer(self.url)
            self._lost.set()
            if was_there:
                _log.warning("a node does not answer", url=self.url, reason=str(self.problem))

    async def _listen(self) -> None:
        """Follow the feed for ever; where the node will not have us, looking has to do."""
        while True:
            try:
                async for event in EventStream(self.client.access, _TOPICS):
                    self._on_event(self, event)
                    if isinstance(event, Gap) or event.topic != "transaction":
                        self._happened.set()
            except ClientError as error:
                _log.warning("the feed cannot be followed", url=self.url, reason=str(error))
                await asyncio.sleep(LOOK_INTERVAL_S)


async def end(task: asyncio.Future[Any]) -> None:
    """Cancel a task that nobody needs any more, and wait for its end, however that is."""
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.exception()


def _no_answer(url: str) -> ClientError:
    return NodeUnreachable(url=url, reason=f"it gave no answer within {LOOK_TIMEOUT_S:.0f} s")
