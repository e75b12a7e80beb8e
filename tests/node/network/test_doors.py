"""Whoever calls is taken or turned away, and trouble at the door passes."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl

import pytest

from chaindeck.node.network import doors
from chaindeck.node.network.doors import Doors, listen, reason_of
from chaindeck.node.network.sockets import Connection
from chaindeck.node.network.tls import load_tls_identity
from chaindeck.protocol.inputs import Input, PeerConnected
from chaindeck.protocol.types import NO_BINDING, LinkId, make_address
from tests.node.network.street import run, until


def take_in(told: list[Input]):
    return lambda: Connection(LinkId(1), told.append, lambda _: None)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_caller_of_either_family_is_taken_and_nobody_after_the_end(host: str) -> None:
    async def live() -> None:
        told: list[Input] = []
        listening = listen(host, 0)
        at = Doors()
        await at.open(listening, take_in(told))
        where = make_address(host, listening.getsockname()[1])
        caller = Connection(LinkId(2), lambda _: None, lambda _: None, dialled=where)
        assert await at.dial(where, caller) is None
        await until(lambda: bool(told))
        (connected,) = told
        assert isinstance(connected, PeerConnected)
        assert (connected.is_inbound, connected.binding) == (True, NO_BINDING)
        await at.close()
        listening.close()
        other = Connection(LinkId(3), lambda _: None, lambda _: None, dialled=where)
        assert await at.dial(where, other) == "Connection refused"
        caller.close()
        await caller.lost.wait()
        await until(lambda: len(told) == 2)

    run(live())


def test_socket_outlives_a_door_so_that_no_caller_is_lost_between_two() -> None:
    async def live() -> None:
        told: list[Input] = []
        listening = listen("127.0.0.1", 0)
        first = Doors()
        await first.open(listening, take_in([]))
        await first.close()
        await asyncio.sleep(0)
        with socket.create_connection(listening.getsockname()):
            second = Doors()
            await second.open(listening, take_in(told))
            await until(lambda: bool(told))
            await second.close()
        await until(lambda: len(told) == 2)
        listening.close()

    run(live())


def test_trouble_with_taking_a_caller_passes(tmp_path, monkeypatch, caplog) -> None:
    monkeypatch.setattr(doors, "ACCEPT_REST_S", 0.001)

    async def live() -> None:
        loop = asyncio.get_running_loop()
        accept, failures = loop.sock_accept, 0

        async def fail_twice(listening):
            nonlocal failures
            failures += 1
            if failures <= 2:
                raise OSError(errno.EMFILE, "Too many open files")
            return await accept(listening)

        monkeypatch.setattr(loop, "sock_accept", fail_twice)
        told: list[Input] = []
        identity = load_tls_identity(tmp_path)
        at = Doors(identity)
        listening = listen("127.0.0.1", 0)
        await at.open(listening, take_in(told))
        where = make_address("127.0.0.1", listening.getsockname()[1])
        caller = Connection(LinkId(2), lambda _: None, lambda _: None, dialled=where)
        assert await at.dial(where, caller) is None
        await until(lambda: bool(told))
        assert caplog.text.count("no caller can be taken now") == 2
        await at.close()
        listening.close()
        caller.close()
        await caller.lost.wait()
        await until(lambda: len(told) == 2)

    # The usual loop, because uvloop's cannot be patched.
    asyncio.run(live())


def test_so_many_are_greeted_at_a_time_and_no_more(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(doors, "MAX_GREETINGS", 2)

    async def live() -> None:
        at = Doors(load_tls_identity(tmp_path))
        listening = listen("127.0.0.1", 0)
        await at.open(listening, take_in([]))
        port = listening.getsockname()[1]
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        await until(lambda: len(at._greeting) == 2)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await reader.read() == b""
        assert len(at._greeting) == 2
        await at.close()
        listening.close()
        for _, line in [*silent, (reader, writer)]:
            line.close()

    run(live())


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(errno.ECONNREFUSED, "Connect call failed ('10.0.0.7', 1)"), "Connection refused"),
        (OSError("several things"), "several things"),
        (ConnectionResetError(), "ConnectionResetError"),
        (ssl.SSLError(1, "[SSL: WRONG] x"), "TLS: "),
    ],
)
def test_reason_is_short_and_says_nothing_of_calls(error: OSError, reason: str) -> None:
    assert reason_of(error).startswith(reason)
