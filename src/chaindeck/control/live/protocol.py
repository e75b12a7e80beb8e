"""The server's side of a WebSocket, which a line can cut: half-open ones would stay for minutes.

A connection whose other end takes nothing cannot be closed in good order, for the closing frame
waits behind all that was not taken. One that has room takes a frame as it is, which a thousand
others share.
"""

from __future__ import annotations

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request
from websockets.protocol import State

from chaindeck.control.live.line import ABORT, WRITE


class LiveProtocol(WebSocketsSansIOProtocol):
    """As uvicorn has it, with a way to cut the connection, and a short one to write."""

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if hasattr(self, "scope"):
            # Its task starts in the loop's next turn, and finds it there.
            self.scope["state"][ABORT] = self.transport.abort
            self.scope["state"][WRITE] = self.write_frame

    def write_frame(self, frame: bytes) -> bool:
        """Write a frame if the line is open and has room; return whether it did."""
        is_open = self.conn.state is State.OPEN and not self.transport.is_closing()
        if not is_open or not self.writable.is_set():
            return False
        self.transport.write(frame)
        return True

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self.transport.abort()
