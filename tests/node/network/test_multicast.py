"""Datagrams reach the group, come back to who asked, and a network without multicast is told."""

from __future__ import annotations

import errno
import socket
from typing import Any

import pytest

from chaindeck.node.network.multicast import Multicast
from chaindeck.protocol.inputs import DatagramReceived, Input
from tests.node.network.street import run, until

GROUP = "239.255.83.34"


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind(("127.0.0.1", 0))
        port: int = line.getsockname()[1]
        return port


def test_both_hear_the_group_and_an_answer_reaches_who_asked() -> None:
    async def live() -> None:
        port = free_port()
        heard: tuple[list[Input], list[Input]] = ([], [])
        one = await Multicast(GROUP, port, "127.0.0.1").open(heard[0].append)
        other = await Multicast(GROUP, port, "127.0.0.1").open(heard[1].append)
        one.send(None, b"who is there?")
        await until(lambda: bool(heard[0] and heard[1]))
        (question,) = heard[1]
        assert isinstance(question, DatagramReceived)
        assert question.data == b"who is there?"
        assert question.source.is_loopback
        other.send(question.source, b"I am")
        await until(lambda: len(heard[0]) == 2)
        assert [item.data for item in heard[0] if isinstance(item, DatagramReceived)] == [
            b"who is there?",
            b"I am",
        ]
        assert len(heard[1]) == 1
        one.close()
        other.close()

    run(live())


@pytest.mark.parametrize("interface", ["::1", "192.0.2.1"])
def test_network_without_multicast_is_an_error_of_the_system(interface: str) -> None:
    async def live() -> None:
        with pytest.raises(OSError, match=r".+"):
            await Multicast(GROUP, free_port(), interface).open(lambda _: None)

    run(live())


class NoWayOut:
    """In the place of a socket whose interface has gone."""

    def sendto(self, *_: object) -> None:
        raise OSError(errno.ENETUNREACH, "Network is unreachable")


def test_datagram_that_cannot_be_sent_is_no_trouble() -> None:
    async def live() -> None:
        group: Any = await Multicast(GROUP, free_port(), "127.0.0.1").open(lambda _: None)
        speaking = group._transports[-1]
        group._transports[-1] = NoWayOut()
        group.send(None, b"x")
        group._transports[-1] = speaking
        speaking.get_protocol().error_received(OSError("refused"))
        group.close()

    run(live())


def test_every_interface_may_be_meant() -> None:
    async def live() -> None:
        group = await Multicast(GROUP, free_port(), "0.0.0.0").open(lambda _: None)
        group.close()
        # Closing twice, as a stop during a start does, is no trouble either.
        group.close()

    run(live())
