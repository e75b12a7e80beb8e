"""The asyncio driver of one protocol machine: sockets, time and the chain on one side of it.

Everything that happens goes through `tell`, one input after the other, on the loop; what the
machine wants is done at once, and what takes longer (a block, payments, a dial) comes back as an
input. There is no rule here: which peer, when, how much and why are the machine's.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections import deque
from collections.abc import Callable, Coroutine

from chaindeck.ledger.checkpoints import Checkpoint, encode_checkpoint
from chaindeck.ledger.state import Admitted, Connected, Disconnected, Event, Fixed
from chaindeck.ledger.types import Block, Transaction
from chaindeck.node.limits import CLOCK_CHECK_S, CLOCK_STEP_MS, CLOSE_GRACE_S, NAMES_INTERVAL_S
from chaindeck.node.logs import get_logger
from chaindeck.node.network.doors import Doors
from chaindeck.node.network.judging import Judges
from chaindeck.node.network.multicast import Multicast
from chaindeck.node.network.names import PeerName, resolve
from chaindeck.node.network.news import describe_event, is_alarming, topic_of
from chaindeck.node.network.peers_file import PeersFile
from chaindeck.node.network.sockets import Connection
from chaindeck.node.service import NodeService
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
    CheckpointMade,
    ClockSet,
    DialFailed,
    Input,
    PaymentsAdmitted,
    PeerAdded,
    Started,
    Stopping,
    TimerFired,
    TipMoved,
)
from chaindeck.protocol.machine import Machine
from chaindeck.protocol.types import Address, LinkId

_log = get_logger("network")
_MS = 1_000
Step = Callable[[int, Input], list[Effect]]


class Driver:
    """One machine, from `Started` to `Stopping`. Start it once, stop it once.

    `step` is the machine's own, or one that records what it does. `new_link` gives numbers that no
    driver of this process has used.
    """

    def __init__(
        self,
        service: NodeService,
        machine: Machine,
        doors: Doors,
        new_link: Callable[[], LinkId],
        *,
        step: Step | None = None,
        names: tuple[PeerName, ...] = (),
    ) -> None:
        self.machine = machine
        self._service = service
        self._step = step or machine.step
        self._doors = doors
        self._new_link = new_link
        self._names = names
        self._judges = Judges(service, self.tell, self._tell_news)
        self._peers_file = PeersFile(service.store.folder)
        self._multicast: Multicast | None = None
        self._connections: dict[LinkId, Connection] = {}
        """All that stand; those that are closed leave when nothing waits in them any more."""
        self._inputs: deque[Input] = deque()
        # Until the machine has heard that it has started, everything else waits.
        self._is_stepping = True
        self._is_over = False
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._judging: list[asyncio.Task[None]] = []
        self._connected: list[Block] = []
        self._admitted: list[Transaction] = []
        self._fixed: list[Checkpoint] = []
        self._has_moved = False
        self._is_news_due = False
        self._offset_ms = 0
        # Close to the time that blocks go by, and from then on never set.
        self._zero_ms = service.clock.now_ms()
        self._zero_s = time.monotonic()

    # Life

    async def start(self, listening: socket.socket, multicast: Multicast | None) -> None:
        """Take connections of a socket, and begin to look for peers."""
        if multicast is not None:
            await self._join(multicast)
        await self._doors.open(listening, self._take_in)
        self._judging = [
            self._spawn(self._judges.judge_blocks()),
            self._spawn(self._judges.judge_payments()),
        ]
        self._spawn(self._judges.foresee_blocks())
        self._spawn(self._watch_clock())
        self._inputs.appendleft(Started(self._peers_file.load()))
        self._is_stepping = False
        self._run()
        for checkpoint in self._service.state.checkpoints.all():
            self.tell(CheckpointMade(encode_checkpoint(checkpoint)))
        if any(name.address is None for name in self._names):
            self._spawn(self._look_up_names())

    async def _join(self, multicast: Multicast) -> None:
        try:
            self._multicast = await multicast.open(self.tell)
        except OSError as error:
            _log.warning(
                "no multicast here: peers are found through those in the settings and by asking",
                reason=error.strerror or str(error),
            )

    async def stop(self) -> None:
        """Say good-bye, close everything, and wait until nothing is under way."""
        self.tell(Stopping())
        self._is_over = True
        await self._doors.close()
        if self._multicast is not None:
            self._multicast.close()
        if self._timer is not None:
            self._timer.cancel()
        self._judges.stop()
        await asyncio.wait(self._judging)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._peers_file.finish()
        await self._wait_for_links()

    async def _wait_for_links(self) -> None:
        """Let farewells leave. Each link is cut off after its grace by itself."""
        connections = list(self._connections.values())
        for connection in connections:
            connection.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2 * CLOSE_GRACE_S):
                for connection in connections:
                    await connection.lost.wait()

    # Steps

    def now_ms(self) -> int:
        """Milliseconds on a clock that is never set, close to the node's own at the start."""
        return self._zero_ms + int((time.monotonic() - self._zero_s) * _MS)

    def clock_time_ms(self, step_ms: int) -> int:
        """Return the Unix milliseconds of the node's clock at the time of a step."""
        return step_ms + self._service.clock.now_ms() - self.now_ms()

    def tell(self, happened: Input) -> None:
        """Take one step of the machine for this, after those that are under way."""
        if self._is_over:
            return
        self._inputs.append(happened)
        if not self._is_stepping:
            self._run()

    def _run(self) -> None:
        self._is_stepping = True
        try:
            while self._inputs:
                for effect in self._step(self.now_ms(), self._inputs.popleft()):
                    self._carry_out(effect)
        finally:
            self._is_stepping = False

    def _carry_out(self, effect: Effect) -> None:
        match effect:
            case Send(link, data):
                connection = self._connections.get(link)
                if connection is not None:
                    connection.send(data)
            case Close(link):
                connection = self._connections.get(link)
                if connection is not None:
                    connection.close()
            case Dial(address):
                self._spawn(self._dial(address))
            case SendDatagram(target, data):
                if self._multicast is not None:
                    self._multicast.send(target, data)
            case WakeAt(time_ms):
                self._wake_at(time_ms)
            case JudgeBlock(block, link):
                self._judges.offer_block(block, link)
            case JudgePayments(ticket, transactions):
                self._judges.offer_payments(ticket, transactions)
            case JudgeCheckpoint(raw, link):
                self._spawn(self._judges.judge_checkpoint(raw, link))
            case SetSyncing(is_syncing):
                self._service.state.is_syncing = is_syncing
            case KeepPeers(known):
                self._peers_file.keep(known)
            case Emit(event):
                self._publish(event)

    def _publish(self, event: NetworkEvent) -> None:
        described = describe_event(event)
        values = {name: value for name, value in described.items() if name != "event"}
        log = _log.warning if is_alarming(event) else _log.info
        log(described["event"], **values)
        self._service.feed.publish(topic_of(event), described)

    def _wake_at(self, time_ms: int) -> None:
        if self._timer is not None:
            self._timer.cancel()
        delay_s = max(0, time_ms - self.now_ms()) / _MS
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(delay_s, self.tell, TimerFired())

    def _spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a task of the network ended", error)

    # Links

    def _take_in(self) -> Connection:
        """Return what takes the bytes of a connection that somebody made."""
        return self._connection(None)

    def _connection(self, dialled: Address | None) -> Connection:
        bind = self._doors.bind
        return Connection(self._new_link(), self.tell, self._opened, dialled=dialled, bind=bind)

    def _opened(self, connection: Connection) -> None:
        self._connections[connection.link] = connection
        connection.when_lost = self._closed

    def _closed(self, connection: Connection) -> None:
        self._connections.pop(connection.link, None)

    async def _dial(self, address: Address) -> None:
        reason = await self._doors.dial(address, self._connection(address))
        if reason is not None:
            self.tell(DialFailed(address, reason))

    async def _look_up_names(self) -> None:
        """Names may come to mean other addresses, so they are looked up again and again."""
        while True:
            for name in self._names:
                if name.address is None:
                    try:
                        found = await resolve(name)
                    except OSError as error:
                        _log.warning("no address for a peer", name=name.host, reason=str(error))
                        continue
                    for address in found:
                        self.tell(PeerAdded(address, "dns"))
            await asyncio.sleep(NAMES_INTERVAL_S)

    # Chain

    def heard(self, event: Event) -> None:
        """Gather what the chain does until the loop comes round, or a verdict needs it told."""
        match event:
            case _ if self._is_over:
                return
            case Connected(block=block):
                self._connected.append(block)
                self._has_moved = True
            case Disconnected():
                self._has_moved = True
            case Admitted(transaction=transaction):
                self._admitted.append(transaction)
            case Fixed(checkpoint=checkpoint):
                self._fixed.append(checkpoint)
            case _:
                return
        if not self._is_news_due:
            self._is_news_due = True
            asyncio.get_running_loop().call_soon(self._tell_news)

    def _tell_news(self) -> None:
        self._is_news_due = False
        connected, self._connected = self._connected, []
        admitted, self._admitted = self._admitted, []
        has_moved, self._has_moved = self._has_moved, False
        if has_moved:
            self.tell(TipMoved(tuple(connected)))
        if admitted:
            self.tell(PaymentsAdmitted(tuple(admitted)))
        fixed, self._fixed = self._fixed, []
        for checkpoint in fixed:
            self.tell(CheckpointMade(encode_checkpoint(checkpoint)))

    # Time

    async def _watch_clock(self) -> None:
        while True:
            await asyncio.sleep(CLOCK_CHECK_S)
            self.follow_clock()

    def follow_clock(self) -> None:
        """Tell the machine where the clock that blocks go by was set, or drifted."""
        offset_ms = self._service.clock.now_ms() - self.now_ms()
        if abs(offset_ms - self._offset_ms) >= CLOCK_STEP_MS:
            self._offset_ms = offset_ms
            self.tell(ClockSet(offset_ms))
