"""Nodes of one process on loopback: real services, real sockets, no API."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import uvloop

from chaindeck.ledger.genesis import Network
from chaindeck.ledger.types import BlockHash
from chaindeck.node.clock import DevClock
from chaindeck.node.mining import Miner, MiningPlan
from chaindeck.node.network import NetworkOptions, PeerNetwork
from chaindeck.node.network.desk import PeerDesk
from chaindeck.node.network.identity import load_node_key
from chaindeck.node.network.names import parse_peer
from chaindeck.node.service import NodeService
from tests.ledger.forge import ALICE
from tests.node.running import running

LIMIT_S = 20.0


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run a test on the loop that nodes run on."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work)


async def until(condition: Callable[[], bool], limit_s: float = LIMIT_S) -> float:
    """Wait for a condition; return the seconds it took."""
    began_s = time.monotonic()
    while not condition():
        assert time.monotonic() - began_s < limit_s, "it never came to pass"
        await asyncio.sleep(0.002)
    return time.monotonic() - began_s


class House:
    """One node that takes part in a network."""

    def __init__(self, service: NodeService, network: PeerNetwork) -> None:
        self.service = service
        self.network = network
        self.desk = PeerDesk(network)

    @property
    def tip(self) -> BlockHash:
        return self.service.tip.header.hash

    @property
    def links(self) -> int:
        return len(self.network.machine.peers)

    @property
    def clock(self) -> DevClock:
        assert isinstance(self.service.clock, DevClock)
        return self.service.clock

    async def mine(self, count: int = 1) -> BlockHash:
        miner = Miner(self.service, MiningPlan())
        try:
            return (await miner.mine(count, ALICE.key_hash))[-1]
        finally:
            miner.close()

    async def meet(self, other: House) -> None:
        """Link with another node, and wait until both know."""
        links, others = self.links, other.links
        await self.desk.add(other.network.listens_at)
        await until(lambda: self.links > links and other.links > others)


def options(**changes: object) -> NetworkOptions:
    defaults: dict[str, object] = {"host": "127.0.0.1", "port": 0, "is_discovering": False}
    return NetworkOptions(**{**defaults, **changes})


@contextlib.asynccontextmanager
async def house(
    folder: Path, *, network: Network | None = None, peers: tuple[str, ...] = (), **changes: object
) -> AsyncIterator[House]:
    """Run a node around a test."""
    async with running(folder, network) as service:
        chosen = options(peers=tuple(parse_peer(peer) for peer in peers), **changes)
        peering = PeerNetwork(service, load_node_key(folder), chosen)
        await peering.start()
        try:
            yield House(service, peering)
        finally:
            await peering.stop()


@contextlib.asynccontextmanager
async def street(folder: Path, count: int, **changes: object) -> AsyncIterator[list[House]]:
    """Run several nodes that are all linked."""
    async with contextlib.AsyncExitStack() as stack:
        houses: list[House] = []
        for number in range(count):
            made = await stack.enter_async_context(house(folder / f"{number}", **changes))
            for other in houses:
                await made.desk.add(other.network.listens_at)
            houses.append(made)
        await until(lambda: all(made.links == count - 1 for made in houses))
        yield houses
