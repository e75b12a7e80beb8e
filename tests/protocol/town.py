"""A few whole nodes in one loop of events: real machines, real chains, quick links."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol, TypeVar

from chaindeck.ledger.checkpoints import Checkpoint, decode_checkpoint, encode_checkpoint
from chaindeck.ledger.errors import RuleError
from chaindeck.ledger.genesis import Network
from chaindeck.ledger.pool_types import Accepted, Rejected
from chaindeck.ledger.signatures import SigningKey
from chaindeck.ledger.state import Admitted, Connected, Disconnected, Fixed, run_here
from chaindeck.ledger.types import Block, Transaction
from chaindeck.protocol.chain_view import ChainView
from chaindeck.protocol.effects import (
    Close,
    Dial,
    Effect,
    Emit,
    JudgeBlock,
    JudgeCheckpoint,
    JudgePayments,
    KeepPeers,
    Send,
    SendDatagram,
    SetSyncing,
    WakeAt,
)
from chaindeck.protocol.events import NetworkEvent
from chaindeck.protocol.inputs import (
    BlockJudged,
    BytesReceived,
    BytesTaken,
    CheckpointJudged,
    CheckpointMade,
    DatagramReceived,
    DialFailed,
    Input,
    PaymentsAdmitted,
    PaymentsJudged,
    PeerClosed,
    PeerConnected,
    Started,
    TimerFired,
    TipMoved,
)
from chaindeck.protocol.machine import Machine
from chaindeck.protocol.types import Address, LinkId, Settings, make_address
from tests.ledger.forge import dev_network
from tests.ledger.keeping import KeeperInMemory, Standing

START_MS = 1_900_000_000_000
Told = TypeVar("Told")


class Guest(Protocol):
    """A peer that is no node."""

    address: Address
    is_closed: bool

    def receive(self, data: bytes) -> None: ...


class Resident:
    """One node: a machine over a chain of its own."""

    def __init__(self, town: Town, number: int, **settings: object) -> None:
        self.town = town
        self.number = number
        self.address = make_address(f"10.{number // 250}.{number % 250}.1", 8333)
        self.standing = Standing(town.network)
        self.state = self.standing.state
        keeper: KeeperInMemory = self.standing.keeper
        self.view = ChainView(
            self.state,
            lambda height: keeper.active[height] if 0 <= height < len(keeper.active) else None,
            lambda block_hash: self.seals.get(block_hash, b""),
        )
        self.seals: dict[bytes, bytes] = {}
        self.key = SigningKey((number + 1).to_bytes(32, "big"))
        defaults = {"is_discovering": False, "port": 8333}
        self.settings = Settings(
            network=town.network,
            key=self.key,
            seed=number.to_bytes(32, "big"),
            **{**defaults, **settings},
        )
        self.machine = Machine(self.settings, self.view)
        self.events: list[NetworkEvent] = []
        self.sent: list[tuple[LinkId, bytes]] = []
        self.kept: tuple[bytes, ...] = ()
        self.wake_ms: int | None = None
        self.is_up = False

    def start(self) -> None:
        self.is_up = True
        self.step(Started(self.kept))

    def step(self, happened: Input) -> None:
        if self.is_up:
            for effect in self.machine.step(self.town.now_ms, happened):
                self.town.carry_out(self, effect)

    @property
    def tip(self) -> bytes:
        return self.state.tip.header.hash

    def heard(self, kind: type[Told]) -> list[Told]:
        return [event for event in self.events if isinstance(event, kind)]

    # What the driver of a node does beside the machine

    def mine(self, *transactions: Transaction, took_ms: int = 10_000) -> Block:
        """Make a block on this node's tip and take it in."""
        block = self.assemble(*transactions, took_ms=took_ms)
        assert self.submit(block) is None
        return block

    def assemble(self, *transactions: Transaction, took_ms: int = 10_000) -> Block:
        forge = self.standing.forge
        forge.tree = self.state.tree
        return forge.assemble(transactions, parent=self.state.tip, took_ms=took_ms, miner=self.key)

    def submit(self, block: Block) -> RuleError | None:
        error = None
        self.seals[block.hash] = block.seal
        try:
            run_here(self.state.submit_block(block, self.town.now_ms))
        except RuleError as refused:
            error = refused
        self.tell()
        return error

    def pay(self, *transactions: Transaction) -> list[Accepted | Rejected]:
        results = run_here(self.state.submit_transactions(transactions, self.town.now_ms))
        self.tell()
        return results

    def fix(self, checkpoint: Checkpoint) -> None:
        try:
            run_here(self.state.fix(checkpoint, self.town.now_ms))
        finally:
            self.tell()

    def tell(self) -> None:
        connected: list[Block] = []
        has_moved = False
        admitted: list[Transaction] = []
        fixed: list[Checkpoint] = []
        for event in self.state.take_events():
            if isinstance(event, Connected):
                connected.append(event.block)
                has_moved = True
            elif isinstance(event, Disconnected):
                has_moved = True
            elif isinstance(event, Admitted):
                admitted.append(event.transaction)
            elif isinstance(event, Fixed):
                fixed.append(event.checkpoint)
        if has_moved:
            self.step(TipMoved(tuple(connected)))
        if admitted:
            self.step(PaymentsAdmitted(tuple(admitted)))
        for checkpoint in fixed:
            self.step(CheckpointMade(encode_checkpoint(checkpoint)))


class Town:
    """Nodes, links between them, and one clock."""

    def __init__(self, network: Network | None = None, *, latency_ms: int = 5) -> None:
        self.network = network or dev_network()
        self.latency_ms = latency_ms
        self.now_ms = START_MS
        self.residents: list[Resident] = []
        self.steps = 0
        self._links: dict[tuple[int, LinkId], tuple[int, LinkId]] = {}
        self._cut: set[frozenset[int]] = set()
        self._strangers: dict[tuple[int, LinkId], Guest] = {}
        self._when_closed: dict[LinkId, Callable[[], None]] = {}
        self._heap: list[tuple[int, int, Callable[[], None]]] = []
        self._number = 0
        self._last_link = 0
        self.may_pass: Callable[[Resident, bytes], bytes | None] = lambda _, data: data

    def settle(self, count: int, *, statics: str = "first", **settings: object) -> list[Resident]:
        """Add nodes that know the first of them, all of them, or nobody."""
        first = len(self.residents)
        for number in range(first, first + count):
            known: Sequence[Address] = ()
            if statics == "first" and self.residents:
                known = (self.residents[0].address,)
            if statics == "all":
                known = tuple(resident.address for resident in self.residents)
            resident = Resident(self, number, **{"static_peers": tuple(known), **settings})
            self.residents.append(resident)
        for resident in self.residents[first:]:
            resident.start()
        return self.residents[first:]

    def at(self, delay_ms: int, action: Callable[[], None]) -> None:
        self._number += 1
        heapq.heappush(self._heap, (self.now_ms + delay_ms, self._number, action))

    def run(self, duration_ms: int) -> None:
        end_ms = self.now_ms + duration_ms
        while self._heap and self._heap[0][0] <= end_ms:
            self.now_ms, _, action = heapq.heappop(self._heap)
            action()
            self.steps += 1
            assert self.steps < 2_000_000, "a town that never rests"
        self.now_ms = end_ms

    def run_until(self, condition: Callable[[], bool], limit_ms: int = 120_000) -> None:
        end_ms = self.now_ms + limit_ms
        while not condition():
            assert self._heap, "nothing happens any more"
            assert self._heap[0][0] <= end_ms, "it never came to pass"
            self.now_ms, _, action = heapq.heappop(self._heap)
            action()

    def cut(self, one: Resident, other: Resident) -> None:
        """Nothing passes between two nodes, and nobody is told."""
        self._cut.add(frozenset((one.number, other.number)))

    def mend(self) -> None:
        self._cut.clear()

    def is_cut(self, one: int, other: int) -> bool:
        return frozenset((one, other)) in self._cut

    def kill(self, resident: Resident) -> None:
        """End a node at once; its peers see their links close."""
        resident.is_up = False
        for (number, link), (other, other_link) in list(self._links.items()):
            if number == resident.number:
                self._links.pop((number, link))
                self._links.pop((other, other_link))
                peer = self.residents[other]
                self.at(self.latency_ms, partial(peer.step, PeerClosed(other_link)))

    def attach(
        self, guest: Guest, resident: Resident, when_closed: Callable[[], None] | None = None
    ) -> LinkId:
        """Let a scripted peer dial a node; `when_closed` is called when the node closes."""
        link = self._new_link()
        self._strangers[resident.number, link] = guest
        if when_closed is not None:
            self._when_closed[link] = when_closed
        resident.step(PeerConnected(link, guest.address, is_inbound=True))
        return link

    def detach(self, guest: Guest) -> None:
        self._strangers = {key: item for key, item in self._strangers.items() if item is not guest}
        guest.is_closed = True

    # Effects

    def carry_out(self, resident: Resident, effect: Effect) -> None:
        match effect:
            case Send(link, data):
                self._send(resident, link, data)
            case Close(link):
                self.at(1, lambda: self._close(resident, link))
            case Dial(address):
                self._dial(resident, address)
            case SendDatagram(target, data):
                self.scatter(resident.address, target, data)
            case WakeAt(time_ms):
                resident.wake_ms = time_ms
                self.at(max(0, time_ms - self.now_ms), lambda: self._wake(resident, time_ms))
            case JudgeBlock(block, link):
                self.at(0, lambda: self._judge_block(resident, block, link))
            case JudgePayments(ticket, transactions):
                self.at(0, lambda: self._judge_payments(resident, ticket, transactions))
            case JudgeCheckpoint(raw, link):
                self.at(0, lambda: self._judge_checkpoint(resident, raw, link))
            case SetSyncing(is_syncing):
                resident.state.is_syncing = is_syncing
            case KeepPeers(known):
                resident.kept = known
            case Emit(event):
                resident.events.append(event)

    def _wake(self, resident: Resident, time_ms: int) -> None:
        if resident.wake_ms == time_ms:
            resident.wake_ms = None
            resident.step(TimerFired())

    def _send(self, resident: Resident, link: LinkId, data: bytes) -> None:
        resident.sent.append((link, data))
        guest = self._strangers.get((resident.number, link))
        if guest is not None:
            self.at(self.latency_ms, partial(guest.receive, data))
            return
        end = self._links.get((resident.number, link))
        passed = self.may_pass(resident, data)
        if end is None or passed is None or self.is_cut(resident.number, end[0]):
            return

        def arrive() -> None:
            if self._links.get((resident.number, link)) == end:
                resident.step(BytesTaken(link, len(data)))
            if end in self._links:
                self.residents[end[0]].step(BytesReceived(end[1], passed))

        self.at(self.latency_ms, arrive)

    def _close(self, resident: Resident, link: LinkId) -> None:
        guest = self._strangers.get((resident.number, link))
        if guest is not None:
            self.at(self.latency_ms, partial(self.detach, guest))
            resident.step(PeerClosed(link))
            if link in self._when_closed:
                self.at(self.latency_ms, self._when_closed.pop(link))
            return
        end = self._links.pop((resident.number, link), None)
        if end is not None:
            resident.step(PeerClosed(link))
            self.at(self.latency_ms, partial(self._end, end))

    def _end(self, end: tuple[int, LinkId]) -> None:
        if self._links.pop(end, None) is not None:
            self.residents[end[0]].step(PeerClosed(end[1]))

    def _dial(self, resident: Resident, address: Address) -> None:
        target = next((item for item in self.residents if item.address == address), None)

        def arrive() -> None:
            if target is None or not target.is_up or self.is_cut(resident.number, target.number):
                resident.step(DialFailed(address, "nobody there"))
                return
            here, there = self._new_link(), self._new_link()
            self._links[resident.number, here] = (target.number, there)
            self._links[target.number, there] = (resident.number, here)
            source = Address(resident.address.ip, 40_000 + here % 20_000)
            target.step(PeerConnected(there, source, is_inbound=True))
            resident.step(PeerConnected(here, address, is_inbound=False))

        self.at(self.latency_ms, arrive)

    def _new_link(self) -> LinkId:
        self._last_link += 1
        return LinkId(self._last_link)

    def scatter(self, source: Address, target: Address | None, data: bytes) -> None:
        """Deliver a datagram to everybody else, or to one."""
        number = next((item.number for item in self.residents if item.address == source), -1)
        for other in self.residents:
            is_meant = other.address.ip != source.ip and target in (None, other.address)
            if is_meant and frozenset((other.number, number)) not in self._cut:
                self.at(self.latency_ms, partial(other.step, DatagramReceived(source, data)))

    def _judge_block(self, resident: Resident, block: Block, link: LinkId | None) -> None:
        error = resident.submit(block)
        resident.step(BlockJudged(block.hash, link, error))

    def _judge_payments(
        self, resident: Resident, ticket: int, transactions: tuple[Transaction, ...]
    ) -> None:
        results = resident.pay(*transactions)
        errors = tuple(item.error if isinstance(item, Rejected) else None for item in results)
        resident.step(PaymentsJudged(ticket, errors))

    def _judge_checkpoint(self, resident: Resident, raw: bytes, link: LinkId) -> None:
        error = None
        try:
            resident.fix(decode_checkpoint(raw))
        except RuleError as refused:
            error = refused
        resident.step(CheckpointJudged(link, error))
