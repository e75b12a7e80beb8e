"""Keeps a worker running: one that fails is shown as sick and started again, with more patience."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from types import TracebackType
from typing import Self

from chaindeck.client.retries import backoff_s
from chaindeck.coordinator.components import Board
from chaindeck.coordinator.limits import RESTART_CALM_S, RESTART_FIRST_S, RESTART_MOST_S
from chaindeck.ledger.errors import CodedError
from chaindeck.node.logs import get_logger

Work = Callable[[], Awaitable[None]]
_log = get_logger("coordinator")


class Workers:
    """Runs workers within an `async with` block, and ends them with it."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._group = asyncio.TaskGroup()
        self._kept: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for task in self._kept:
            task.cancel()
        await self._group.__aexit__(kind, error, trace)

    def keep(self, name: str, work: Work) -> None:
        """Run a worker until the end of the block."""
        self._kept.append(self._group.create_task(keep(name, work, self._board), name=name))

    def run_once(self, work: Coroutine[object, object, None]) -> None:
        """Run something short; the block waits for it."""
        self._group.create_task(work)


async def keep(name: str, work: Work, board: Board) -> None:
    """Run work for ever. It says by itself when it is well; it returns only when cancelled."""
    loop = asyncio.get_running_loop()
    board.starting(name)
    attempt = 0
    while True:
        started_s = loop.time()
        try:
            await work()
            reason = "it ended by itself"
        except CodedError as error:
            reason = str(error)
        except Exception as error:  # noqa: BLE001 - a fault of one part must not end the others
            _log.error("a worker failed", error, worker=name)
            reason = f"a fault, {type(error).__name__}; the log has the details"
        board.sick(name, reason)
        attempt = 1 if loop.time() - started_s > RESTART_CALM_S else attempt + 1
        await asyncio.sleep(backoff_s(attempt, RESTART_FIRST_S, RESTART_MOST_S))


async def repeat(name: str, turn: Work, interval_s: float, board: Board) -> None:
    """Take a turn every so often, for ever, from start to start; raise what a turn raises."""
    loop = asyncio.get_running_loop()
    due_s = loop.time()
    while True:
        await turn()
        board.well(name)
        due_s = max(due_s + interval_s, loop.time())
        await asyncio.sleep(due_s - loop.time())
