"""How connections come about: a socket that takes them, and dialling. With TLS or without.

A door moves no byte of a link and knows no machine; what it makes it hands to a `Connection`.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Callable
from typing import Any

from chaindeck.node.limits import ACCEPT_REST_S, DIAL_TIMEOUT_S, MAX_GREETINGS
from chaindeck.node.logs import get_logger
from chaindeck.node.network.sockets import Connection
from chaindeck.node.network.tls import TlsIdentity, binding_of
from chaindeck.protocol.types import NO_BINDING, Address, Binding, host_of

_log = get_logger("network")
_BACKLOG = 128
"""Connections that the system keeps until they are taken: more than may be linked at all."""


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that takes connections from now on. Raises `OSError` where it may not."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    listening.settimeout(0)
    return listening


def reason_of(error: OSError) -> str:
    """Return in few words what the system or TLS said."""
    if isinstance(error, ssl.SSLError):
        return f"TLS: {getattr(error, 'reason', None) or error}"
    return os.strerror(error.errno) if error.errno else str(error) or type(error).__name__


class Doors:
    """Takes and makes connections, all encrypted where there is a `TlsIdentity`, else none."""

    def __init__(self, tls: TlsIdentity | None = None) -> None:
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._greeting: set[asyncio.Task[None]] = set()

    async def open(self, listening: socket.socket, take_in: Callable[[], Connection]) -> None:
        """Take connections of a socket, which stays the caller's; each gets a `take_in()`."""
        loop = asyncio.get_running_loop()
        if self._tls is None:
            self._server = await loop.create_server(take_in, sock=listening.dup())
        else:
            accepting = self._accept(listening, take_in, self._tls.server)
            self._accepting = asyncio.create_task(accepting)

    async def close(self) -> None:
        """Take no more. What stands is left standing."""
        if self._server is not None:
            self._server.close()
        tasks = [*self._greeting, *([self._accepting] if self._accepting else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def dial(self, address: Address, connection: Connection) -> str | None:
        """Connect; return why not, where nothing came of it."""
        loop = asyncio.get_running_loop()
        tls: dict[str, Any] = {}
        if self._tls is not None:
            tls = {"ssl": self._tls.client, "server_hostname": ""}
        try:
            async with asyncio.timeout(DIAL_TIMEOUT_S):
                await loop.create_connection(
                    lambda: connection, host_of(address), address.port, **tls
                )
        except TimeoutError:
            return "no answer in time"
        except OSError as error:
            return reason_of(error)
        return None

    def bind(self, transport: asyncio.BaseTransport) -> Binding:
        """Return what ties both ends of a connection to its encryption."""
        return NO_BINDING if self._tls is None else binding_of(self._tls, transport)

    async def _accept(
        self, listening: socket.socket, take_in: Callable[[], Connection], context: ssl.SSLContext
    ) -> None:
        """Take callers one by one and greet them side by side.

        A server of asyncio would say nothing of those who do not speak TLS.
        """
        loop = asyncio.get_running_loop()
        while True:
            try:
                line, caller = await loop.sock_accept(listening)
            except OSError as error:
                _log.warning("no caller can be taken now", reason=reason_of(error))
                await asyncio.sleep(ACCEPT_REST_S)
                continue
            if len(self._greeting) >= MAX_GREETINGS:
                line.close()
                continue
            task = asyncio.create_task(self._greet(line, str(caller[0]), take_in(), context))
            self._greeting.add(task)
            task.add_done_callback(self._greeting.discard)

    async def _greet(
        self, line: socket.socket, caller: str, connection: Connection, context: ssl.SSLContext
    ) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.connect_accepted_socket(
                lambda: connection, line, ssl=context, ssl_handshake_timeout=DIAL_TIMEOUT_S
            )
        except OSError as error:
            line.close()
            _log.info("a caller does not speak TLS", address=caller, reason=reason_of(error))
