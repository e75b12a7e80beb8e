"""HTTP/1.1 over asyncio: one question at a time on a connection that stays open.

`http.client` does the same for who waits. Reading is httptools', a dependency of the node as well.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import httptools

from chaindeck.client.access import Access
from chaindeck.client.calls import Call, Reply
from chaindeck.client.errors import NodeUnreachable, ProtocolMismatch
from chaindeck.client.limits import CONNECT_TIMEOUT_S, MAX_ANSWER_BYTES, READ_BYTES


class Connection:
    """One open line to a node. After any error it is closed and of no more use."""

    def __init__(
        self, access: Access, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._access = access
        self._reader = reader
        self._writer = writer
        self.used_s = 0.0
        self._keeps_alive = True

    @classmethod
    async def open(cls, access: Access) -> Connection:
        context = ssl.create_default_context() if access.is_encrypted else None
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            reader, writer = await asyncio.open_connection(
                access.host, access.port, ssl=context, limit=READ_BYTES
            )
        return cls(access, reader, writer)

    @property
    def is_usable(self) -> bool:
        return self._keeps_alive and not self._reader.at_eof() and not self._writer.is_closing()

    def close(self) -> None:
        self._keeps_alive = False
        self._writer.close()

    async def exchange(self, call: Call[Any]) -> Reply:
        """Send a question and return the whole answer."""
        reading = Reading()
        async with (
            asyncio.timeout(call.timeout_s),
            contextlib.aclosing(self._pieces(call, reading)) as pieces,
        ):
            body = bytearray()
            async for piece in pieces:
                body += piece
                if len(body) > MAX_ANSWER_BYTES:
                    raise ProtocolMismatch(url=self._access.url, reason="the answer never ends")
        self.used_s = asyncio.get_running_loop().time()
        return Reply(reading.status, reading.headers, bytes(body))

    async def stream(self, call: Call[Any], reading: Reading) -> AsyncGenerator[bytes, None]:
        """Send a question and yield the answer as it comes; each piece has its own time limit."""
        async with contextlib.aclosing(self._pieces(call, reading)) as pieces:
            while True:
                async with asyncio.timeout(call.timeout_s):
                    piece = await anext(pieces, None)
                if piece is None:
                    return
                yield piece

    async def _pieces(self, call: Call[Any], reading: Reading) -> AsyncGenerator[bytes, None]:
        done = False
        try:
            self._writer.write(encode_request(call, self._access))
            await self._writer.drain()
            while not reading.is_complete:
                reading.feed(await self._read(), self._access.url)
                if piece := reading.take():
                    yield piece
            done = reading.keeps_alive
        finally:
            if not done:
                self.close()

    async def _read(self) -> bytes:
        data = await self._reader.read(READ_BYTES)
        if not data:
            raise NodeUnreachable(url=self._access.url, reason="the line broke")
        return data


class Reading:
    """One answer while it comes in."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._pieces: list[bytes] = []
        self.headers: dict[str, str] = {}
        self.status = 0
        self.is_complete = False
        self.keeps_alive = False

    def feed(self, data: bytes, url: str) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            raise ProtocolMismatch(url=url, reason=f"not HTTP: {error}") from None

    def take(self) -> bytes:
        """Return what has come of the body since the last time."""
        taken = b"".join(self._pieces)
        self._pieces.clear()
        return taken

    # Called by the parser

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        self._pieces.append(body)

    def on_message_complete(self) -> None:
        self.is_complete = True
        self.keeps_alive = self._parser.should_keep_alive()


def encode_request(call: Call[Any], access: Access) -> bytes:
    """Return a whole request as it goes over the wire."""
    headers: Mapping[str, str] = {
        "host": access.authority,
        "accept": call.accept,
        **access.headers(),
        **({"content-type": call.content_type} if call.content_type else {}),
        **({"content-length": str(len(call.body))} if call.method == "POST" else {}),
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"{call.method} {access.prefix}{call.path} HTTP/1.1\r\n{lines}\r\n"
    return head.encode("latin-1") + call.body
