"""One TCP connection: bytes out, bytes in, and how many have left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from chaindeck.node.limits import CLOSE_GRACE_S, DRAIN_INTERVAL_S, SOCKET_HIGH_WATER_BYTES
from chaindeck.protocol.inputs import BytesReceived, BytesTaken, Input, PeerClosed, PeerConnected
from chaindeck.protocol.types import NO_BINDING, Address, Binding, LinkId, make_address


class Connection(asyncio.Protocol):
    """Moves the bytes of one link.

    `tell` takes what happens to it; `opened` is called before that, once it stands; `bind` says
    what ties an encrypted channel to both ends.
    """

    def __init__(
        self,
        link: LinkId,
        tell: Callable[[Input], None],
        opened: Callable[[Connection], None],
        *,
        dialled: Address | None = None,
        bind: Callable[[asyncio.BaseTransport], Binding] = lambda _: NO_BINDING,
    ) -> None:
        self.link = link
        self.lost = asyncio.Event()
        """Set when nothing comes or goes any more."""
        self.when_lost: Callable[[Connection], None] = lambda _: None
        self._tell = tell
        self._opened = opened
        self._dialled = dialled
        self._bind = bind
        self._transport: asyncio.Transport
        self._outstanding = 0
        """Bytes written and not yet reported as gone."""
        self._is_checking = False
        self._grace: asyncio.TimerHandle | None = None

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=SOCKET_HIGH_WATER_BYTES)
        self._opened(self)
        address = self._dialled or _address_of(self._transport.get_extra_info("peername"))
        is_inbound = self._dialled is None
        self._tell(PeerConnected(self.link, address, is_inbound, self._bind(transport)))

    def data_received(self, data: bytes) -> None:
        self._tell(BytesReceived(self.link, bytes(data)))

    def connection_lost(self, _exc: Exception | None) -> None:
        self.lost.set()
        if self._grace is not None:
            self._grace.cancel()
        self.when_lost(self)
        self._tell(PeerClosed(self.link))

    # What the machine wants

    def send(self, data: bytes) -> None:
        if not self.lost.is_set():
            self._transport.write(data)
            self._outstanding += len(data)
            if not self._is_checking:
                self._is_checking = True
                asyncio.get_running_loop().call_soon(self._check)

    def close(self) -> None:
        """Close when what was sent has left, or after a moment."""
        if not self.lost.is_set() and self._grace is None:
            loop = asyncio.get_running_loop()
            self._grace = loop.call_later(CLOSE_GRACE_S, self._transport.abort)
            self._transport.close()

    def _check(self) -> None:
        """Report what has left, and look again while something waits."""
        self._is_checking = False
        if self.lost.is_set():
            return
        waiting = self._transport.get_write_buffer_size()
        taken, self._outstanding = self._outstanding - waiting, waiting
        if waiting:
            self._is_checking = True
            asyncio.get_running_loop().call_later(DRAIN_INTERVAL_S, self._check)
        if taken:
            self._tell(BytesTaken(self.link, taken))


def _address_of(peername: tuple[str | int, ...] | None) -> Address:
    # Whoever was gone again before anybody looked has no name any more.
    host, port, *_ = peername or ("::", 0)
    return make_address(str(host).partition("%")[0], int(port))
