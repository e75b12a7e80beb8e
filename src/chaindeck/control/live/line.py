"""One WebSocket as two streams of JSON, with its limits: what all our channels stand on."""

from __future__ import annotations

import asyncio
import functools
import struct
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec

from chaindeck.control.asgi import Message, Receive, Scope, Send
from chaindeck.control.limits import LIVE_CLOSE_S, LIVE_SEND_LIMIT_S

TOO_SLOW = 4408
ABORT, WRITE = "abort", "write"
"""Where, in the state of a scope, lie what cuts its connection and what writes a frame to it at
once; `protocol` puts them there."""

_TEXT_FRAME = 0x81
_SHORT_BYTES, _MIDDLE_BYTES = 125, 65_535
_FRAMES_KEPT = 16

_decode = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.Encoder().encode


class Malformed(Exception):  # noqa: N818 - it says what is wrong
    """A frame that is no JSON object."""


class Gone(Exception):  # noqa: N818 - it says what happened
    """The other end left, or takes nothing any more."""


class Line:
    """Accepts when made ready; closes once."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        ways = scope.get("state", {})
        self._abort: Callable[[], None] = ways.get(ABORT, _nothing)
        self._write: Callable[[bytes], bool] = ways.get(WRITE, _has_no_room)
        self._is_closed = False

    async def accept(self) -> None:
        message = await self._receive()
        assert message["type"] == "websocket.connect", "a server announces each line"
        await self._transmit({"type": "websocket.accept"})

    async def frames(self) -> AsyncIterator[dict[str, Any] | Malformed]:
        """Yield what comes until the other end leaves."""
        while True:
            message = await self._receive()
            if message["type"] == "websocket.disconnect":
                self._is_closed = True
                return
            text = message.get("text") or message.get("bytes") or b""
            try:
                yield _decode(text)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                yield Malformed(str(error))

    async def say(self, value: object) -> None:
        await self.send_text(_encode(value).decode())

    async def send_text(self, text: str) -> None:
        """Send one frame; raise `Gone` where it does not leave in time."""
        if self._is_closed:
            raise Gone
        # Nearly always there is room, and then no clock has to run.
        if self._write(wire_frame(text)):
            return
        try:
            async with asyncio.timeout(LIVE_SEND_LIMIT_S):
                await self._transmit({"type": "websocket.send", "text": text})
        except TimeoutError:
            await self.close(TOO_SLOW)
            raise Gone from None

    async def close(self, code: int, limit_s: float = LIVE_CLOSE_S) -> None:
        """Say why the line ends, if that leaves in time, and see that it does end."""
        if self._is_closed:
            return
        self._is_closed = True
        try:
            async with asyncio.timeout(limit_s):
                await self._transmit({"type": "websocket.close", "code": code})
        except (TimeoutError, Gone):
            self._abort()
            return
        # The other end may never answer, and hold what waits in its connection.
        asyncio.get_running_loop().call_later(limit_s, self._abort)

    async def _transmit(self, message: Message) -> None:
        try:
            await self._send(message)
        except (OSError, RuntimeError):
            # The server says by the one that the other end has left, and by the other that it has
            # itself closed the line, for a frame that is against the protocol.
            self._is_closed = True
            raise Gone from None


@functools.lru_cache(_FRAMES_KEPT)
def wire_frame(text: str) -> bytes:
    """Return a text as one frame of the protocol, unmasked and whole, as a server sends it."""
    data = text.encode()
    if len(data) <= _SHORT_BYTES:
        return struct.pack("!BB", _TEXT_FRAME, len(data)) + data
    if len(data) <= _MIDDLE_BYTES:
        return struct.pack("!BBH", _TEXT_FRAME, 126, len(data)) + data
    return struct.pack("!BBQ", _TEXT_FRAME, 127, len(data)) + data


def _nothing() -> None:
    """A server that gives no way to cut a connection ends it in its own time."""


def _has_no_room(_: bytes) -> bool:
    """A server that gives no short way to write takes each frame in its own time."""
    return False
