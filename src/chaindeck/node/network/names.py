"""What people write for a peer: `10.0.0.7:8333`, `[fd00::7]:8333`, `node7.example.org`."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from typing import NamedTuple

from chaindeck.node.errors import PeerNameInvalid
from chaindeck.protocol.types import Address, make_address

DEFAULT_PORT = 8333
_MAX_PORT = 65_535
_PORT = r"(:(?P<port>[0-9]{1,5}))?"
_FORM = re.compile(
    rf"(\[(?P<six>[0-9a-fA-F:.]*:[0-9a-fA-F:.]*)\]|(?P<host>[^:\[\]]+)){_PORT}"
    r"|(?P<bare>[0-9a-fA-F:.]*:[0-9a-fA-F.]*:[0-9a-fA-F:.]*)"
)
"""An IPv6 address in brackets or anything else, with a port or without; or one without both."""


class PeerName(NamedTuple):
    """A host, by name or number, and a port."""

    host: str
    port: int

    @property
    def address(self) -> Address | None:
        """The address, where the host is a number."""
        try:
            return make_address(self.host, self.port)
        except ValueError:
            return None


def parse_peer(text: str) -> PeerName:
    """Read what somebody wrote for a peer; raise `PeerNameInvalid`."""
    form = _FORM.fullmatch(text.strip())
    if form is None:
        raise PeerNameInvalid(field="address", text=text)
    host = form["six"] or form["bare"] or form["host"]
    port = int(form["port"] or DEFAULT_PORT)
    is_number = ":" in host or host.replace(".", "").isdigit()
    is_right = _is_ip(host) if is_number else _is_host_name(host)
    if not (is_right and 0 < port <= _MAX_PORT):
        raise PeerNameInvalid(field="address", text=text)
    return PeerName(host, port)


async def resolve(name: PeerName) -> list[Address]:
    """Return every address of a name. Raises `OSError` where it has none now."""
    if name.address is not None:
        return [name.address]
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(name.host, name.port, type=socket.SOCK_STREAM)
    hosts = dict.fromkeys(str(item[4][0]) for item in found)
    return [make_address(host, name.port) for host in hosts]


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_host_name(host: str) -> bool:
    labels = host.rstrip(".").split(".")
    return len(host) <= 253 and all(
        0 < len(label) <= 63 and label.replace("-", "").isalnum() and label.isascii()
        for label in labels
    )
