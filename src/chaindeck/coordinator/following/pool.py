"""Follows what waits for a block: some transactions one by one, all of them as figures.

The feed of the node that is followed names what came and went. After events were lost, and after
another node is followed, what is known to wait is compared with that node.
"""

from __future__ import annotations

import asyncio
from collections import deque
from functools import partial
from typing import Any

import msgspec
from django.db import Error as DatabaseError

from chaindeck.client import AsyncNodeClient, ClientError, Event, Gap
from chaindeck.client.answers import TransactionState
from chaindeck.coordinator.following.limits import (
    CHECKED_AT_ONCE,
    COMPARE_INTERVAL_S,
    DATABASE_PAUSE_S,
    MAX_DROPPED_WAITING,
    MAX_POOLED_WAITING,
    POOL_INTERVAL_S,
    POOLED_A_SECOND,
)
from chaindeck.coordinator.following.ports import Writer
from chaindeck.coordinator.following.sources import NodeSource
from chaindeck.node.logs import get_logger
from chaindeck.records.selectors import chain
from chaindeck.records.services import pool
from chaindeck.records.services.pool import Waiting

_log = get_logger("following")


class PoolFollower:
    """Run it as a task; `follow` says whose pool, `note` takes what the feed says."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._source: NodeSource | None = None
        self._woken = asyncio.Event()
        self._pooled: deque[str] = deque(maxlen=MAX_POOLED_WAITING)
        self._dropped: dict[str, str] = {}
        self._must_compare = False
        self._told: dict[str, Any] = {}
        self._allowance = float(POOLED_A_SECOND)
        self._refilled_s = 0.0
        self._looked_s = float("-inf")
        self._compared_s = float("-inf")
        self._is_oldest_turn = False

    def follow(self, source: NodeSource | None) -> None:
        if source is self._source:
            return
        self._source = source
        self._pooled.clear()
        self._dropped.clear()
        self._must_compare = True
        self._woken.set()

    def note(self, event: Event | Gap) -> None:
        """Take in an event of the node that is followed; never waits."""
        if isinstance(event, Gap):
            self._must_compare = True
        elif event.topic == "transaction":
            self._note_transaction(event.data)
        self._woken.set()

    async def run(self) -> None:
        """Follow until cancelled."""
        while True:
            self._woken.clear()
            source = self._source
            if source is not None and source.is_usable:
                await self._patiently(source)
            try:
                async with asyncio.timeout(POOL_INTERVAL_S):
                    await self._woken.wait()
            except TimeoutError:
                continue

    def _note_transaction(self, data: dict[str, Any]) -> None:
        tx_id, status = str(data.get("id")), data.get("status")
        if status == "pooled" and self._may_tell():
            self._pooled.append(tx_id)
        elif status == "dropped":
            if len(self._dropped) < MAX_DROPPED_WAITING:
                self._dropped[tx_id] = str(data.get("reason"))
            else:
                self._must_compare = True

    def _may_tell(self) -> bool:
        """Whether one more may be told of this second."""
        now_s = asyncio.get_running_loop().time()
        gained = (now_s - self._refilled_s) * POOLED_A_SECOND
        self._allowance = min(float(POOLED_A_SECOND), self._allowance + gained)
        self._refilled_s = now_s
        if self._allowance < 1:
            return False
        self._allowance -= 1
        return True

    async def _patiently(self, source: NodeSource) -> None:
        """Write what came; a node or a database that is away costs a moment and no more."""
        try:
            now_s = asyncio.get_running_loop().time()
            if self._must_compare:
                self._pooled.extend(await source.ask(_oldest(source.client)))
            if self._must_compare or now_s - self._compared_s >= COMPARE_INTERVAL_S:
                self._must_compare, self._compared_s = False, now_s
                await self._compare(source)
            await self._tell_pooled(source)
            await self._tell_dropped()
            await self._tell_figures(source)
        except ClientError as error:
            self._must_compare = True
            _log.debug("the pool cannot be followed", url=source.url, reason=str(error))
        except DatabaseError as error:
            self._must_compare = True
            _log.warning("the database did not take it", reason=str(error).strip())
            await asyncio.sleep(DATABASE_PAUSE_S)

    async def _tell_pooled(self, source: NodeSource) -> None:
        waiting: list[Waiting] = []
        while self._pooled:
            found = await source.ask(source.client.transaction(self._pooled.popleft()))
            if found.status == "pooled":
                waiting.append(waiting_of(found))
        if waiting:
            await self._writer.run(partial(pool.pool_add, transactions=waiting))

    async def _tell_dropped(self) -> None:
        if self._dropped:
            reasons, self._dropped = self._dropped, {}
            await self._writer.run(partial(pool.pool_drop, reasons=reasons))

    async def _tell_figures(self, source: NodeSource) -> None:
        """Tell how much waits, at most once a second and only what changed."""
        now_s = asyncio.get_running_loop().time()
        if now_s - self._looked_s < POOL_INTERVAL_S:
            return
        self._looked_s = now_s
        answer = await source.ask(source.client.mempool())
        data: dict[str, Any] = msgspec.to_builtins(answer)
        figures = {name: value for name, value in data.items() if name != "time_ms"}
        if figures != self._told:
            await self._writer.run(partial(pool.pool_tell, data=data))
            self._told = figures

    async def _compare(self, source: NodeSource) -> None:
        """Find out what became of transactions that are known to wait, new and old in turn."""
        self._is_oldest_turn = not self._is_oldest_turn
        known = await self._writer.run(
            partial(
                chain.transactions_waiting,
                limit=CHECKED_AT_ONCE,
                is_oldest_first=self._is_oldest_turn,
            )
        )
        gone = {}
        for row in known:
            found = await source.ask(source.client.transaction(row["id"]))
            if found.status in ("unknown", "dropped"):
                gone[row["id"]] = found.reason or "unknown"
        if gone:
            await self._writer.run(partial(pool.pool_drop, reasons=gone))


async def _oldest(client: AsyncNodeClient) -> list[str]:
    """Return what waited before anybody listened, as far as it is told of one by one."""
    found: list[str] = []
    async for row in client.transactions("age", page_rows=CHECKED_AT_ONCE):
        found.append(row.id)
        if len(found) == CHECKED_AT_ONCE:
            break
    return found


def waiting_of(found: TransactionState) -> Waiting:
    """Return what records keep of a transaction that a node has in its pool."""
    transaction = found.transaction
    assert transaction is not None, "a node tells what waits"
    first = transaction.inputs[0]
    return Waiting(
        tx_hash=found.id,
        spends=(first.tx_id, first.output_index),
        outputs=[
            (output.address, output.amount or 0)
            for output in transaction.outputs
            if output.address is not None
        ],
        fee=found.fee or 0,
        size=transaction.size,
        made_ms=transaction.timestamp,
        arrived_ms=found.arrived_ms or 0,
    )
