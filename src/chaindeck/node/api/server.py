"""Sockets and their limits: uvicorn, with what a server on an open port needs beside it.

uvicorn bounds neither the size of headers nor the time that they may take; `GuardedProtocol` does,
turns away connections beyond a number, and says all of it in the API's own error form. The server
leaves signals to its process, and stops by `stop`.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from http import HTTPStatus
from typing import cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from chaindeck.node.api.app import App
from chaindeck.node.api.corking import CorkedTransport
from chaindeck.node.api.failures import failure
from chaindeck.node.errors import ApiError, Busy, HeadersTooLarge, HeadersTooSlow, HttpMalformed
from chaindeck.node.limits import (
    API_HEADER_TIMEOUT_S,
    API_KEEP_ALIVE_S,
    API_MAX_CONNECTIONS,
    API_MAX_HEADER_BYTES,
    API_STOP_TIMEOUT_S,
    WEBSOCKET_MESSAGE_BYTES,
    WEBSOCKET_PING_S,
)

_BACKLOG = 512
_TICKS_A_SECOND = 10


class GuardedProtocol(HttpToolsProtocol):
    """One HTTP connection whose headers are bounded in size and time.

    So is the rest of a body that was answered before its end. It is read and thrown away, because
    a line that is cut while the other side still writes loses the answer.
    """

    _waiting_since_s: float | None = None
    _is_in_body = False
    _is_refused = False
    _header_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        if len(self.connections) >= API_MAX_CONNECTIONS:
            self.transport = transport
            self._refuse(Busy(limit=API_MAX_CONNECTIONS, what="connections"))
            return
        corked = CorkedTransport(transport, self.loop)
        super().connection_made(cast("asyncio.Transport", corked))
        self._waiting_since_s = self.loop.time()

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        if self.cycle is None or self.cycle.response_complete:
            self._waiting_since_s = self._waiting_since_s or self.loop.time()
        super().data_received(data)
        if self._waiting_since_s is not None and not self._is_in_body:
            self._count(len(data))

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._header_bytes = 0

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._count(len(name) + len(value))

    def on_headers_complete(self) -> None:
        self._waiting_since_s = None
        self._is_in_body = True
        if not self._is_refused:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if not self._is_refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._waiting_since_s = None
        self._is_in_body = False
        if not self._is_refused:
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - the caller's name for it
        self._refuse(HttpMalformed())

    def nudge(self) -> None:
        """Wake whoever waits for more of a body, to look at the time and whether the server stops.

        It is handed what has come by now, which may be nothing.
        """
        if self._is_in_body and self.cycle is not None:
            self.cycle.message_event.set()

    def check_time(self, now_s: float) -> None:
        """Cut the line where headers have taken too long."""
        since_s = self._waiting_since_s
        if since_s is not None and now_s - since_s > API_HEADER_TIMEOUT_S:
            self._refuse(HeadersTooSlow(limit_s=int(API_HEADER_TIMEOUT_S)))

    def _count(self, size: int) -> None:
        self._header_bytes += size
        if self._header_bytes > API_MAX_HEADER_BYTES:
            self._refuse(HeadersTooLarge(limit=API_MAX_HEADER_BYTES))

    def _refuse(self, error: ApiError) -> None:
        """Answer without any application, once, and close."""
        if self._is_refused or self.transport.is_closing():
            return
        self._is_refused = True
        response = failure(error)
        status = HTTPStatus(response.status)
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(response.body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + response.body)
        self.transport.close()


class ApiServer(uvicorn.Server):
    """A server for one application on one socket, between `start` and `stop`."""

    def __init__(self, config: uvicorn.Config, app: App, listener: socket.socket) -> None:
        super().__init__(config)
        self._app = app
        self._listener = listener
        self.port = int(listener.getsockname()[1])
        self._has_started = asyncio.Event()
        self._serving: asyncio.Task[None]

    async def start(self) -> None:
        """Return when requests are answered."""
        self._serving = asyncio.create_task(self.serve([self._listener]))
        await self._has_started.wait()

    async def stop(self) -> None:
        """Take no more requests, let those under way finish, and return when all is closed."""
        self.should_exit = True
        await self._serving

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._has_started.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.stop()
        for connection in self._connections():
            connection.nudge()
        await super().shutdown(sockets)

    async def on_tick(self, counter: int) -> bool:
        if counter % _TICKS_A_SECOND == 0:
            now_s = asyncio.get_running_loop().time()
            for connection in self._connections():
                connection.check_time(now_s)
                connection.nudge()
        return await super().on_tick(counter)

    def _connections(self) -> list[GuardedProtocol]:
        """Those that speak HTTP; a WebSocket has a protocol of its own."""
        connections = self.server_state.connections
        return [item for item in connections if isinstance(item, GuardedProtocol)]

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to whoever runs this server."""
        yield


async def serve(
    app: App, host: str = "127.0.0.1", port: int = 0, *, listener: socket.socket | None = None
) -> ApiServer:
    """Return a server that answers already. Raises `OSError` where the port is taken.

    `await server.stop()` ends it, within `API_STOP_TIMEOUT_S` and a moment.
    """
    config = uvicorn.Config(
        app,
        loop="none",
        http=GuardedProtocol,
        ws="websockets-sansio",
        lifespan="off",
        interface="asgi3",
        access_log=False,
        log_config=None,
        log_level="error",
        proxy_headers=False,
        server_header=False,
        backlog=_BACKLOG,
        timeout_keep_alive=API_KEEP_ALIVE_S,
        timeout_graceful_shutdown=API_STOP_TIMEOUT_S,
        ws_max_size=WEBSOCKET_MESSAGE_BYTES,
        ws_ping_interval=WEBSOCKET_PING_S,
        ws_ping_timeout=WEBSOCKET_PING_S,
        ws_per_message_deflate=False,
    )
    server = ApiServer(config, app, listener or _listen(host, port))
    await server.start()
    return server


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=_BACKLOG)
