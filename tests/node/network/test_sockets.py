"""A connection tells of every byte once, waits for the slow, and ends after its grace."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator

import pytest

from chaindeck.node.limits import CLOSE_GRACE_S, DRAIN_INTERVAL_S
from chaindeck.node.network.sockets import Connection, _address_of
from chaindeck.protocol.inputs import BytesReceived, BytesTaken, Input, PeerClosed, PeerConnected
from chaindeck.protocol.types import LinkId, make_address
from tests.node.network.street import run, until


class Line:
    """A connection under test, and a plain socket at its other end."""

    def __init__(self) -> None:
        self.told: list[Input] = []
        self.opened: list[Connection] = []
        self.connection = Connection(LinkId(7), self.told.append, self.opened.append)
        self.peer: socket.socket

    def all(self, kind: type) -> list:
        return [item for item in self.told if isinstance(item, kind)]

    @property
    def taken(self) -> int:
        return sum(item.count for item in self.all(BytesTaken))

    async def read(self, count: int) -> int:
        loop = asyncio.get_running_loop()
        left = count
        while left:
            part = await loop.sock_recv(self.peer, min(left, 1 << 20))
            assert part
            left -= len(part)
        return count


@contextlib.asynccontextmanager
async def line() -> AsyncIterator[Line]:
    made = Line()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: made.connection, "127.0.0.1", 0)
    made.peer = socket.create_connection(server.sockets[0].getsockname())
    made.peer.setblocking(False)
    made.peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
    await until(lambda: bool(made.told))
    server.close()
    try:
        yield made
    finally:
        made.peer.close()
        made.connection.close()
        await until(made.connection.lost.is_set)


def test_connection_is_told_once_with_where_it_comes_from() -> None:
    async def live() -> None:
        async with line() as made:
            host, port = made.peer.getsockname()
            assert made.told == [PeerConnected(LinkId(7), make_address(host, port), True)]
            assert made.opened == [made.connection]
            made.peer.sendall(b"hello")
            await until(lambda: made.told[-1] == BytesReceived(LinkId(7), b"hello"))

    run(live())


def test_every_byte_that_left_is_reported_once() -> None:
    async def live() -> None:
        async with line() as made:
            for size in (1, 10, 100_000, 7):
                made.connection.send(bytes(size))
            await made.read(100_018)
            await until(lambda: made.taken == 100_018)
            made.connection.send(b"more")
            await until(lambda: made.taken == 100_022)
            assert all(item.count > 0 for item in made.all(BytesTaken))

    run(live())


def test_what_a_slow_reader_has_not_taken_is_not_reported() -> None:
    async def live() -> None:
        async with line() as made:
            size = 16 << 20
            made.connection.send(bytes(size))
            await until(lambda: made.taken > 0)
            stuck = made.taken
            assert stuck < size
            await made.read(8 << 20)
            await until(lambda: made.taken >= 8 << 20)
            assert made.taken < size
            await made.read(8 << 20)
            await until(lambda: made.taken == size)

    run(live())


def test_closing_lets_what_was_sent_leave() -> None:
    async def live() -> None:
        async with line() as made:
            made.connection.send(bytes(1 << 20))
            made.connection.close()
            made.connection.close()
            await made.read(1 << 20)
            assert await asyncio.get_running_loop().sock_recv(made.peer, 1) == b""
            await until(made.connection.lost.is_set)
            assert made.told[-1] == PeerClosed(LinkId(7))

    run(live())


def test_reader_that_never_takes_the_rest_is_cut_off_after_the_grace() -> None:
    async def live() -> None:
        async with line() as made:
            made.connection.send(bytes(64 << 20))
            began_s = time.monotonic()
            made.connection.close()
            await until(made.connection.lost.is_set)
            assert time.monotonic() - began_s >= 0.9 * CLOSE_GRACE_S
            assert len(made.all(PeerClosed)) == 1

    run(live())


def test_nothing_is_sent_or_told_after_the_end() -> None:
    async def live() -> None:
        async with line() as made:
            lost: list[Connection] = []
            made.connection.when_lost = lost.append
            made.connection.send(bytes(64 << 20))
            made.peer.close()
            await until(made.connection.lost.is_set)
            count = len(made.told)
            made.connection.send(b"too late")
            made.connection.close()
            made.connection._check()
            await asyncio.sleep(2 * DRAIN_INTERVAL_S)
            assert lost == [made.connection]
            assert len(made.told) == count
            assert made.told[-1] == PeerClosed(LinkId(7))

    run(live())


@pytest.mark.parametrize(
    ("peername", "address"),
    [
        (("10.0.0.7", 5), make_address("10.0.0.7", 5)),
        (("fe80::1%eth0", 5, 0, 2), make_address("fe80::1", 5)),
        (None, make_address("::", 0)),
    ],
)
def test_where_a_peer_is_comes_without_the_name_of_an_interface(peername, address) -> None:
    assert _address_of(peername) == address
