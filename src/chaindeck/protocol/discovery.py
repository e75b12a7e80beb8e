"""How nodes find each other beyond what they were told: signed datagrams, and asking peers.

A datagram says who listens where; it proves the key and nothing else, so it only ever adds an
address to try. Answers are as large as questions and few, so that nobody is flooded through us.
"""

from __future__ import annotations

from chaindeck.protocol import limits
from chaindeck.protocol.allowance import Bucket
from chaindeck.protocol.core import Core
from chaindeck.protocol.datagrams import (
    Kind,
    check_announcement,
    encode_announcement,
    read_announcement,
)
from chaindeck.protocol.effects import SendDatagram
from chaindeck.protocol.errors import PeerFault
from chaindeck.protocol.events import DatagramsRefused
from chaindeck.protocol.inputs import DatagramReceived
from chaindeck.protocol.links import Link
from chaindeck.protocol.messages import AskPeers, GivePeers, KnownPeer
from chaindeck.protocol.topology import Topology
from chaindeck.protocol.types import Address, NodeKey, host_of

_MS = 1_000


class Discovery:
    """Fills the book of one node."""

    def __init__(self, core: Core, topology: Topology) -> None:
        self._core = core
        self._topology = topology
        self._announced = 0
        self._heard: dict[NodeKey, int] = {}
        """The time of the newest announcement of each key: older ones are replays."""
        self._looked_at = Bucket(limits.ANNOUNCEMENT_RATE, 0)
        self._answered = Bucket(limits.ANSWER_RATE, 0)
        self.refused: dict[str, int] = {}
        """Datagrams that were not what they said, or too many, by code, since they were told."""

    def start(self) -> None:
        if self._core.settings.is_discovering and self._core.settings.port:
            self._announce()
        self._core.after(limits.ASK_PEERS_INTERVAL_MS, self._ask_somebody)

    # Datagrams

    def datagram(self, received: DatagramReceived) -> None:
        """Learn from an announcement, and answer one that asks."""
        core = self._core
        if not core.settings.is_discovering:
            return
        if not self._looked_at.take(core.now_ms):
            self._refuse("announcement-rate")
            return
        network_id = core.settings.network.id
        try:
            announcement = read_announcement(network_id, received.data)
        except PeerFault as fault:
            self._refuse(fault.code)
            return
        if announcement.key == core.settings.key.public_key:
            self._topology.book.is_self(Address(received.source.ip, announcement.port))
            return
        age_ms = abs(core.clock_ms - announcement.time_ms)
        is_old = announcement.time_ms <= self._heard.get(announcement.key, -1)
        if age_ms > limits.ANNOUNCEMENT_AGE_MS or is_old:
            self._refuse("announcement-replay")
            return
        try:
            check_announcement(network_id, received.data)
        except PeerFault as fault:
            self._refuse(fault.code)
            return
        self._note(announcement.key, announcement.time_ms)
        address = Address(received.source.ip, announcement.port)
        if self._topology.book.learn(address, "discovery", core.clock_ms // _MS):
            if core.settings.key.public_key > announcement.key:
                # Both hear of each other at once: the lower key dials first.
                self._topology.book.wait(address, core.now_ms + limits.NEWCOMER_MS)
            self._topology.wake()
        elif self._topology.book.is_back(address, announcement.key):
            self._topology.wake()
        if announcement.kind is Kind.ASK and self._answered.take(core.now_ms):
            core.effects.append(SendDatagram(received.source, self._encode(Kind.ANSWER)))

    def _refuse(self, code: str) -> None:
        """Leave a datagram alone; tell of all of a minute at once, as anybody can send many."""
        if not self.refused:
            self._core.after(limits.REFUSED_TOLD_MS, self._tell_refused)
        self.refused[code] = self.refused.get(code, 0) + 1

    def _tell_refused(self) -> None:
        self._core.emit(DatagramsRefused(self.refused))
        self.refused = {}

    def _note(self, key: NodeKey, time_ms: int) -> None:
        self._heard.pop(key, None)
        self._heard[key] = time_ms
        if len(self._heard) > limits.MAX_ANNOUNCERS:
            del self._heard[next(iter(self._heard))]

    def _announce(self) -> None:
        core = self._core
        core.effects.append(SendDatagram(None, self._encode(Kind.ASK)))
        self._announced += 1
        is_fast = self._announced < limits.ANNOUNCE_FAST_COUNT
        interval_ms = limits.ANNOUNCE_FIRST_MS if is_fast else limits.ANNOUNCE_INTERVAL_MS
        core.after(interval_ms + core.entropy.below(interval_ms // 5), self._announce)

    def _encode(self, kind: Kind) -> bytes:
        core = self._core
        return encode_announcement(
            core.settings.network.id,
            core.settings.key,
            kind=kind,
            time_ms=core.clock_ms,
            height=core.chain.tip().header.height,
            port=core.settings.port,
        )

    # Asking peers

    def proved(self, link: Link) -> None:
        """Ask whom we chose ourselves, and let our peers know of a newcomer that listens."""
        if not link.is_inbound:
            self._ask(link)
        elif link.listening is not None:
            newcomer = KnownPeer(link.listening, self._core.clock_ms // _MS, 1)
            self._pass_on((newcomer,), link)

    def advise(self, link: Link) -> None:
        """Tell a guest, for whom there is no room, of a few others."""
        core = self._core
        known = self._topology.book.sample(limits.PEERS_GIVEN_TO_GUESTS, core.clock_ms // _MS)
        core.send(link, GivePeers(tuple(peer for peer in known if _is_for(peer, link))))

    def asked(self, link: Link, _message: AskPeers) -> None:
        core = self._core
        if core.may(link, "ask-peers", limits.ASK_PEERS_RATE):
            known = self._topology.book.sample(limits.PEERS_GIVEN, core.clock_ms // _MS)
            core.send(link, GivePeers(tuple(peer for peer in known if _is_for(peer, link))))

    def given(self, link: Link, message: GivePeers) -> None:
        """Learn addresses; what was not asked for is little, and travels on to two others."""
        core = self._core
        is_answer, link.has_asked_peers = link.has_asked_peers, False
        count = len(message.peers)
        if not is_answer and not core.may(link, "give-peers", limits.GIVE_PEERS_RATE, count):
            return
        now_s = core.clock_ms // _MS
        source = _source_of(link)
        fresh: list[KnownPeer] = []
        for peer in message.peers:
            seen_s = min(peer.seen_s, now_s)
            hops = min(peer.hops, limits.MAX_HOPS)
            if not _is_for(peer, link) or seen_s < now_s - limits.PEER_STALE_S:
                continue
            if self._topology.book.learn(peer.address, source, seen_s, hops):
                if not is_answer:
                    self._topology.book.wait(peer.address, core.now_ms + limits.NEWCOMER_MS)
                fresh.append(KnownPeer(peer.address, seen_s, hops + 1))
        if fresh:
            self._topology.wake()
            if not is_answer and count <= limits.MAX_PEERS_PASSED_ON:
                travelling = [item for item in fresh if item.hops <= limits.MAX_PASSED_HOPS]
                self._pass_on(tuple(travelling), link)

    def _pass_on(self, peers: tuple[KnownPeer, ...], origin: Link) -> None:
        core = self._core
        others = [link for link in core.ready.values() if link is not origin]
        if not self._topology.is_mesh:
            others = core.entropy.choose(others, limits.PEERS_PASSED_TO)
        for link in others:
            fitting = tuple(peer for peer in peers if _is_for(peer, link))
            if fitting:
                core.send(link, GivePeers(fitting))

    def _ask_somebody(self) -> None:
        core = self._core
        for link in core.entropy.choose(list(core.ready.values()), 1):
            self._ask(link)
        interval_ms = limits.ASK_PEERS_INTERVAL_MS
        core.after(interval_ms - core.entropy.below(interval_ms // 5), self._ask_somebody)

    def _ask(self, link: Link) -> None:
        link.has_asked_peers = True
        self._core.send(link, AskPeers())


def _source_of(link: Link) -> str:
    """Return whose share of the book a peer's addresses take: that of its machine."""
    assert link.key is not None
    return link.key.hex()[:16] if link.address.is_loopback else host_of(link.address)


def _is_for(peer: KnownPeer, link: Link) -> bool:
    """Whether an address is news at the other end: loopback is none on another machine."""
    return peer.address != link.listening and (
        link.address.is_loopback or not peer.address.is_loopback
    )
