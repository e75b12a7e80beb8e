"""The machine: one step for one input, and who hears what.

    effects = machine.step(now_ms, input)

A step reads nothing but its input, the time given, and the chain through `ports.Chain`. A fault of
a peer ends its link (`core.drop`) and never leaves the step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chaindeck.kernel import hash256
from chaindeck.ledger.checkpoints import decode_checkpoint
from chaindeck.ledger.errors import ChainError, CheckpointConflict, RuleError
from chaindeck.protocol import limits
from chaindeck.protocol.blocks import BlockRelay
from chaindeck.protocol.codec import decode_message, encode_introduction
from chaindeck.protocol.core import Core
from chaindeck.protocol.discovery import Discovery
from chaindeck.protocol.effects import Effect, JudgeCheckpoint
from chaindeck.protocol.entropy import Entropy
from chaindeck.protocol.errors import (
    NodeStopping,
    PeerBarredFault,
    PeerCheckpoint,
    PeerClosedFault,
    PeerFault,
    PeerFull,
    PeerSelf,
)
from chaindeck.protocol.frames import FrameReader
from chaindeck.protocol.handshake import Role, check_introduction, check_proof, prove
from chaindeck.protocol.inputs import (
    BlockJudged,
    BytesReceived,
    BytesTaken,
    CheckpointJudged,
    CheckpointMade,
    ClockSet,
    DatagramReceived,
    DialFailed,
    Input,
    PaymentsAdmitted,
    PaymentsJudged,
    PeerAdded,
    PeerBarred,
    PeerClosed,
    PeerConnected,
    PeerPardoned,
    PeerRemoved,
    Started,
    Stopping,
    TimerFired,
    TipMoved,
)
from chaindeck.protocol.links import Link
from chaindeck.protocol.messages import (
    AnnouncePayments,
    AskBlocks,
    AskCompact,
    AskHeaders,
    AskMissing,
    AskPayments,
    AskPeers,
    AskPool,
    BlockBody,
    BlocksUnknown,
    Bye,
    CheckpointNotice,
    CompactBlock,
    GivePeers,
    Headers,
    Hello,
    Introduction,
    Missing,
    Neighbours,
    Payments,
    PaymentsUnknown,
    Ping,
    Pong,
    PoolDigest,
    Proof,
    Type,
    Welcome,
)
from chaindeck.protocol.payments import PaymentRelay
from chaindeck.protocol.ports import Chain
from chaindeck.protocol.sync import Sync
from chaindeck.protocol.topology import Topology
from chaindeck.protocol.transitions import Phase, next_phase
from chaindeck.protocol.types import Address, NodeKey, Settings

_NONCE_BYTES = 32


class Machine:
    """The network side of one node."""

    def __init__(self, settings: Settings, chain: Chain, entropy: Entropy | None = None) -> None:
        self.core = Core(settings, chain, entropy)
        self.topology = Topology(self.core)
        self.discovery = Discovery(self.core, self.topology)
        self.payments = PaymentRelay(self.core, self.topology)
        self.sync = Sync(self.core)
        self.blocks = BlockRelay(self.core, self.topology, self.sync)
        self._max_block_bytes = settings.network.genesis.max_block_bytes
        self._checkpoints: dict[bytes, bytes] = {}
        self._hearers = self._list_hearers()
        self._takers = self._list_takers()

    def step(self, now_ms: int, happened: Input) -> list[Effect]:
        """Take in what happened; return what is to be done about it, in order."""
        core = self.core
        core.now_ms = max(core.now_ms, now_ms)
        self._takers[type(happened)](happened)
        return core.finish()

    # Looking

    @property
    def peers(self) -> list[Link]:
        """The proved links, for whoever describes this node. Not to be changed."""
        return list(self.core.ready.values())

    @property
    def node_key(self) -> NodeKey:
        return NodeKey(self.core.settings.key.public_key)

    # Links

    def _started(self, started: Started) -> None:
        self.topology.start(started)
        self.discovery.start()
        self.payments.start()
        self.sync.start()

    def _clock_set(self, clock: ClockSet) -> None:
        """Follow the clock, and the peers' offsets with it."""
        moved_ms = clock.offset_ms - self.core.offset_ms
        self.core.offset_ms = clock.offset_ms
        for link in self.core.ready.values():
            link.clock_offset_ms -= moved_ms
        self.topology.watch_clocks()

    def _stopping(self, _: Stopping) -> None:
        for link in list(self.core.links.values()):
            self.core.drop(link, NodeStopping())

    def _connected(self, connected: PeerConnected) -> None:
        core = self.core
        link = Link(
            connected.link,
            connected.address,
            FrameReader(core.magic, self._max_block_bytes),
            core.now_ms,
            is_inbound=connected.is_inbound,
            binding=connected.binding,
        )
        core.links[link.id] = link
        if self.topology.connected(link) and not link.is_inbound:
            introduction = self._introduce(link)
            link.opening = (encode_introduction(introduction), b"")
            core.send(link, Hello(introduction))

    def _closed(self, closed: PeerClosed) -> None:
        link = self.core.links.pop(closed.link)
        if not link.is_closing:
            self.core.forget(link, PeerClosedFault(reason="without a word"))

    def _received(self, received: BytesReceived) -> None:
        link = self.core.links[received.link]
        link.last_heard_ms = self.core.now_ms
        link.bytes_in += len(received.data)
        try:
            for frame_type, payload in link.reader.feed(received.data):
                if link.is_closing:
                    return
                self._hear(link, frame_type, payload)
        except PeerFault as fault:
            self.core.drop(link, fault)

    def _taken(self, taken: BytesTaken) -> None:
        link = self.core.links.get(taken.link)
        if link is not None:
            link.pending_bytes -= taken.count
            if link.queued_blocks:
                self.sync.serve(link)

    def _hear(self, link: Link, frame_type: Type, payload: bytes) -> None:
        phase = next_phase(link.phase, frame_type)
        message = decode_message(frame_type, payload)
        if phase is link.phase:
            self._hearers[type(message)](link, message)
        else:
            self._shake_hands(link, message, payload, phase)

    # Handshake

    def _shake_hands(self, link: Link, message: object, payload: bytes, phase: Phase) -> None:
        """Take one step of the handshake, or part."""
        match message:
            case Hello(introduction):
                self._answer(link, introduction, payload)
                link.phase = phase
            case Welcome(introduction, signature):
                self._meet(link, introduction)
                hello, _ = link.opening
                welcome = encode_introduction(introduction)
                link.opening = (hello, welcome)
                self._check(link, Role.ANSWERER, signature)
                key = self.core.settings.key
                proof = prove(key, Role.DIALLER, hello, welcome, link.binding)
                self.core.send(link, Proof(proof))
                self._proved(link, phase)
            case Proof(signature):
                self._check(link, Role.DIALLER, signature)
                self._proved(link, phase)
            case Bye(code):
                if code == PeerSelf.code and not link.is_inbound:
                    self.topology.book.is_self(link.address)
                self.core.forget(link, PeerClosedFault(reason=code))
                self.core.close(link)

    def _answer(self, link: Link, introduction: Introduction, payload: bytes) -> None:
        self._meet(link, introduction)
        own = self._introduce(link)
        link.opening = (payload, encode_introduction(own))
        proof = prove(self.core.settings.key, Role.ANSWERER, *link.opening, link.binding)
        self.core.send(link, Welcome(own, proof))

    def _meet(self, link: Link, introduction: Introduction) -> None:
        """Note who speaks, as it says; raise if nothing more is wanted of it."""
        try:
            check_introduction(self.core.settings, introduction)
        except PeerSelf:
            if not link.is_inbound:
                self.topology.book.is_self(link.address)
            raise
        link.introduction = introduction
        link.key = introduction.key
        link.clock_offset_ms = introduction.time_ms - self.core.clock_ms
        if link.is_inbound and introduction.port:
            link.listening = Address(link.address.ip, introduction.port)

    def _check(self, link: Link, role: Role, signature: bytes) -> None:
        assert link.key is not None, "introductions come before proofs"
        check_proof(link.key, role, *link.opening, link.binding, signature)

    def _proved(self, link: Link, phase: Phase) -> None:
        if self.topology.is_barred(link):
            raise PeerBarredFault
        link.phase = phase
        if link.is_guest:
            self.discovery.advise(link)
            self.core.drop(link, PeerFull())
        elif self.topology.proved(link):
            self.discovery.proved(link)
            self.payments.proved(link)
            for raw in self._checkpoints.values():
                self.core.send(link, CheckpointNotice(raw))
            self.sync.proved(link)
            self.blocks.proved(link)

    def _introduce(self, link: Link) -> Introduction:
        core = self.core
        link.nonce = core.entropy.draw(_NONCE_BYTES)
        tip = core.chain.tip()
        link.told_work = tip.work
        return Introduction(
            version=limits.PROTOCOL_VERSION,
            network_id=core.settings.network.id,
            key=self.node_key,
            nonce=link.nonce,
            height=tip.header.height,
            work=tip.work,
            port=core.settings.port,
            features=0,
            time_ms=core.clock_ms,
            agent=core.settings.agent,
        )

    # Small talk

    def _ping(self, link: Link, ping: Ping) -> None:
        if self.core.may(link, "ping", limits.PING_RATE):
            self.core.send(link, Pong(ping.nonce))

    def _neighbours(self, link: Link, message: Neighbours) -> None:
        if self.core.may(link, "neighbours", limits.NEIGHBOURS_RATE):
            link.neighbours = message.keys

    def _checkpoint(self, link: Link, notice: CheckpointNotice) -> None:
        """Offer a checkpoint to the chain, which passes it on if it holds."""
        core = self.core
        if not core.may(link, "checkpoints", limits.CHECKPOINT_RATE):
            return
        try:
            checkpoint = decode_checkpoint(notice.raw)
        except RuleError as error:
            core.drop(link, PeerCheckpoint(rule=error.code, detail=str(error)))
            return
        if hash256(notice.raw) in self._checkpoints:
            self.sync.told_of(checkpoint.hash, link)
            return
        core.effects.append(JudgeCheckpoint(notice.raw, link.id))

    def _checkpoint_judged(self, judged: CheckpointJudged) -> None:
        """Blame whoever passed on what no quorum signed; two quorums are no fault of a peer."""
        link = self.core.links.get(judged.link)
        error = judged.error
        if link is None or error is None or isinstance(error, (CheckpointConflict, ChainError)):
            return
        self.core.drop(link, PeerCheckpoint(rule=error.code, detail=str(error)))

    def _checkpoint_made(self, made: CheckpointMade) -> None:
        number = hash256(made.raw)
        if number not in self._checkpoints:
            self._checkpoints[number] = made.raw
            if len(self._checkpoints) > limits.MAX_CHECKPOINTS:
                del self._checkpoints[next(iter(self._checkpoints))]
            self.core.send_all(list(self.core.ready.values()), CheckpointNotice(made.raw))
            self.sync.named(decode_checkpoint(made.raw).hash)

    def _tip_moved(self, moved: TipMoved) -> None:
        self.payments.tip_moved(moved.connected)
        self.sync.moved()
        self.blocks.moved(moved.connected)

    # Who hears what

    def _list_hearers(self) -> dict[type, Callable[[Link, Any], None]]:
        return {
            Ping: self._ping,
            Pong: self.topology.heard_pong,
            AskPeers: self.discovery.asked,
            GivePeers: self.discovery.given,
            Neighbours: self._neighbours,
            AnnouncePayments: self.payments.announced,
            AskPayments: self.payments.asked,
            Payments: self.payments.came,
            PaymentsUnknown: self.payments.unknown,
            PoolDigest: self.payments.compared,
            AskPool: self.payments.pool_asked,
            CompactBlock: self.blocks.came,
            AskCompact: self.blocks.asked,
            AskMissing: self.blocks.missing_asked,
            Missing: self.blocks.missing,
            AskHeaders: self.sync.headers.asked,
            Headers: self.sync.headers.came,
            AskBlocks: self.sync.blocks_asked,
            BlockBody: self.sync.body,
            BlocksUnknown: self.sync.bodies_unknown,
            CheckpointNotice: self._checkpoint,
        }

    def _list_takers(self) -> dict[type, Callable[[Any], None]]:
        return {
            Started: self._started,
            ClockSet: self._clock_set,
            Stopping: self._stopping,
            PeerConnected: self._connected,
            PeerClosed: self._closed,
            DialFailed: self.topology.dial_failed,
            BytesReceived: self._received,
            BytesTaken: self._taken,
            DatagramReceived: self.discovery.datagram,
            TimerFired: lambda _: self.core.run_due(),
            BlockJudged: self.sync.judged,
            PaymentsJudged: self.payments.judged,
            PaymentsAdmitted: self.payments.admitted,
            TipMoved: self._tip_moved,
            CheckpointJudged: self._checkpoint_judged,
            CheckpointMade: self._checkpoint_made,
            PeerAdded: self.topology.add,
            PeerRemoved: self.topology.remove,
            PeerBarred: self.topology.bar,
            PeerPardoned: self.topology.pardon,
        }
