"""Virtual time and the links between simulated nodes. Knows bytes and moments, no message.

One heap of events, ordered by time and then by the order in which they were made, so that a run
depends on nothing but its inputs. Times are microseconds.

A link is as TCP is: bytes come whole and in order, or not at all. Where the network is parted they
wait and come after it is joined again, a while later, as a sender's patience grows.
"""

from __future__ import annotations

import hashlib
import heapq
import struct
from collections.abc import Callable
from typing import Any, Final, Protocol

import msgspec

from chaindeck.protocol.inputs import (
    BytesReceived,
    BytesTaken,
    DatagramReceived,
    DialFailed,
    Input,
    PeerClosed,
    PeerConnected,
)
from chaindeck.protocol.limits import FRAME_HEADER_BYTES
from chaindeck.protocol.types import Address, LinkId
from chaindeck.simulate.limits import (
    DIAL_TIMEOUT_US,
    EPHEMERAL_PORTS,
    FIRST_EPHEMERAL_PORT,
    HEALED_AFTER_US,
    REPORT_TAKEN_BYTES,
    RETRANSMIT_US,
    TRACE_BATCH_BYTES,
)

MS: Final = 1_000
SECOND: Final = 1_000_000
_TRACE: Final = struct.Struct("<qII")


class Dice(Protocol):
    """The run's chance (`random.Random` has it)."""

    def random(self) -> float: ...

    def expovariate(self, lambd: float) -> float: ...


class Wire(msgspec.Struct, frozen=True):
    """How it is to send from one place to another."""

    latency_us: int
    jitter_us: int = 0
    loss: float = 0.0
    """Share of packets that have to be sent again."""


class Resident(Protocol):
    """Whoever lives at an address: an honest node or an adversary."""

    number: int
    place: int
    """Its row of the latency matrix."""

    address: Address
    uplink_bytes_s: float
    is_up: bool
    uplink_free_us: int

    def hear(self, happened: Input) -> None:
        """Take one step."""


class Site(msgspec.Struct, frozen=True):
    """Where a resident lives."""

    number: int
    place: int
    address: Address
    uplink_bytes_s: float


class End:
    """One end of a connection."""

    __slots__ = (
        "far",
        "is_open",
        "jitter_us",
        "last_arrival_us",
        "latency_us",
        "link",
        "loss",
        "owner",
        "stuck",
        "taken",
    )

    def __init__(self, owner: Resident, link: LinkId, wire: Wire) -> None:
        self.owner = owner
        self.link = link
        self.far: End
        self.is_open = True
        self.latency_us = wire.latency_us
        self.jitter_us = wire.jitter_us
        self.loss = wire.loss
        self.last_arrival_us = 0
        """When the last of what was sent from here arrives."""
        self.taken = 0
        self.stuck: list[bytes | None] = []
        """What could not pass while the network was parted, in order; None is the end."""


class World:
    """Time, chance, and whoever lives in it."""

    def __init__(self, dice: Dice, start_ms: int, wire: Callable[[int, int], Wire]) -> None:
        self.dice = dice
        self.start_us = start_ms * MS
        self.now_us = self.start_us
        self.residents: list[Resident] = []
        self.acting: Resident | None = None
        """Whose step this is, for whoever explains what went wrong."""
        self.events = 0
        self.bytes_sent: list[int] = []
        self._hash = hashlib.sha256()
        self._notes = bytearray()
        self._wire = wire
        self._by_address: dict[Address, Resident] = {}
        self._by_place: dict[int, list[Resident]] = {}
        self._ends: list[dict[LinkId, End]] = []
        self._heap: list[tuple[int, int, Callable[..., None], tuple[Any, ...]]] = []
        self._number = 0
        self._last_link = 0
        self._island: dict[int, int] = {}
        """Where the network is parted: on which side a node is."""
        self._stuck: list[End] = []

    @property
    def now_ms(self) -> int:
        return self.now_us // MS

    @property
    def elapsed_s(self) -> float:
        return (self.now_us - self.start_us) / SECOND

    @property
    def trace_hash(self) -> str:
        """The rolling hash of everything so far: who did what when, and what was sent."""
        self._roll()
        return self._hash.hexdigest()

    def admit(self, resident: Resident) -> None:
        assert resident.number == len(self.residents), "residents are numbered as they come"
        self.residents.append(resident)
        self.bytes_sent.append(0)
        self._ends.append({})
        self._by_address[resident.address] = resident
        self._by_place.setdefault(resident.place, []).append(resident)

    def peer_of(self, resident: Resident, link: LinkId) -> Resident | None:
        """Return who is at the other end of a link that stands."""
        end = self._ends[resident.number].get(link)
        return end.far.owner if end is not None else None

    # Time

    def at(self, time_us: int, action: Callable[..., None], *arguments: Any) -> None:  # noqa: ANN401 - whatever the action takes
        self._number += 1
        heapq.heappush(self._heap, (max(time_us, self.now_us), self._number, action, arguments))

    def after(self, delay_us: int, action: Callable[..., None], *arguments: Any) -> None:  # noqa: ANN401 - whatever the action takes
        self.at(self.now_us + delay_us, action, *arguments)

    def run_until(self, end_us: int) -> None:
        """Let everything happen up to a moment."""
        heap, pop = self._heap, heapq.heappop
        while heap and heap[0][0] <= end_us:
            self.now_us, _, action, arguments = pop(heap)
            self.events += 1
            action(*arguments)
        self.now_us = end_us

    def mark(self, resident: Resident, kind: int) -> None:
        """Roll a step of a resident into the hash of the run."""
        self._notes += _TRACE.pack(self.now_us - self.start_us, resident.number, kind)

    def _roll(self) -> None:
        self._hash.update(self._notes)
        self._notes.clear()

    # Connections

    def dial(self, caller: Resident, address: Address) -> None:
        target = self._by_address.get(address)
        if target is None or self.is_parted(caller, target):
            self.after(DIAL_TIMEOUT_US, self._refuse, caller, address, "no answer")
        else:
            round_trip_us = 2 * self._delay(self._wire(caller.place, target.place))
            self.after(round_trip_us, self._connect, caller, target, address)

    def send(self, sender: Resident, link: LinkId, data: bytes) -> None:
        """Put bytes on the way: after what is sent already, at the uplink's speed."""
        number = sender.number
        end = self._ends[number].get(link)
        if end is None:
            return
        size = len(data)
        self.bytes_sent[number] += size
        now_us = self.now_us
        # A frame starts with the digest of what it carries.
        self._notes += _TRACE.pack(now_us - self.start_us, link, size)
        self._notes += data[:FRAME_HEADER_BYTES]
        if len(self._notes) > TRACE_BATCH_BYTES:
            self._roll()
        gone_us = max(sender.uplink_free_us, now_us) + int(size * SECOND / sender.uplink_bytes_s)
        sender.uplink_free_us = gone_us
        arrival_us = gone_us + end.latency_us
        if end.jitter_us:
            arrival_us += int(self.dice.random() * end.jitter_us)
        if end.loss and self.dice.random() < end.loss:
            arrival_us += RETRANSMIT_US
        arrival_us = max(arrival_us, end.last_arrival_us)
        end.last_arrival_us = arrival_us
        self._number += 1
        heapq.heappush(self._heap, (arrival_us, self._number, self._arrive, (end, data)))

    def close(self, closer: Resident, link: LinkId) -> None:
        """Close a connection after what was sent before."""
        end = self._ends[closer.number].get(link)
        if end is not None:
            self.after(1, self._end, end)
            arrival_us = max(end.last_arrival_us, self.now_us + end.latency_us) + 1
            end.last_arrival_us = arrival_us
            self.at(arrival_us, self._hang_up, end)

    def close_all(self, resident: Resident, *, is_silent: bool = False) -> None:
        """A node is gone. Whoever was linked with it notices, unless its power went."""
        ends = self._ends[resident.number]
        for end in ends.values():
            end.is_open = False
            if not is_silent:
                self.at(max(end.last_arrival_us, self.now_us + end.latency_us), self._hang_up, end)
        ends.clear()

    def datagram(self, sender: Resident, target: Address | None, data: bytes) -> None:
        """Send to everybody in the same place, or to one; lost datagrams stay lost."""
        if target is None:
            meant = self._by_place[sender.place]
        else:
            found = self._by_address.get(target)
            meant = [found] if found is not None else []
        happened = DatagramReceived(sender.address, data)
        for other in meant:
            if other is not sender and not self.is_parted(sender, other):
                wire = self._wire(sender.place, other.place)
                if self.dice.random() >= wire.loss:
                    self.after(wire.latency_us, other.hear, happened)

    # Partitions

    def part(self, islands: dict[int, int]) -> None:
        """Part the network: nothing passes between nodes of different islands."""
        self._island = islands

    def heal(self) -> None:
        """Join the network again; what could not pass is on its way a while later."""
        self._island = {}
        stuck, self._stuck = self._stuck, []
        for end in stuck:
            wait_us = int((1 + self.dice.random()) * HEALED_AFTER_US)
            self.after(wait_us, self._pass_again, end)

    def is_parted(self, one: Resident, other: Resident) -> bool:
        islands = self._island
        return bool(islands) and islands.get(one.number, 0) != islands.get(other.number, 0)

    def _hold_back(self, end: End, data: bytes | None) -> None:
        if not end.stuck:
            self._stuck.append(end)
        end.stuck.append(data)

    def _pass_again(self, end: End) -> None:
        held, end.stuck = end.stuck, []
        for data in held:
            if data is None:
                self._hang_up(end)
            else:
                self._arrive(end, data)

    # What comes of it

    def _delay(self, wire: Wire) -> int:
        delay_us = wire.latency_us
        if wire.jitter_us:
            delay_us += int(self.dice.random() * wire.jitter_us)
        if wire.loss and self.dice.random() < wire.loss:
            delay_us += RETRANSMIT_US
        return delay_us

    @staticmethod
    def _refuse(caller: Resident, address: Address, reason: str) -> None:
        if caller.is_up:
            caller.hear(DialFailed(address, reason))

    def _connect(self, caller: Resident, target: Resident, address: Address) -> None:
        if not caller.is_up:
            return
        if not target.is_up or self.is_parted(caller, target):
            caller.hear(DialFailed(address, "refused"))
            return
        here = End(caller, self._new_link(), self._wire(caller.place, target.place))
        there = End(target, self._new_link(), self._wire(target.place, caller.place))
        here.far, there.far = there, here
        self._ends[caller.number][here.link] = here
        self._ends[target.number][there.link] = there
        port = FIRST_EPHEMERAL_PORT + here.link % EPHEMERAL_PORTS
        target.hear(PeerConnected(there.link, Address(caller.address.ip, port), is_inbound=True))
        if here.is_open:
            caller.hear(PeerConnected(here.link, address, is_inbound=False))

    def _arrive(self, end: End, data: bytes) -> None:
        """Bytes reach the far end."""
        far = end.far
        sender, receiver = end.owner, far.owner
        if self._island and (end.stuck or self.is_parted(sender, receiver)):
            self._hold_back(end, data)
            return
        if end.stuck:
            end.stuck.append(data)
            return
        if not far.is_open:
            if receiver.is_up:
                # Whoever came back since knows nothing of this connection, and says so.
                self.after(far.latency_us, self._end, end)
            return
        end.taken += len(data)
        if end.taken >= REPORT_TAKEN_BYTES and end.is_open:
            taken, end.taken = end.taken, 0
            sender.hear(BytesTaken(end.link, taken))
        if far.is_open:
            receiver.hear(BytesReceived(far.link, data))

    def _hang_up(self, end: End) -> None:
        """The far end learns that this one has closed."""
        if end.stuck or self.is_parted(end.owner, end.far.owner):
            self._hold_back(end, None)
        else:
            self._end(end.far)

    def _end(self, end: End) -> None:
        if end.is_open:
            end.is_open = False
            del self._ends[end.owner.number][end.link]
            end.owner.hear(PeerClosed(end.link))

    def _new_link(self) -> LinkId:
        self._last_link += 1
        return LinkId(self._last_link)
