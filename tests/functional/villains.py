"""Adversaries of the simulator on real wires: the driver of a node, with another machine in it.

    async with villain("flood", folder, meeting, height=5, ahead=0) as loose: ...

What an adversary wants is carried out by the very driver that real nodes run: TCP, datagrams, time,
and for kinds with a node a chain on disk. There is no rule here, and nothing that a kind could lean
on in its simulated life: no look into others, and no time but the machine's or, for one that cheats
with it, so much later.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import itertools
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

from chaindeck.ledger.genesis import Network
from chaindeck.ledger.signatures import SigningKey
from chaindeck.node.clock import DevClock
from chaindeck.node.mining import Miner, MiningPlan
from chaindeck.node.network.doors import Doors, listen
from chaindeck.node.network.driver import Driver, Step
from chaindeck.node.network.multicast import Multicast
from chaindeck.node.service import NodeService
from chaindeck.protocol.chain_view import ChainView
from chaindeck.protocol.effects import Effect, Send
from chaindeck.protocol.inputs import Input
from chaindeck.protocol.machine import Machine
from chaindeck.protocol.types import Address, LinkId, Settings, make_address
from chaindeck.simulate.adversaries import KINDS, Kit
from chaindeck.simulate.adversaries.kit import CLOCK
from tests.ledger.forge import ALICE
from tests.node.network.street import until
from tests.node.running import running

HOST = "127.0.0.1"
GROUP = "239.255.83.35"
_MINING_LIMIT_S = 60.0


class Meeting(NamedTuple):
    """Where honest nodes are met."""

    network: Network
    known: tuple[Address, ...]
    group_port: int
    signers: tuple[SigningKey, ...]
    """As many as make a quorum."""


class Villain:
    """One adversary while it lives, and what it has sent so far."""

    def __init__(self, service: NodeService, key: SigningKey, step: Step) -> None:
        self.service = service
        self.key = key.public_key.hex()
        self.sent_bytes = 0
        self.sends = 0
        self._step = step
        self._loop = asyncio.get_running_loop()

    def mine(self, blocks: int) -> None:
        """Let it find blocks, by its own clock; from any thread but its own."""
        work = _mine(self.service, blocks)
        asyncio.run_coroutine_threadsafe(work, self._loop).result(_MINING_LIMIT_S)

    def step(self, now_ms: int, happened: Input) -> list[Effect]:
        effects = self._step(now_ms, happened)
        sent = [len(item.data) for item in effects if isinstance(item, Send)]
        self.sends += len(sent)
        self.sent_bytes += sum(sent)
        return effects


@contextlib.asynccontextmanager
async def villain(
    name: str, folder: Path, meeting: Meeting, *, height: int, ahead: int, **options: float
) -> AsyncIterator[Villain]:
    """Let a kind of adversary loose.

    One that is to be `ahead` of the others' `height` was a node like any other before.
    """
    with listen(HOST, 0) as listening:
        port: int = listening.getsockname()[1]
        kit = _kit(name, make_address(HOST, port), meeting, options)
        async with running(folder, meeting.network) as service:
            assert isinstance(service.clock, DevClock)
            service.clock.advance(int(kit.options.get(CLOCK, 0)))
            wires = _Wires(service, kit, listening, meeting.group_port)
            if ahead:
                await _get_ahead(wires, height, ahead)
            machine = wires.machine()
            loose = Villain(service, kit.key, _step_of(name, kit, machine))
            async with wires.driving(machine, loose.step):
                yield loose


class _Wires:
    """Everything that one driver after the other needs."""

    def __init__(
        self, service: NodeService, kit: Kit, listening: socket.socket, group_port: int
    ) -> None:
        self.service = service
        self._kit = kit
        self._listening = listening
        self._group_port = group_port
        self._links = itertools.count(1)

    def machine(self) -> Machine:
        store, kit = self.service.store, self._kit
        settings = Settings(
            network=kit.network,
            key=kit.key,
            seed=kit.seed,
            port=kit.address.port,
            static_peers=kit.known,
        )
        return Machine(settings, ChainView(self.service.state, store.active_hash, store.load_seal))

    @contextlib.asynccontextmanager
    async def driving(self, machine: Machine, step: Step) -> AsyncIterator[None]:
        driver = Driver(
            self.service, machine, Doors(), lambda: LinkId(next(self._links)), step=step
        )
        self.service.listen(driver.heard)
        await driver.start(self._listening, Multicast(GROUP, self._group_port, HOST))
        try:
            yield
        finally:
            await driver.stop()


def _kit(name: str, address: Address, meeting: Meeting, options: dict[str, float]) -> Kit:
    """Return what a kind starts with: bars are by key and port here, so each has its own key."""
    defaults = {key: option.default for key, option in KINDS[name].options.items()}
    return Kit(
        network=meeting.network,
        key=SigningKey(hashlib.sha256(b"key of " + name.encode()).digest()),
        seed=hashlib.sha256(b"chance of " + name.encode()).digest(),
        address=address,
        known=meeting.known,
        options=defaults | options,
        signers=meeting.signers if KINDS[name].needs_signers else (),
    )


def _step_of(name: str, kit: Kit, machine: Machine) -> Step:
    """Return the steps of a kind; one that needs no node leaves its machine and chain alone."""
    kind = KINDS[name]
    if kind.node is not None:
        return kind.node(kit, machine).step
    assert kind.peer is not None, "a kind is one or the other"
    return kind.peer(kit).step


async def _get_ahead(wires: _Wires, height: int, blocks: int) -> None:
    """Follow the others as any node does, and then mine on alone."""
    service, machine = wires.service, wires.machine()
    async with wires.driving(machine, machine.step):
        await until(lambda: service.tip.header.height >= height)
    await _mine(service, blocks)


async def _mine(service: NodeService, blocks: int) -> None:
    miner = Miner(service, MiningPlan())
    try:
        await miner.mine(blocks, ALICE.key_hash)
    finally:
        miner.close()
