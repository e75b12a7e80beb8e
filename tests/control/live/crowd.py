"""Many listeners in a process of their own: good ones, slow ones, and some that are half open.

    python -m tests.control.live.crowd PORT TOKEN GOOD SLOW HALF LAST

Good listeners read until the event with the number LAST, and note how long each took from being
made. Slow ones read some bytes now and then; half-open ones read nothing at all. Prints what came.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import sys
import time

_EVENT = re.compile(rb'"seq":(\d+),"time_ms":\d+,"topic":"block".*?"made_ns":(\d+)')
_CONNECT_AT_ONCE = 50
_PING, _PONG = 9, 10


class Good(asyncio.Protocol):
    """Reads frames as they come."""

    def __init__(self, last: int) -> None:
        self.last = last
        self.expected = 1
        self.faults = 0
        self.took_ms: list[float] = []
        self.is_done = asyncio.get_running_loop().create_future()
        self._rest = b""
        self._is_open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._rest += data
        if not self._is_open:
            head, mark, self._rest = self._rest.partition(b"\r\n\r\n")
            if not mark:
                self._rest = head
                return
            self._is_open = True
            self.transport.write(subscription())
        while (payload := self._frame()) is not None:
            self._note(payload)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.is_done.done():
            self.faults += 1
            self.is_done.set_result(None)

    def _frame(self) -> bytes | None:
        data = self._rest
        if len(data) < 2:
            return None
        length, start = data[1] & 127, 2
        if length == 126:
            length, start = int.from_bytes(data[2:4], "big"), 4
        elif length == 127:
            length, start = int.from_bytes(data[2:10], "big"), 10
        if len(data) < start + length:
            return None
        self._rest = data[start + length :]
        payload = data[start : start + length]
        if data[0] & 15 == _PING:
            self.transport.write(bytes([0x80 | _PONG, 0x80 | length, 0, 0, 0, 0]) + payload)
        return payload

    def _note(self, payload: bytes) -> None:
        now_ns = time.monotonic_ns()
        for seq, made_ns in _EVENT.findall(payload):
            self.faults += int(seq) != self.expected
            self.expected = int(seq) + 1
            self.took_ms.append((now_ns - int(made_ns)) / 1e6)
            if int(seq) == self.last and not self.is_done.done():
                self.is_done.set_result(None)


def opening(port: int, token: str) -> bytes:
    """A handshake, as bytes."""
    return (
        f"GET /ws/live HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        f"Sec-WebSocket-Version: 13\r\nAuthorization: Bearer {token}\r\n\r\n"
    ).encode()


def subscription() -> bytes:
    text = json.dumps({"type": "subscribe", "topics": ["block"]}).encode()
    # A mask of zeros leaves the text as it is.
    return bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text


async def open_good(port: int, token: str, last: int) -> Good:
    loop = asyncio.get_running_loop()
    transport, good = await loop.create_connection(lambda: Good(last), "127.0.0.1", port)
    transport.write(opening(port, token))
    return good


async def open_deaf(port: int, token: str) -> socket.socket:
    """A line of which nothing is read, with little room in the system's own buffers."""
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    line.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(line, ("127.0.0.1", port))
    await loop.sock_sendall(line, opening(port, token))
    answer = await loop.sock_recv(line, 2_048)
    assert b" 101 " in answer
    await loop.sock_sendall(line, subscription())
    return line


async def dawdle(line: socket.socket) -> None:
    while True:
        await asyncio.sleep(0.5)
        if not await asyncio.get_running_loop().sock_recv(line, 2_048):
            return


async def main(port: int, token: str, good: int, slow: int, half: int, last: int) -> None:
    gate = asyncio.Semaphore(_CONNECT_AT_ONCE)

    async def one() -> Good:
        async with gate:
            return await open_good(port, token, last)

    crowd = await asyncio.gather(*(one() for _ in range(good)))
    deaf = [await open_deaf(port, token) for _ in range(slow + half)]
    slow_tasks = [asyncio.create_task(dawdle(line)) for line in deaf[:slow]]
    print("ready", flush=True)
    await asyncio.gather(*(listener.is_done for listener in crowd))
    took = sorted(ms for listener in crowd for ms in listener.took_ms)
    result = {
        "faults": sum(listener.faults for listener in crowd),
        "heard": len(took),
        "p50_ms": took[len(took) // 2],
        "p99_ms": took[len(took) * 99 // 100],
    }
    print(json.dumps(result), flush=True)
    for task in slow_tasks:
        task.cancel()
    await asyncio.gather(*slow_tasks, return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], *map(int, sys.argv[3:7])))
