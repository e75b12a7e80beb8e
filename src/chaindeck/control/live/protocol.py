"""The server's side of a WebSocket, which a line can cut: half-open ones would stay for minutes.

A connection whose other end takes nothing cannot be closed in good order, for the closing frame
waits behind all that was not taken.
"""

from __future__ import annotations

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

from chaindeck.control.live.line import ABORT


class LiveProtocol(WebSocketsSansIOProtocol):
    """As uvicorn has it, with a way to cut the connection."""

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if hasattr(self, "scope"):
            # Its task starts in the loop's next turn, and finds it there.
            self.scope["state"][ABORT] = self.transport.abort

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self.transport.abort()
