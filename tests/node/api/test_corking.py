"""Answers leave in one write, and nothing is held back for long."""

import asyncio

import pytest

from chaindeck.node.api.corking import CorkedTransport

HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"


class Line:
    """What a transport was told."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.is_closed = False

    def write(self, data: bytes) -> None:
        assert not self.is_closed
        self.written.append(data)

    def close(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed


def corked(doing) -> list[bytes]:
    """Return what is written after a function had its way, and the loop has come round."""

    async def live() -> list[bytes]:
        line = Line()
        doing(CorkedTransport(line, asyncio.get_running_loop()), line.written)
        await asyncio.sleep(0)
        return line.written

    return asyncio.run(live())


def test_head_and_body_travel_together() -> None:
    def answer(line: CorkedTransport, _: list[bytes]) -> None:
        for data in (HEAD, b"ok", HEAD, b"no"):
            line.write(data)

    assert corked(answer) == [HEAD + b"ok", HEAD + b"no"]


def test_head_alone_leaves_when_the_loop_comes_round() -> None:
    assert corked(lambda line, _: line.write(HEAD)) == [HEAD]


@pytest.mark.parametrize("data", [b"HTTP/1.1 100 Continue\r\n\r\n", b"2\r\nok\r\n", b""])
def test_what_is_no_head_is_not_held_back(data: bytes) -> None:
    def write(line: CorkedTransport, written: list[bytes]) -> None:
        line.write(data)
        assert written == [data]

    assert corked(write) == [data]


def test_head_leaves_before_the_line_is_closed() -> None:
    def close(line: CorkedTransport, written: list[bytes]) -> None:
        line.write(HEAD)
        line.close()
        assert written == [HEAD]
        assert line.is_closing()

    assert corked(close) == [HEAD]
