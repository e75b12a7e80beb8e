"""Datagrams: one socket that hears the group of all nodes, one that speaks and hears answers."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable
from typing import Any, Self

from chaindeck.node.logs import get_logger
from chaindeck.protocol.inputs import DatagramReceived, Input
from chaindeck.protocol.types import Address, host_of, make_address

_log = get_logger("network")
_HOPS = 1
"""Announcements stay on the local network."""


class _Ears(asyncio.DatagramProtocol):
    def __init__(self, tell: Callable[[Input], None]) -> None:
        self._tell = tell

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        self._tell(DatagramReceived(make_address(addr[0], addr[1]), data))

    def error_received(self, exc: Exception) -> None:
        """A datagram that reaches nobody is no trouble: the next one follows."""
        _log.debug("a datagram was not delivered", reason=str(exc))


class Multicast:
    """The group, as far as this machine's networks let it be reached."""

    def __init__(self, group: str, port: int, interface: str) -> None:
        self._group = group
        self._port = port
        self._interface = interface
        self._transports: list[asyncio.DatagramTransport] = []

    async def open(self, tell: Callable[[Input], None]) -> Self:
        """Join the group. Raises `OSError` where the network has none."""
        loop = asyncio.get_running_loop()
        hearing = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        speaking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            hearing.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            hearing.bind((self._group, self._port))
            membership = struct.pack(
                "4s4s", socket.inet_aton(self._group), socket.inet_aton(self._interface)
            )
            hearing.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
            speaking.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, _HOPS)
            speaking.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)
            if self._interface != "0.0.0.0":  # noqa: S104 - compared, not bound
                own = socket.inet_aton(self._interface)
                speaking.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, own)
            speaking.bind((self._interface, 0))
            for each in (hearing, speaking):
                each.settimeout(0)
                transport, _ = await loop.create_datagram_endpoint(lambda: _Ears(tell), sock=each)
                self._transports.append(transport)
        except OSError:
            hearing.close()
            speaking.close()
            raise
        return self

    def send(self, target: Address | None, data: bytes) -> None:
        """Send to the group, or to one that asked."""
        to = (self._group, self._port) if target is None else (host_of(target), target.port)
        # An interface that has just gone is reported by the next look at the network.
        with contextlib.suppress(OSError):
            self._transports[-1].sendto(data, to)

    def close(self) -> None:
        for transport in self._transports:
            transport.close()
