"""Looks at every node every five seconds, all at once, and notes how each is.

A node that does not answer in time is down and holds up no other. Where all are is judged together:
a node lags when it is behind the best tip of its network.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
from django.db import transaction

from chaindeck.client import AsyncNodeClient, ClientError, Event, EventStream
from chaindeck.client.answers import Stats, Status
from chaindeck.client.retries import NO_RETRIES
from chaindeck.coordinator.components import Board
from chaindeck.coordinator.limits import LAG_BLOCKS, POLL_DEADLINE_S, POLL_INTERVAL_S
from chaindeck.coordinator.network import Sightings
from chaindeck.coordinator.sources import Source, forgotten, list_sources
from chaindeck.coordinator.writing import Readers, Writer
from chaindeck.node.logs import get_logger
from chaindeck.records.bulk import fetch
from chaindeck.records.selectors import standing
from chaindeck.records.selectors.chain import chain_place
from chaindeck.records.services import nodes, system
from chaindeck.rpc.forms import Node

NAME = "polling"
_log = get_logger("coordinator")


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """What one look at one node gave."""

    source: Source
    status: Status | None = None
    stats: Stats | None = None
    problem: str = ""
    answer_ms: float | None = None
    clock_offset_ms: int | None = None
    seen_ms: int | None = None


class Poller:
    """Run it as a worker; `nodes` is what was seen last."""

    def __init__(
        self, home: Path, node_url: str, writer: Writer, readers: Readers, board: Board
    ) -> None:
        self._home = home
        self._node_url = node_url
        self._writer = writer
        self._readers = readers
        self._board = board
        self._clients: dict[Source, AsyncNodeClient] = {}
        self._feeds: dict[Source, asyncio.Task[None]] = {}
        self._seen: dict[str, int] = {}
        self._sightings = Sightings()
        self._counted = "", 0
        self._woken = asyncio.Event()
        self.sources: tuple[Source, ...] = ()
        self.changed = asyncio.Event()
        """Set where other nodes are watched than before."""

        self.nodes: tuple[Node, ...] = ()
        self.network_height = 0

    async def run(self) -> None:
        try:
            while True:
                self._woken.clear()
                await self._look()
                self._board.well(NAME)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(POLL_INTERVAL_S):
                        await self._woken.wait()
        finally:
            for feed in self._feeds.values():
                feed.cancel()
            await asyncio.gather(*self._feeds.values(), return_exceptions=True)
            self._feeds.clear()
            while self._clients:
                self._clients.popitem()[1].close()

    def look_soon(self) -> None:
        """Look at all nodes now: something was changed."""
        self._woken.set()

    async def _look(self) -> None:
        """Look at all nodes once, and write down what was seen."""
        rows = await self._readers.read(standing.nodes_all)
        sources = list_sources(self._home, self._node_url, rows)
        self._attend(sources)
        looks = await asyncio.gather(*(self._look_at(source) for source in sources))
        self.nodes = judge(looks, self._seen)
        ups = [node for node in self.nodes if node.state in ("up", "lagging")]
        self.network_height = max((node.height or 0 for node in ups), default=0)
        gone = forgotten(sources, rows)
        await self._writer.submit(lambda: self._write(looks, gone))

    def find(self, name: str) -> Source | None:
        return next((source for source in self.sources if source.name == name), None)

    # Looking

    def _attend(self, sources: tuple[Source, ...]) -> None:
        """Open what new nodes need, close what others needed."""
        for feed in self._feeds.values():
            if feed.done():
                # It ends by a fault alone, which is then the worker's.
                feed.result()
        for source in set(self._clients) - set(sources):
            self._clients.pop(source).close()
            self._feeds.pop(source).cancel()
        for source in set(sources) - set(self._clients):
            self._clients[source] = AsyncNodeClient(source.access(), plan=NO_RETRIES)
            self._feeds[source] = asyncio.create_task(self._listen(source))
        if sources != self.sources:
            self.sources = sources
            self.changed.set()

    async def _look_at(self, source: Source) -> Look:
        client = self._clients[source]
        started_s, started_ms = time.perf_counter(), _now_ms()
        try:
            async with asyncio.timeout(POLL_DEADLINE_S):
                status = await client.status()
                answer_ms = 1000 * (time.perf_counter() - started_s)
                stats = await client.stats()
        except (ClientError, TimeoutError) as error:
            problem = str(error) or f"no answer within {POLL_DEADLINE_S:.0f} s"
            return Look(source=source, problem=problem)
        self._seen[source.name] = seen_ms = _now_ms()
        return Look(
            source=source,
            status=status,
            stats=stats,
            answer_ms=round(answer_ms, 2),
            clock_offset_ms=round(status.time_ms - started_ms - answer_ms / 2),
            seen_ms=seen_ms,
        )

    async def _listen(self, source: Source) -> None:
        """Note when this node tells of a block, until cancelled."""
        while True:
            with contextlib.suppress(ClientError):
                async for event in EventStream(source.access(), ("block",)):
                    if isinstance(event, Event):
                        self._note(source, event)
            await asyncio.sleep(POLL_INTERVAL_S)

    def _note(self, source: Source, event: Event) -> None:
        if event.data.get("status") == "connected":
            height, block_hash = event.data["height"], event.data["hash"]
            self._sightings.note(source.name, block_hash, height, time.monotonic())

    # Writing, in the writer's thread

    def _write(self, looks: Sequence[Look], gone: Sequence[str]) -> None:
        with transaction.atomic():
            for name in gone:
                nodes.node_remove(name=name)
            for look, node in zip(looks, self.nodes, strict=True):
                nodes.node_update(name=node.name, seen_ms=look.seen_ms, **_columns(look, node))
            figures = self._network(looks)
            if figures["total_nodes"]:
                nodes.network_measure(**figures)
            system.status_set(
                node_status=_overall(self.nodes),
                coordinator_status="running",
                data=self._standing(),
            )

    def _network(self, looks: Sequence[Look]) -> dict[str, Any]:
        best = max(
            (look for look in looks if look.status is not None and look.stats is not None),
            key=lambda look: look.status.height if look.status else -1,
            default=None,
        )
        stats = best.stats if best else None
        return {
            "total_nodes": sum(look.status is not None for look in looks),
            "network_height": self.network_height,
            "tx_count": self._count_transactions(),
            "forks": self._sightings.forks(),
            "pool_count": stats.mempool.count if stats else 0,
            "hash_rate": stats.network_hashes_per_s if stats else None,
            "tx_rate": stats.transactions_per_s if stats else None,
            "blocks_per_minute": stats.blocks_per_minute if stats else None,
            "propagation_ms": self._sightings.propagation_ms(),
        }

    def _count_transactions(self) -> int:
        """Count what the chain in records has, anew only where it moved."""
        place = chain_place()
        tip = place.hash if place else ""
        if self._counted[0] != tip:
            statement = "SELECT COALESCE(SUM(tx_count), 0) FROM blocks WHERE is_on_chain"
            ((count,),) = fetch(statement)
            self._counted = tip, int(count)
        return self._counted[1]

    def _standing(self) -> dict[str, Any]:
        """What changes only when something is better or worse than before."""
        return {
            "nodes": {node.name: node.state for node in self.nodes},
            "coordinator": {entry.name: entry.state for entry in self._board.all},
            "problems": {
                entry.name: entry.detail for entry in self._board.all if entry.state == "sick"
            },
        }


def judge(looks: Sequence[Look], seen: dict[str, int]) -> tuple[Node, ...]:
    """Return how each node is, told from all looks together."""
    best: dict[str, int] = {}
    for look in looks:
        if look.status is not None:
            network = look.status.network.id
            best[network] = max(best.get(network, 0), look.status.height)
    return tuple(_node(look, best, seen) for look in looks)


def _node(look: Look, best: dict[str, int], seen: dict[str, int]) -> Node:
    source, status = look.source, look.status
    known = Node(
        name=source.name,
        url=source.url,
        source=source.origin,
        state="down",
        detail=look.problem,
        node_id="",
        version="",
        network="",
        height=None,
        behind=None,
        tip="",
        peers=0,
        pool_count=0,
        pool_bytes=0,
        clock_offset_ms=None,
        last_seen_ms=seen.get(source.name),
        answer_ms=None,
    )
    if status is None:
        return known
    behind = best[status.network.id] - status.height
    is_lagging = behind >= LAG_BLOCKS
    return msgspec.structs.replace(
        known,
        state="lagging" if is_lagging else "up",
        detail=f"{behind} blocks behind" if is_lagging else "",
        node_id=status.node_id,
        version=status.version,
        network=status.network.name,
        height=status.height,
        behind=behind,
        tip=status.tip,
        peers=status.peers.linked if status.peers else 0,
        pool_count=status.mempool.count,
        pool_bytes=status.mempool.bytes,
        clock_offset_ms=look.clock_offset_ms,
        answer_ms=look.answer_ms,
    )


def _columns(look: Look, node: Node) -> dict[str, Any]:
    """Return what records keep; of a node that is down what was known stays."""
    source = look.source
    columns: dict[str, Any] = {
        "url": source.url,
        "ip_address": (urlsplit(source.url).hostname or "")[:45],
        "port": source.p2p_port,
        "is_ours": source.origin == "config",
        "is_active": node.state in ("up", "lagging"),
        "state": node.state,
    }
    if look.status is None:
        return columns
    return columns | {
        "node_id": node.node_id[:80],
        "version": node.version[:40],
        "chain_height": node.height,
        "tip_hash": node.tip,
        "peers": node.peers,
        "pool_count": node.pool_count,
        "clock_offset_ms": node.clock_offset_ms,
    }


def _overall(found: Sequence[Node]) -> str:
    states = {node.state for node in found}
    if not states:
        return "none"
    if states == {"up"}:
        return "up"
    return "down" if states == {"down"} else "degraded"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
