"""All parts of a coordinator, opened and ended in their order.

Import it after `records.setup.configure`. Up: the hub, the desk, the workers. It serves before its
workers have done their first turn; their components say `starting` until then. Down: readers and
calls, workers, the writer with all that waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial
from typing import Any, TypeVar

from chaindeck.coordinator import measuring, polling, publishing, upkeep
from chaindeck.coordinator.components import Board
from chaindeck.coordinator.desk import ESSENTIAL, Desk
from chaindeck.coordinator.errors import RecordsAway
from chaindeck.coordinator.following import ChainFollower
from chaindeck.coordinator.hub import Hub
from chaindeck.coordinator.journal import RecordsJournal, try_records
from chaindeck.coordinator.limits import FOLLOWING_LOOK_S, POLL_INTERVAL_S
from chaindeck.coordinator.measuring import Measurer
from chaindeck.coordinator.orders import Orders
from chaindeck.coordinator.polling import Poller
from chaindeck.coordinator.publishing import Publisher
from chaindeck.coordinator.settings import Settings
from chaindeck.coordinator.workers import Workers, repeat
from chaindeck.coordinator.writing import Readers, Writer
from chaindeck.node.logs import get_logger
from chaindeck.records.services import executions
from chaindeck.rpc.access import coordinator_access, supervisor_access
from chaindeck.rpc.contract import COORDINATOR
from chaindeck.rpc.server import RpcServer
from chaindeck.store.atomic import write_json

RUNNING_NAME = "running.json"
_INSTANCE_BYTES = 16
_RECORDS, _HUB, _FOLLOWING = "records", "hub", "following"
_log = get_logger("coordinator")
T = TypeVar("T")
Work = Callable[[], Awaitable[None]]


class Coordinator:
    """All parts of one process. Records are configured and migrated before."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.instance = secrets.token_hex(_INSTANCE_BYTES)
        self.board = Board()
        journal = RecordsJournal()
        self.hub = Hub(journal)
        self.writer = Writer(journal, self.hub)
        self.readers = Readers(journal)
        home = settings.home
        self.poller = Poller(home, settings.node_url, self.writer, self.readers, self.board)
        self.measurer = Measurer(home, self.writer, self.board)
        self.desk = Desk(
            instance=self.instance,
            hub=self.hub,
            writer=self.writer,
            readers=self.readers,
            board=self.board,
            poller=self.poller,
            measurer=self.measurer,
            orders=Orders(self.poller, self.writer, supervisor_access(home)),
        )

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Be ready within the block; gives the address."""
        async with contextlib.AsyncExitStack() as stack:
            stack.callback(self.readers.close)
            stack.callback(self.writer.close)
            await self.writer.open()
            await self.hub.wait_open()
            await self.writer.submit(executions.executions_lose)
            self.board.well(_HUB)
            self.board.well(_RECORDS)
            workers = await stack.enter_async_context(Workers(self.board))
            access = coordinator_access(self.settings.home, self.settings.grpc)
            server = await RpcServer.start(COORDINATOR, self.desk, access, instance=self.instance)
            stack.push_async_callback(server.stop)
            stack.callback(self.hub.close)
            self._tell_health(server, workers)
            for name, work in self._work().items():
                workers.keep(name, work)
            stack.enter_context(self._announced(server.address))
            yield server.address

    def _work(self) -> dict[str, Work]:
        work: dict[str, Work] = {
            _RECORDS: self._watch_records,
            polling.NAME: self.poller.run,
            measuring.NAME: self.measurer.run,
            upkeep.SUMS: partial(upkeep.sum_up, self.writer, self.board),
            upkeep.RETENTION: partial(upkeep.forget, self.writer, self.board),
            _FOLLOWING: self._follow,
        }
        if self.settings.redis_url:
            publisher = Publisher(self.settings.redis_url, self.hub, self.readers, self.board)
            work[publishing.NAME] = publisher.run
        return work

    async def _watch_records(self) -> None:
        """See that records take something, and hand on what a broken line may have held back."""
        attempt = partial(self.writer.submit, try_records)
        await repeat(_RECORDS, attempt, POLL_INTERVAL_S, self.board)

    async def _follow(self) -> None:
        """Follow the chain at all nodes that are watched, and anew when others are."""
        while True:
            self.poller.changed.clear()
            nodes = [source.access() for source in self.poller.sources]
            tasks: list[asyncio.Task[Any]] = [asyncio.create_task(self.poller.changed.wait())]
            if nodes:
                follower = ChainFollower(nodes, _FollowersWriter(self.writer))
                tasks.append(asyncio.create_task(follower.run()))
                tasks.append(asyncio.create_task(self._tell_following(follower)))
            else:
                self.board.well(_FOLLOWING, "there is no node to follow")
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)

    async def _tell_following(self, follower: ChainFollower) -> None:
        """Let the board say what keeps the index from following, for as long as it does."""
        while True:
            # One that has just begun knows nothing yet.
            await asyncio.sleep(FOLLOWING_LOOK_S)
            state = follower.state
            if state.problem is None:
                self.board.well(_FOLLOWING)
            else:
                self.board.sick(_FOLLOWING, f"{state.problem} ({state.problem_code})")

    def _tell_health(self, server: RpcServer, workers: Workers) -> None:
        """Let the standard health service know what the board knows, now and later."""

        def tell(name: str, is_well: bool) -> None:  # noqa: FBT001 - a callback takes no names
            workers.run_once(server.set_health(name, is_serving=is_well))
            serves = all(
                entry.state != "sick" for entry in self.board.all if entry.name in ESSENTIAL
            )
            workers.run_once(server.set_health("", is_serving=serves))

        for entry in self.board.all:
            tell(entry.name, entry.state == "well")
        self.board.on_change = tell

    @contextlib.contextmanager
    def _announced(self, address: str) -> Iterator[None]:
        path = self.settings.home / "coordinator" / RUNNING_NAME
        note = {
            "pid": os.getpid(),
            "started_at_ms": time.time_ns() // 1_000_000,
            "instance": self.instance,
            "address": address,
        }
        write_json(path, note, private=True)
        _log.info("ready", address=address, pid=os.getpid(), instance=self.instance)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


class _FollowersWriter:
    """The writer as following wants it: with the database's own errors, which it knows to bear."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def run(self, work: Callable[[], T]) -> T:
        try:
            return await self._writer.submit(work)
        except RecordsAway as error:
            raise error.__cause__ or error from None
