"""The addresses a node knows: where they came from, when to try them, which ones are barred.

Bounded, and bounded for each source, so that no peer can fill it with its friends. Static peers
stay whatever happens.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import Any

from chaindeck.protocol import limits
from chaindeck.protocol.entropy import Entropy
from chaindeck.protocol.messages import KnownPeer
from chaindeck.protocol.types import Address, NodeKey

_ROW = struct.Struct("<16sHI33s")
_NO_KEY = bytes(33)
_SOURCES = ("static", "discovery", "dns", "remembered", "inbound")
"""Where an address can come from beside a peer, whose short key it is then."""


class Known:
    """One address."""

    __slots__ = (
        "address",
        "due_ms",
        "failures",
        "hops",
        "is_dialling",
        "is_kept",
        "key",
        "seen_s",
        "source",
    )

    def __init__(self, address: Address, source: str, seen_s: int, hops: int) -> None:
        self.address = address
        self.source = source
        """static, discovery, dns, remembered, inbound, or the short key of the peer that told."""
        self.seen_s = seen_s
        self.hops = hops
        self.key: NodeKey | None = None
        self.is_kept = source in ("static", "dns")
        self.is_dialling = False
        self.failures = 0
        self.due_ms = 0
        """Not to be dialled before."""


class PeerBook:
    """All known addresses, and the bars."""

    def __init__(self, entropy: Entropy) -> None:
        self._entropy = entropy
        self._known: dict[Address, Known] = {}
        self._sources: dict[str, int] = {}
        self._own: set[Address] = set()
        self._barred_keys: dict[NodeKey, int] = {}
        self._barred_at: dict[Address, NodeKey] = {}
        """Whose key was barred where, to pardon both together."""
        self._barred_ips: dict[bytes, int] = {}
        self._barred_addresses: dict[Address, int] = {}

    def __len__(self) -> int:
        return len(self._known)

    def __iter__(self) -> Iterator[Known]:
        return iter(self._known.values())

    def get(self, address: Address) -> Known | None:
        return self._known.get(address)

    # Learning

    def learn(self, address: Address, source: str, seen_s: int, hops: int = 0) -> bool:
        """Take in an address, or that it was seen; return whether it is new."""
        known = self._known.get(address)
        if known is not None:
            known.seen_s = max(known.seen_s, seen_s)
            known.hops = min(known.hops, hops)
            if source in ("static", "dns"):
                known.is_kept, known.source = True, source
            return False
        if address in self._own or not address.port:
            return False
        is_kept = source in ("static", "dns")
        if not is_kept and not self._has_room(source):
            return False
        self._known[address] = Known(address, source, seen_s, hops)
        self._sources[source] = self._sources.get(source, 0) + 1
        return True

    def wait(self, address: Address, until_ms: int) -> None:
        """Dial a new address no earlier than this."""
        self._known[address].due_ms = until_ms

    def is_back(self, address: Address, key: NodeKey) -> bool:
        """Note that whoever proved itself at an address speaks again; return whether it was gone.

        Only for that key the wait is over: anybody may announce another's address.
        """
        known = self._known.get(address)
        if known is None or known.key != key or not known.failures:
            return False
        known.failures, known.due_ms = 0, 0
        return True

    def forget(self, address: Address) -> None:
        known = self._known.pop(address, None)
        if known is not None:
            self._sources[known.source] = self._sources.get(known.source, 1) - 1

    def is_self(self, address: Address) -> None:
        """Note that an address is this node's own, never to be dialled again."""
        if len(self._own) < limits.MAX_OWN_ADDRESSES:
            self._own.add(address)
        self.forget(address)

    def drop_stale(self, now_s: int) -> None:
        for known in list(self):
            if not known.is_kept and known.seen_s < now_s - limits.PEER_STALE_S:
                self.forget(known.address)

    def by_source(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        for known in self:
            source = known.source if known.source in _SOURCES else "exchange"
            counts[source] = counts.get(source, 0) + 1
        return counts

    def sample(self, count: int, now_s: int) -> tuple[KnownPeer, ...]:
        """Return some addresses to pass on: those heard of lately that may still travel."""
        fresh = [
            known
            for known in self
            if known.hops < limits.MAX_HOPS and known.seen_s >= now_s - limits.PEER_STALE_S
        ]
        return tuple(
            KnownPeer(known.address, known.seen_s, known.hops + 1)
            for known in self._entropy.choose(fresh, count)
        )

    # Dialling

    def dialled(self, address: Address) -> None:
        self._known[address].is_dialling = True

    def failed(self, address: Address, now_ms: int) -> int:
        """Note that no link came of a dial, or that it ended soon; return how long to wait."""
        known = self._known.get(address)
        if known is None:
            return 0
        known.is_dialling = False
        exponent = min(known.failures, 20)
        wait_ms = min(limits.DIAL_BACKOFF_FIRST_MS << exponent, limits.DIAL_BACKOFF_LAST_MS)
        wait_ms += wait_ms * self._entropy.below(limits.DIAL_JITTER_PERMILLE) // 1000
        known.failures += 1
        known.due_ms = now_ms + wait_ms
        if known.failures >= limits.MAX_FAILURES and not known.is_kept:
            self.forget(address)
        return wait_ms

    def linked(self, address: Address, key: NodeKey, now_s: int) -> None:
        """Note that a peer has proved itself there."""
        known = self._known.get(address)
        if known is not None:
            known.is_dialling = False
            known.key = key
            known.seen_s = now_s
            known.hops = 0

    def proved_healthy(self, address: Address) -> None:
        """Start the back-off of an address anew: a link there stood for a while."""
        known = self._known.get(address)
        if known is not None:
            known.failures = 0

    def candidates(self, now_ms: int, linked: Iterable[NodeKey]) -> list[Known]:
        """Return what may be dialled now: due, not barred, and nobody this node is linked with."""
        busy = set(linked)
        return [
            known
            for known in self
            if known.due_ms <= now_ms
            and not known.is_dialling
            and (known.key is None or known.key not in busy)
            and not self.is_barred(known.address, known.key, now_ms)
        ]

    def next_due_ms(self) -> int | None:
        """Return when the next address that waits may be dialled."""
        return min((known.due_ms for known in self if not known.is_dialling), default=None)

    # Bars

    def bar(self, address: Address, key: NodeKey | None, until_ms: int) -> None:
        """Bar a key, and the machine it spoke from; on loopback only the one port of it."""
        if key is not None:
            self._barred_keys[key] = until_ms
            self._barred_at[address] = key
        if address.is_loopback:
            self._barred_addresses[address] = until_ms
        else:
            self._barred_ips[address.ip] = until_ms
        _cut(self._barred_keys)
        _cut(self._barred_at)
        _cut(self._barred_ips)
        _cut(self._barred_addresses)

    def pardon(self, address: Address) -> None:
        """Lift what bars an address, its machine and whoever was barred there."""
        self._barred_ips.pop(address.ip, None)
        self._barred_addresses.pop(address, None)
        key = self._barred_at.pop(address, None)
        if key is not None:
            self._barred_keys.pop(key, None)

    def is_barred(self, address: Address, key: NodeKey | None, now_ms: int) -> bool:
        return (
            self._barred_ips.get(address.ip, 0) > now_ms
            or self._barred_addresses.get(address, 0) > now_ms
            or (key is not None and self._barred_keys.get(key, 0) > now_ms)
        )

    def bars(self, now_ms: int) -> dict[str, int]:
        """Return what is barred until when, for operators."""
        from_keys = {key.hex(): until for key, until in self._barred_keys.items()}
        from_ips = {str(Address(ip, 0)): until for ip, until in self._barred_ips.items()}
        from_addresses = {str(item): until for item, until in self._barred_addresses.items()}
        joined = {**from_keys, **from_ips, **from_addresses}
        return {name: until for name, until in joined.items() if until > now_ms}

    # Keeping

    def encode(self) -> tuple[bytes, ...]:
        """Return every address that a peer has proved itself at, for the next start."""
        return tuple(
            _ROW.pack(known.address.ip, known.address.port, known.seen_s, known.key)
            for known in self
            if known.key is not None
        )

    def restore(self, rows: Iterable[bytes]) -> None:
        """Take back what `encode` gave; rows of another form are left out."""
        for row in rows:
            if len(row) == _ROW.size:
                ip, port, seen_s, key = _ROW.unpack(row)
                address = Address(ip, port)
                if self.learn(address, "remembered", seen_s) and key != _NO_KEY:
                    self._known[address].key = NodeKey(key)

    def _has_room(self, source: str) -> bool:
        """Make room for one more of a source, within its share and the book's size."""
        if self._sources.get(source, 0) >= limits.MAX_PEERS_PER_SOURCE:
            return False
        if len(self._known) < limits.MAX_KNOWN_PEERS:
            return True
        fullest = max(self._sources, key=lambda name: self._sources[name])
        worst = [known for known in self if known.source == fullest and not known.is_kept]
        if fullest == source or not worst:
            return False
        self.forget(min(worst, key=lambda known: (-known.failures, known.seen_s)).address)
        return True


def _cut(bars: dict[Any, Any]) -> None:
    if len(bars) > limits.MAX_BARS:
        del bars[next(iter(bars))]
