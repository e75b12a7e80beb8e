"""Whom to be linked with: a full mesh of few, eight links each among many, and who must go.

A link is counted from its proof on. Two links between the same two nodes are one too many: both
ends keep the one that the lower key dialled, or the newer if they were dialled alike.
"""

from __future__ import annotations

from collections import Counter

from chaindeck.kernel import hash256
from chaindeck.protocol import limits
from chaindeck.protocol.book import Known, PeerBook
from chaindeck.protocol.core import Core
from chaindeck.protocol.effects import Dial, KeepPeers
from chaindeck.protocol.errors import (
    PeerBarredFault,
    PeerDuplicate,
    PeerEvicted,
    PeerFull,
    PeerHandshakeTimeout,
    PeerRemovedFault,
    PeerSilent,
    PeerSurplus,
)
from chaindeck.protocol.events import ClockDiffers, DialUnanswered, NobodyFound, PeerReady
from chaindeck.protocol.inputs import (
    DialFailed,
    PeerAdded,
    PeerBarred,
    PeerPardoned,
    PeerRemoved,
    Started,
)
from chaindeck.protocol.links import Link
from chaindeck.protocol.messages import Neighbours, Ping, Pong
from chaindeck.protocol.types import Address

_MS = 1_000


class Topology:
    """Keeps the links of one node."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self.book = PeerBook(core.entropy)
        self.is_mesh = True
        self.eager: list[Link] = []
        self.lazy: list[Link] = []
        """In gossip, the links that get blocks and ids at once."""
        self._dialling = 0
        self._is_woken = False
        self._is_telling = False
        self._kept: tuple[bytes, ...] = ()
        self._is_clock_warned = False
        self.is_alone = False
        """Nobody has been found for a while."""
        core.when_left.append(self._left)
        core.when_barred = self._bar

    # Life

    def start(self, started: Started) -> None:
        core = self._core
        self.book.restore(started.known)
        now_s = core.clock_ms // _MS
        for address in core.settings.static_peers:
            self.book.learn(address, "static", now_s)
        core.after(self._jittered(limits.HEARTBEAT_INTERVAL_MS), self._beat)
        core.after(limits.ALONE_AFTER_MS, self._warn_if_alone)
        self.wake()

    def wake(self) -> None:
        """Look soon whether another link is wanted."""
        if not self._is_woken:
            self._is_woken = True
            self._core.after(0, self._look)

    # Commands

    def add(self, added: PeerAdded) -> None:
        known = self.book.get(added.address)
        self.book.learn(added.address, added.source, self._core.clock_ms // _MS)
        if known is not None:
            known.due_ms, known.failures = 0, 0
        self.wake()

    def remove(self, removed: PeerRemoved) -> None:
        self.book.forget(removed.address)
        for link in list(self._core.links.values()):
            if removed.address in (link.address, link.listening):
                self._core.drop(link, PeerRemovedFault())

    def bar(self, barred: PeerBarred) -> None:
        until_ms = self._core.now_ms + barred.duration_ms
        known = self.book.get(barred.address)
        self.book.bar(barred.address, known.key if known else None, until_ms)
        for link in list(self._core.links.values()):
            if barred.address in (link.address, link.listening):
                self.book.bar(barred.address, link.key, until_ms)
                self._core.drop(link, PeerBarredFault())

    def pardon(self, pardoned: PeerPardoned) -> None:
        self.book.pardon(pardoned.address)
        self.wake()

    # Links

    def connected(self, link: Link) -> bool:
        """Decide whether a new link may go on to the handshake; end it if not."""
        core = self._core
        core.after(limits.HANDSHAKE_TIMEOUT_MS, self._time_out, link)
        if not link.is_inbound:
            known = self.book.get(link.address)
            link.source = known.source if known else link.source
            return True
        if self.book.is_barred(link.address, None, core.now_ms):
            core.drop(link, PeerBarredFault())
        elif not self._has_inbound_room(link):
            guests = sum(1 for other in core.links.values() if other.is_guest)
            if guests >= limits.MAX_GUESTS:
                core.drop(link, PeerFull())
            link.is_guest = True
        return not link.is_closing

    def dial_failed(self, failed: DialFailed) -> None:
        self._dialling = max(0, self._dialling - 1)
        wait_ms = self.book.failed(failed.address, self._core.now_ms)
        self._core.emit(DialUnanswered(failed.address, failed.reason, wait_ms))
        self.wake()

    def is_barred(self, link: Link) -> bool:
        return self.book.is_barred(link.listening or link.address, link.key, self._core.now_ms)

    def proved(self, link: Link) -> bool:
        """Take in a link whose peer has proved its key; return whether it stays."""
        core = self._core
        assert link.key is not None
        assert link.introduction is not None
        other = core.by_key.get(link.key)
        if other is not None:
            loser = self._one_too_many(other, link)
            core.drop(loser, PeerDuplicate())
            if loser is link:
                return False
        if not link.is_inbound:
            self._dialling = max(0, self._dialling - 1)
        now_s = core.clock_ms // _MS
        if link.listening is not None:
            self.book.learn(link.listening, "inbound", now_s)
            self.book.linked(link.listening, link.key, now_s)
        self.is_alone = False
        link.ready_ms = core.now_ms
        core.ready[link.id] = link
        core.by_key[link.key] = link
        introduction = link.introduction
        core.emit(
            PeerReady(
                link.id,
                link.key,
                link.listening or link.address,
                link.is_inbound,
                introduction.height,
                introduction.agent,
                self.source_of(link),
            )
        )
        core.after(limits.HEALTHY_MS, self._note_health, link)
        self._links_changed()
        self.watch_clocks()
        return True

    def heard_pong(self, link: Link, pong: Pong) -> None:
        if not self._core.may(link, "pong", limits.PING_RATE):
            return
        if pong.nonce == link.ping_nonce and link.unanswered:
            link.unanswered = 0
            link.round_trip_ms = self._core.now_ms - link.ping_sent_ms

    def count_known(self) -> int:
        """How many nodes are known: linked, or likely to be there."""
        core = self._core
        away = sum(
            1
            for known in self.book
            if known.failures < limits.LIKELY_FAILURES
            and (known.key is None or known.key not in core.by_key)
        )
        return away + len(core.ready)

    # Dialling

    def _look(self) -> None:
        """Dial whom we want, and come back when somebody else may be dialled."""
        self._is_woken = False
        core = self._core
        self._choose_mode()
        room = min(self._links_wanted(), limits.DIALS_AT_ONCE) - self._dialling
        if room > 0:
            candidates = self.book.candidates(core.now_ms, core.by_key)
            kept = [known for known in candidates if known.is_kept]
            others = [known for known in candidates if not known.is_kept]
            chosen = core.entropy.choose(kept, room)
            chosen += self._spread(others, room - len(chosen))
            for known in chosen:
                self._dialling += 1
                self.book.dialled(known.address)
                core.effects.append(Dial(known.address))
        if self._links_wanted() > self._dialling and len(self.book):
            self._is_woken = True
            core.after(limits.TOPOLOGY_INTERVAL_MS, self._look)

    def _links_wanted(self) -> int:
        """How many more links we would make ourselves."""
        core = self._core
        unlinked = sum(
            1 for known in self.book if known.key is None or known.key not in core.by_key
        )
        if self.is_mesh:
            return unlinked
        outbound = sum(1 for link in core.ready.values() if not link.is_inbound)
        settings = core.settings
        # Beyond the few of its own choice a node waits whether others link with it.
        wanted = max(settings.gossip_outbound - outbound, len(core.ready) < settings.gossip_links)
        static = sum(
            1
            for known in self.book
            if known.is_kept and (known.key is None or known.key not in core.by_key)
        )
        return min(unlinked, max(wanted, static))

    def _spread(self, candidates: list[Known], count: int) -> list[Known]:
        """Choose at random, but no two of one group before every group has had its turn."""
        if count <= 0:
            return []
        chosen: list[Known] = []
        left = self._core.entropy.choose(candidates, limits.SPREAD_FACTOR * count)
        while left and len(chosen) < count:
            groups: set[bytes] = set()
            rest: list[Known] = []
            for known in left:
                if known.address.group in groups or len(chosen) >= count:
                    rest.append(known)
                else:
                    groups.add(known.address.group)
                    chosen.append(known)
            left = rest
        return chosen

    def _choose_mode(self) -> None:
        known, settings = self.count_known(), self._core.settings
        if self.is_mesh and known >= settings.mesh_below:
            self.is_mesh = False
            self._choose_eager()
            self._trim()
        elif not self.is_mesh and known <= settings.mesh_again_at:
            self.is_mesh = True
            self._links_changed()

    def _trim(self) -> None:
        """Going over to gossip, give up links of our own beyond those we would make now."""
        outbound = [link for link in self._core.ready.values() if not link.is_inbound]
        for link in self._core.entropy.choose(outbound, len(outbound))[
            self._core.settings.gossip_links :
        ]:
            known = self.book.get(link.listening or link.address)
            if known is None or not known.is_kept:
                self._core.drop(link, PeerSurplus())

    def _choose_eager(self) -> None:
        """The oldest of the links we made, and as many of those whose makers count on us."""
        links = sorted(self._core.ready.values(), key=lambda link: (link.ready_ms, link.id))
        count = self._core.settings.gossip_links
        ours = [link for link in links if not link.is_inbound]
        theirs = [link for link in links if link.is_inbound]
        self.eager = ours[:count] + theirs[:count]
        self.lazy = ours[count:] + theirs[count:]

    # Room

    def _has_inbound_room(self, newcomer: Link) -> bool:
        core, settings = self._core, self._core.settings
        inbound = [link for link in core.links.values() if link.is_inbound and not link.is_closing]
        others = [link for link in inbound if link is not newcomer and not link.is_guest]
        if not newcomer.address.is_loopback:
            same_ip = sum(1 for link in others if link.address.ip == newcomer.address.ip)
            group = newcomer.address.group
            same_group = sum(1 for link in others if link.address.group == group)
            if same_ip >= settings.max_inbound_per_address:
                return False
            if same_group >= settings.max_inbound_per_group and not newcomer.address.is_private:
                return False
        if len(others) < settings.max_inbound:
            return True
        victim = choose_victim(others)
        if victim is None:
            return False
        core.drop(victim, PeerEvicted())
        return True

    def _one_too_many(self, old: Link, new: Link) -> Link:
        """Which of two links between the same nodes goes. Both ends come to the same answer."""
        if old.is_inbound == new.is_inbound:
            return old
        assert new.key is not None
        we_are_lower = self._core.settings.key.public_key < new.key
        return old if old.is_inbound == we_are_lower else new

    # Standing

    def _beat(self) -> None:
        core = self._core
        for link in list(core.ready.values()):
            if link.unanswered >= limits.MISSED_HEARTBEATS:
                core.drop(link, PeerSilent(missed=link.unanswered))
                continue
            if not link.unanswered:
                link.ping_nonce = int.from_bytes(core.entropy.draw(8), "little")
                link.ping_sent_ms = core.now_ms
            link.unanswered += 1
            core.send(link, Ping(link.ping_nonce))
        self.book.drop_stale(core.clock_ms // _MS)
        self._keep()
        core.after(self._jittered(limits.HEARTBEAT_INTERVAL_MS), self._beat)

    def _keep(self) -> None:
        kept = self.book.encode()
        if kept != self._kept:
            self._kept = kept
            self._core.effects.append(KeepPeers(kept))

    def _time_out(self, link: Link) -> None:
        if not (link.is_ready or link.is_closing):
            self._core.drop(link, PeerHandshakeTimeout())

    def _note_health(self, link: Link) -> None:
        if link.is_ready and link.listening is not None:
            self.book.proved_healthy(link.listening)

    def _left(self, link: Link, code: str) -> None:
        core = self._core
        if not link.is_inbound and not link.ready_ms:
            self._dialling = max(0, self._dialling - 1)
        if link.listening is not None and code != PeerDuplicate.code:
            self.book.failed(link.listening, core.now_ms)
        if link.ready_ms:
            self._links_changed()
        self.wake()

    def _bar(self, link: Link) -> None:
        until_ms = self._core.now_ms + limits.BAR_MS
        self.book.bar(link.listening or link.address, link.key, until_ms)

    def _links_changed(self) -> None:
        """Choose anew who hears first, and tell the mesh whom we are linked with now."""
        self._choose_mode()
        self._choose_eager()
        if self.is_mesh and not self._is_telling:
            self._is_telling = True
            self._core.after(limits.NEIGHBOURS_DELAY_MS, self._tell_neighbours)
        self.wake()

    def _tell_neighbours(self) -> None:
        self._is_telling = False
        core = self._core
        if self.is_mesh:
            keys = frozenset(short_key(key) for key in core.by_key)
            core.send_all(list(core.ready.values()), Neighbours(keys))

    def median_offset_ms(self) -> int | None:
        """Return by how much the peers' clocks are ahead of ours; None without peers."""
        offsets = sorted(link.clock_offset_ms for link in self._core.ready.values())
        return offsets[len(offsets) // 2] if offsets else None

    def watch_clocks(self) -> None:
        """Warn once while the peers' clocks, by their median, are far from ours."""
        median = self.median_offset_ms() or 0
        is_off = abs(median) > limits.CLOCK_WARNING_MS
        if is_off and not self._is_clock_warned:
            self._core.emit(ClockDiffers(median))
        self._is_clock_warned = is_off

    def _warn_if_alone(self) -> None:
        core = self._core
        is_alone = not core.ready
        if is_alone and not self.is_alone:
            core.emit(NobodyFound(self.book.by_source()))
        self.is_alone = is_alone
        core.after(limits.ALONE_AFTER_MS, self._warn_if_alone)

    def source_of(self, link: Link) -> str:
        """Return how a linked peer was found."""
        known = self.book.get(link.listening) if link.listening else None
        if link.is_inbound and (known is None or known.source == "inbound"):
            return "inbound"
        source = known.source if known else link.source
        return source if source in ("static", "discovery", "dns", "remembered") else "exchange"

    def _jittered(self, interval_ms: int) -> int:
        return interval_ms - self._core.entropy.below(interval_ms // 5)


def short_key(key: bytes) -> bytes:
    """Return what stands for a node's key in `messages.Neighbours`."""
    return hash256(key)[:8]


def choose_victim(inbound: list[Link]) -> Link | None:
    """Return the link to give up for a newcomer: the youngest of the largest crowd.

    Those that served best are spared, each in a way that an attacker cannot have everywhere.
    """
    left = [link for link in inbound if link.is_ready]
    for spared in (
        sorted(left, key=lambda link: (_round_trip(link), link.id))[: limits.SPARED],
        sorted(left, key=lambda link: (-link.blocks_first, link.id))[: limits.SPARED],
        sorted(left, key=lambda link: (-link.payments_first, link.id))[: limits.SPARED],
        sorted(left, key=lambda link: (link.ready_ms, link.id))[: len(left) // 2],
    ):
        left = [link for link in left if link not in spared]
    if not left:
        return None
    crowds = Counter(_crowd_of(link.address) for link in left)
    return max(left, key=lambda link: (crowds[_crowd_of(link.address)], link.ready_ms, link.id))


def _crowd_of(address: Address) -> bytes:
    """Return what counts as one stranger: in a network that its owner numbers, one address."""
    return address.ip if address.is_private else address.group


def _round_trip(link: Link) -> int:
    return limits.STALL_LAST_MS if link.round_trip_ms is None else link.round_trip_ms
