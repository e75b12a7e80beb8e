"""Answers the contract's calls from what the other parts know. Holds no rule of its own."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from functools import partial
from typing import Any

import msgspec

from chaindeck.coordinator import reports
from chaindeck.coordinator.components import Board
from chaindeck.coordinator.errors import ExecutionUnknown, OrderInvalid
from chaindeck.coordinator.finding import Finder
from chaindeck.coordinator.hub import Hub
from chaindeck.coordinator.measuring import Measurer
from chaindeck.coordinator.orders import Orders
from chaindeck.coordinator.polling import Poller
from chaindeck.coordinator.writing import Readers, Writer
from chaindeck.records.bulk import fetch
from chaindeck.records.selectors import standing
from chaindeck.rpc import forms
from chaindeck.rpc.limits import MAX_PAGE_ROWS, PAGE_ROWS

ESSENTIAL = frozenset({"records", "hub"})
"""What the coordinator cannot serve without; the rest enriches it."""


class Desk:
    """One method for each of `chaindeck.v1.Coordinator`."""

    def __init__(
        self,
        *,
        instance: str,
        hub: Hub,
        writer: Writer,
        readers: Readers,
        board: Board,
        poller: Poller,
        measurer: Measurer,
        orders: Orders,
    ) -> None:
        self._instance = instance
        self._started_ms = time.time_ns() // 1_000_000
        self._started_s = time.monotonic()
        self._hub = hub
        self._writer = writer
        self._readers = readers
        self._board = board
        self._poller = poller
        self._measurer = measurer
        self._orders = orders
        self._finder = Finder(poller, writer)

    async def get_system_stats(self, _: forms.Nothing) -> forms.SystemStats:
        counts = await self._readers.read(_count_executions)
        ended = sum(counts.get(state, 0) for state in ("done", "failed", "stopped", "lost"))
        machine = self._measurer.machine
        nodes = self._poller.nodes
        return forms.SystemStats(
            instance=self._instance,
            started_at_ms=self._started_ms,
            uptime_s=time.monotonic() - self._started_s,
            epoch=self._hub.epoch,
            last_seq=self._hub.last,
            active_executions=counts.get("running", 0),
            total_executions=sum(counts.values()),
            success_rate=counts.get("done", 0) / ended if ended else 1.0,
            cpu_percent=machine.get("cpu_percent", 0.0),
            memory_percent=machine.get("memory_percent", 0.0),
            disk_percent=machine.get("disk_percent", 0.0),
            nodes=len(nodes),
            nodes_up=sum(node.state in ("up", "lagging") for node in nodes),
            network_height=self._poller.network_height,
            event_readers=self._hub.readers,
            components=self._board.all,
        )

    async def health_check(self, asked: forms.HealthCheckRequest) -> forms.HealthReport:
        entries = self._board.all
        if asked.component:
            found = self._board.find(asked.component)
            if found is None:
                names = ", ".join(entry.name for entry in entries)
                raise OrderInvalid(field="component", reason=f"there are the components {names}")
            entries = (found,)
        is_serving = all(
            entry.state != "sick" for entry in self._board.all if entry.name in ESSENTIAL
        )
        return forms.HealthReport(
            is_serving=is_serving, instance=self._instance, components=entries
        )

    async def list_executions(self, asked: forms.ListExecutionsRequest) -> forms.ExecutionPage:
        read = partial(
            standing.executions_page,
            kind=asked.kind or None,
            state=asked.state or None,
            cursor=asked.cursor or None,
            limit=min(asked.limit or PAGE_ROWS, MAX_PAGE_ROWS),
        )
        page = await self._readers.read(read)
        rows = tuple(_execution(row) for row in page.rows)
        return forms.ExecutionPage(executions=rows, next_cursor=page.cursor or "")

    async def get_execution(self, asked: forms.GetExecutionRequest) -> forms.Execution:
        row = await self._readers.read(partial(standing.execution_find, asked.id))
        if row is None:
            raise ExecutionUnknown(field="id", id=asked.id[:64])
        return _execution(row)

    def stream_events(
        self, asked: forms.StreamEventsRequest
    ) -> AsyncGenerator[forms.StreamEventsReply, None]:
        return self._hub.follow(
            self._readers.read, epoch=asked.epoch, since=asked.since, topics=asked.topics
        )

    async def report_event(self, report: forms.ReportEventRequest) -> forms.ReportEventReply:
        reports.check_report(report)
        is_new = await self._writer.submit(partial(reports.take_down, report))
        return forms.ReportEventReply(is_new=is_new)

    async def list_nodes(self, _: forms.Nothing) -> forms.NodeList:
        return forms.NodeList(nodes=self._poller.nodes)

    async def control_node(self, order: forms.ControlNodeRequest) -> forms.ControlNodeReply:
        return await self._orders.carry_out(order)

    async def find_transaction(self, asked: forms.FindTransactionRequest) -> forms.FoundTransaction:
        return await self._finder.find(asked)

    async def get_snapshot(self, asked: forms.GetSnapshotRequest) -> forms.Snapshot:
        return self._hub.snapshot(asked.topics)


def _count_executions() -> dict[str, int]:
    return dict(fetch("SELECT state, COUNT(*) FROM executions GROUP BY state"))


def _execution(row: dict[str, Any]) -> forms.Execution:
    return msgspec.convert(row, forms.Execution)
