"""One simulated node: the machine and the chain of a real one, and what stands for its hardware."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from chaindeck.ledger.checkpoints import Checkpoint, decode_checkpoint, encode_checkpoint
from chaindeck.ledger.errors import RuleError
from chaindeck.ledger.pool_types import Accepted, Rejected
from chaindeck.ledger.signatures import SigningKey
from chaindeck.ledger.state import (
    Admitted,
    Connected,
    Disconnected,
    Event,
    Fixed,
    run_here,
)
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
    ClockSet,
    DatagramReceived,
    DialFailed,
    Input,
    PaymentsAdmitted,
    PaymentsJudged,
    PeerClosed,
    PeerConnected,
    Started,
    Stopping,
    TimerFired,
    TipMoved,
)
from chaindeck.protocol.machine import Machine
from chaindeck.protocol.types import LinkId, Settings
from chaindeck.simulate import costs
from chaindeck.simulate.judging import SharedChainState
from chaindeck.simulate.keeping import Keeper
from chaindeck.simulate.library import Library
from chaindeck.simulate.limits import EXPIRE_INTERVAL_US
from chaindeck.simulate.machines import SharedMachine
from chaindeck.simulate.world import MS, Site, World

KINDS: Final[dict[type, int]] = {
    kind: number
    for number, kind in enumerate(
        (
            Started,
            ClockSet,
            Stopping,
            PeerConnected,
            PeerClosed,
            DialFailed,
            BytesReceived,
            BytesTaken,
            DatagramReceived,
            TimerFired,
            BlockJudged,
            PaymentsJudged,
            PaymentsAdmitted,
            TipMoved,
            CheckpointJudged,
            CheckpointMade,
        )
    )
}
"""How the trace names inputs."""


class Watcher:
    """What a run wants to know of its nodes. Each does nothing; a run overrides some."""

    def started(self, node: SimulatedNode) -> None:
        """A node runs, and has not taken a step yet."""

    def stopped(self, node: SimulatedNode, *, lost_blocks: int | None = None) -> None:
        """A node is about to end. What it knows is still there to be looked at.

        `lost_blocks` of its chain are lost with its pool; None where both are kept.
        """

    def stepped(self, node: SimulatedNode, happened: Input) -> None:
        """A node has taken a step."""

    def happened(self, node: SimulatedNode, event: Event) -> None:
        """Something happened to a node's chain or pool."""

    def refused(self, node: SimulatedNode, block: Block, error: RuleError) -> None:
        """A node found that a block breaks a rule."""

    def told(self, node: SimulatedNode, event: NetworkEvent) -> None:
        """A node tells something of its peers."""


class SimulatedNode:
    """A node that can be started, crashed and started again."""

    def __init__(
        self,
        world: World,
        library: Library,
        settings: Callable[[int], Settings],
        site: Site,
        *,
        watcher: Watcher,
        twist: Callable[[Machine], Machine] | None = None,
    ) -> None:
        self.world = world
        self.library = library
        self.number = site.number
        self.place = site.place
        self.address = site.address
        self.uplink_bytes_s = site.uplink_bytes_s
        self.uplink_free_us = 0
        self.is_up = False
        self.is_honest = twist is None
        self.hashes_s = 0.0
        self.life = 0
        """How often it has been started."""
        self.keeper = Keeper(library)
        self.kept_peers: tuple[bytes, ...] = ()
        """What it remembers of its peers over a restart."""
        self.state: SharedChainState
        self.machine: Machine
        self._settings = settings
        self._twist = twist
        self._watcher = watcher
        self._clock_offset_ms = 0
        self._kept_pool: list[tuple[bytes, int]] = []
        self._wake_us: int | None = None
        self._busy_until_us = 0

    # Life

    def start(self) -> None:
        """Begin, or begin again with what the disk holds."""
        self.life += 1
        self.is_up = True
        self._wake_us = None
        self._busy_until_us = 0
        self.state = SharedChainState(self.library, self.keeper)
        self._resume()
        view = ChainView(self.state, self.keeper.active_hash, self.keeper.load_seal)
        machine = SharedMachine(self._settings(self.life), view, self.library.readings)
        self.machine = self._twist(machine) if self._twist else machine
        self._watcher.started(self)
        if self._clock_offset_ms:
            self.hear(ClockSet(self._clock_offset_ms))
        self.hear(Started(self.kept_peers))
        for checkpoint in self.state.checkpoints.all():
            self.hear(CheckpointMade(encode_checkpoint(checkpoint)))
        self.world.after(EXPIRE_INTERVAL_US, self._expire, self.life)

    def _resume(self) -> None:
        """Stand where the disk says, and take up what waited at a regular end."""
        if len(self.keeper.active) > 1 or self.keeper.marks:
            marks = sorted(self.keeper.marks.values(), key=lambda mark: mark.entry.header.height)
            tip = self.keeper.active[-1]
            known = self.library.entries.get(tip, self.state.tree.genesis)
            self.state.resume(marks, known, self.keeper.load_checkpoints())
            run_here(self.state.settle(self.clock_ms))
        kept, self._kept_pool = self._kept_pool, []
        if kept:
            run_here(self.state.restore_pool(kept, self.clock_ms))
        self.state.take_events()

    def crash(self, *, torn_batches: int = 0, is_silent: bool = False) -> None:
        """End at once. What the keeper has been told stays, all else is gone.

        `torn_batches` are lost on top; a silent crash is noticed by nobody at first.
        """
        if not self.is_up:
            return
        self._watcher.stopped(self, lost_blocks=torn_batches)
        self.is_up = False
        self.keeper.tear(torn_batches)
        self.world.close_all(self, is_silent=is_silent)

    def stop(self) -> None:
        """End as told to: the peers hear of it, and the pool is kept."""
        if not self.is_up:
            return
        self.hear(Stopping())
        waiting = self.state.pool.by_age()
        self._kept_pool = [(entry.raw, entry.arrived_ms) for _, entry in waiting]
        self._watcher.stopped(self)
        self.is_up = False
        self.world.close_all(self)

    def wipe_out(self) -> None:
        """End, and lose everything but whom one knew: the next start is a fresh node's."""
        if not self.is_up:
            return
        self.hear(Stopping())
        self._watcher.stopped(self, lost_blocks=len(self.keeper.active) - 1)
        self.is_up = False
        self.world.close_all(self)
        self.keeper = Keeper(self.library)

    def set_clock(self, offset_ms: int) -> None:
        self._clock_offset_ms = offset_ms
        if self.is_up:
            self.hear(ClockSet(offset_ms))

    @property
    def clock_offset_ms(self) -> int:
        return self._clock_offset_ms

    @property
    def clock_ms(self) -> int:
        return self.world.now_us // MS + self._clock_offset_ms

    # Steps

    def hear(self, happened: Input) -> None:
        """Take one step of the machine, and carry out what it wants."""
        if not self.is_up:
            return
        world = self.world
        world.acting = self
        world.mark(self, KINDS[type(happened)])
        for effect in self.machine.step(world.now_us // MS, happened):
            if type(effect) is Send:
                world.send(self, effect.link, effect.data)
            else:
                self._carry_out(effect)
        self._watcher.stepped(self, happened)

    def _carry_out(self, effect: Effect) -> None:
        match effect:
            case WakeAt(time_ms):
                self._wake_at(time_ms * MS)
            case Send(link, data):
                self.world.send(self, link, data)
            case JudgeBlock(block, link):
                self._work(self._cost_of(block), self._judge_block, block, link)
            case JudgePayments(ticket, transactions):
                cost_us = costs.POOL_PAYMENT_US * len(transactions)
                self._work(cost_us, self._judge_payments, ticket, transactions)
            case JudgeCheckpoint(raw, link):
                self._work(costs.POOL_PAYMENT_US, self._judge_checkpoint, raw, link)
            case Close(link):
                self.world.close(self, link)
            case Dial(address):
                self.world.dial(self, address)
            case SendDatagram(target, data):
                self.world.datagram(self, target, data)
            case SetSyncing(is_syncing):
                self.state.is_syncing = is_syncing
            case KeepPeers(known):
                self.kept_peers = known
            case Emit(event):
                self._watcher.told(self, event)

    def _wake_at(self, time_us: int) -> None:
        self._wake_us = time_us
        self.world.at(time_us, self._wake, time_us, self.life)

    def _wake(self, time_us: int, life: int) -> None:
        if self._wake_us == time_us and self.life == life and self.is_up:
            self._wake_us = None
            self.hear(TimerFired())

    def _expire(self, life: int) -> None:
        if self.is_up and self.life == life:
            self.state.expire(self.clock_ms)
            self._tell()
            self.world.after(EXPIRE_INTERVAL_US, self._expire, life)

    # Work

    def _work(self, cost_us: int, job: Callable[..., None], *arguments: object) -> None:
        """Do something when the processor has had the time for it."""
        start_us = max(self.world.now_us, self._busy_until_us)
        self._busy_until_us = start_us + cost_us
        self.world.at(self._busy_until_us, self._do, self.life, job, arguments)

    def _do(self, life: int, job: Callable[..., None], arguments: tuple[object, ...]) -> None:
        if self.is_up and self.life == life:
            self.world.acting = self
            job(*arguments)

    def _cost_of(self, block: Block) -> int:
        count = int(block.header.tx_count)
        pool = self.state.pool
        unseen = count if not len(pool) else max(0, count - 1 - len(pool))
        seen = count - unseen
        seen_us = max(seen * costs.SEEN_PAYMENT_US, len(block.raw) * costs.SEEN_KB_US // 1000)
        return costs.BLOCK_US + unseen * costs.UNSEEN_PAYMENT_US + seen_us

    def _judge_block(self, block: Block, link: LinkId | None) -> None:
        self.hear(BlockJudged(block.hash, link, self.take_block(block)))

    def _judge_payments(self, ticket: int, transactions: tuple[Transaction, ...]) -> None:
        results = self.take_payments(transactions)
        errors = tuple([item.error if isinstance(item, Rejected) else None for item in results])
        self.hear(PaymentsJudged(ticket, errors))

    def _judge_checkpoint(self, raw: bytes, link: LinkId) -> None:
        error = self.take_checkpoint(decode_checkpoint(raw))
        self.hear(CheckpointJudged(link, error))

    # What is handed in here

    def take_block(self, block: Block) -> RuleError | None:
        """Take in a block, from a peer or made here; return the rule it breaks."""
        error: RuleError | None = None
        known = self.library.blocks.get(block.hash)
        if known is not None and known.raw == block.raw:
            # Put together by each node anew, a large block would be kept once for each.
            block = known
        try:
            run_here(self.state.submit_block(block, self.clock_ms))
        except RuleError as refused:
            error = refused
            self._watcher.refused(self, block, refused)
        self._tell()
        return error

    def take_payments(self, transactions: Sequence[Transaction]) -> list[Accepted | Rejected]:
        """Offer payments to the pool."""
        results = run_here(self.state.submit_transactions(transactions, self.clock_ms))
        self._tell()
        return results

    def take_checkpoint(self, checkpoint: Checkpoint) -> RuleError | None:
        """Take in what a quorum signed; return the rule it breaks, a contradiction for one."""
        error: RuleError | None = None
        try:
            run_here(self.state.fix(checkpoint, self.clock_ms))
        except RuleError as refused:
            error = refused
        self._tell()
        return error

    def fill_pool(self, transactions: Sequence[Transaction]) -> None:
        """Let payments wait as if they had come long ago: nobody is told."""
        run_here(self.state.submit_transactions(transactions, self.clock_ms))
        self.state.take_events()

    def _tell(self) -> None:
        """Pass on what the chain did, to the machine and to whoever watches."""
        events = self.state.take_events()
        if not events:
            return
        connected: list[Block] = []
        admitted: list[Transaction] = []
        fixed: list[Checkpoint] = []
        has_moved = False
        happened = self._watcher.happened
        for event in events:
            if isinstance(event, Admitted):
                admitted.append(event.transaction)
            elif isinstance(event, Connected):
                connected.append(event.block)
                has_moved = True
            elif isinstance(event, Disconnected):
                has_moved = True
            elif isinstance(event, Fixed):
                fixed.append(event.checkpoint)
            happened(self, event)
        if has_moved:
            self.hear(TipMoved(tuple(connected)))
        if admitted:
            self.hear(PaymentsAdmitted(tuple(admitted)))
        for checkpoint in fixed:
            self.hear(CheckpointMade(encode_checkpoint(checkpoint)))


def node_key(seed: bytes, number: int) -> SigningKey:
    """Return the key of a node of a run."""
    return SigningKey(seed[:24] + (number + 1).to_bytes(8, "big"))
