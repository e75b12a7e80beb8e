"""The words of the network: links, keys, addresses, and what a machine is set up with."""

from __future__ import annotations

import ipaddress
from typing import NewType

import msgspec

from chaindeck.ledger.genesis import Network
from chaindeck.ledger.signatures import SigningKey
from chaindeck.protocol import limits

LinkId = NewType("LinkId", int)
"""A driver's number for one connection, never used twice."""

NodeKey = NewType("NodeKey", bytes)
"""33 bytes, a compressed public key: who a node is."""

Binding = NewType("Binding", bytes)
"""32 bytes that both ends of one encrypted channel know; zeros without encryption."""

NO_BINDING = Binding(bytes(32))


class Address(msgspec.Struct, frozen=True, order=True, gc=False):
    """Where a node listens, or a link comes from. Sixteen bytes, IPv4 mapped into IPv6."""

    ip: bytes
    port: int

    def __str__(self) -> str:
        return format_address(self)

    @property
    def group(self) -> bytes:
        """Addresses that one operator gets cheaply: the same /16 of IPv4 or /32 of IPv6."""
        return self.ip[12:14] if self.ip[:12] == _MAPPED else self.ip[:4]

    @property
    def is_private(self) -> bool:
        """Whether it is of a network that its owner numbers: there a group says nothing."""
        if self.ip[:12] != _MAPPED:
            return self.ip[0] & 0xFE == _UNIQUE_LOCAL
        return (
            self.ip[12] == 10
            or (self.ip[12] == 172 and 16 <= self.ip[13] < 32)
            or self.ip[12:14] == _PRIVATE_192
        )

    @property
    def is_loopback(self) -> bool:
        return (self.ip[:12] == _MAPPED and self.ip[12] == _LOOPBACK_NET) or self.ip == _LOOPBACK_6


_MAPPED = bytes(10) + b"\xff\xff"
_LOOPBACK_NET = 127
_PRIVATE_192 = bytes((192, 168))
_UNIQUE_LOCAL = 0xFC
_LOOPBACK_6 = bytes(15) + b"\x01"


def make_address(host: str, port: int) -> Address:
    """Return the address of an IP in text form. Raises `ValueError` for anything else."""
    parsed = ipaddress.ip_address(host)
    ip = _MAPPED + parsed.packed if isinstance(parsed, ipaddress.IPv4Address) else parsed.packed
    return Address(ip, port)


def host_of(address: Address) -> str:
    """Return the IP as text."""
    if address.ip[:12] == _MAPPED:
        return str(ipaddress.IPv4Address(address.ip[12:]))
    return str(ipaddress.IPv6Address(address.ip))


def format_address(address: Address) -> str:
    host = host_of(address)
    return f"[{host}]:{address.port}" if ":" in host else f"{host}:{address.port}"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What one machine is set up with. The limits are explained where they are named."""

    network: Network
    key: SigningKey
    seed: bytes
    """32 secret bytes from which all chance is drawn."""

    port: int
    """Where this node accepts peers; 0 if it accepts none."""

    agent: str = "chaindeck"
    static_peers: tuple[Address, ...] = ()
    admitted: frozenset[NodeKey] | None = None
    """Who may connect, where the network lists its nodes; None for anybody."""

    is_discovering: bool = True
    """Whether it announces itself by multicast and listens to others."""

    least_work: int = 0
    """Work under which a chain that somebody offers is not worth keeping."""

    max_inbound: int = limits.MAX_INBOUND
    max_inbound_per_address: int = limits.MAX_INBOUND_PER_ADDRESS
    max_inbound_per_group: int = limits.MAX_INBOUND_PER_GROUP
    mesh_below: int = limits.MESH_BELOW
    mesh_again_at: int = limits.MESH_AGAIN_AT
    gossip_links: int = limits.GOSSIP_LINKS
    gossip_outbound: int = limits.GOSSIP_OUTBOUND
    batch_interval_ms: int = limits.BATCH_INTERVAL_MS
    """How long ids of payments are gathered before they are announced; 0 for tests."""

    def __post_init__(self) -> None:
        if self.mesh_again_at >= self.mesh_below:
            # It would go over from mesh to gossip and back without an end, in one step.
            raise ValueError("a mesh again at as many nodes as it is given up at")
