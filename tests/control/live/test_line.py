"""Frames as they stand on the wire, and the two ways on which they leave."""

import pytest
from websockets.frames import Frame, Opcode

from chaindeck.control.live.line import WRITE, Gone, Line, wire_frame


@pytest.mark.parametrize("length", [0, 1, 125, 126, 65_535, 65_536, 200_000])
def test_frame_is_what_the_protocol_makes_of_the_text(length):
    text = "x" * length
    expected = Frame(Opcode.TEXT, text.encode()).serialize(mask=False, extensions=[])
    assert wire_frame(text) == expected


def test_length_is_that_of_the_bytes_not_of_the_letters():
    text = "ü" * 100
    expected = Frame(Opcode.TEXT, text.encode()).serialize(mask=False, extensions=[])
    assert wire_frame(text) == expected


class Server:
    """Takes frames by the short way while it has room."""

    def __init__(self) -> None:
        self.has_room = True
        self.written: list[bytes] = []
        self.sent: list[str] = []

    def write(self, frame: bytes) -> bool:
        if self.has_room:
            self.written.append(frame)
        return self.has_room

    async def send(self, message) -> None:
        self.sent.append(message.get("text", message["type"]))

    def line(self) -> Line:
        return Line({"state": {WRITE: self.write}}, self.send, self.send)


async def test_line_with_room_takes_a_frame_at_once_and_another_in_its_own_time():
    server = Server()
    line = server.line()
    await line.send_text("a")
    server.has_room = False
    await line.send_text("b")
    assert (server.written, server.sent) == ([wire_frame("a")], ["b"])


async def test_line_that_was_closed_takes_nothing():
    server = Server()
    line = server.line()
    await line.close(1000, 0.1)
    with pytest.raises(Gone):
        await line.send_text("a")
    assert (server.written, server.sent) == ([], ["websocket.close"])


async def test_server_without_a_short_way_is_given_every_frame():
    server = Server()
    await Line({}, server.send, server.send).send_text("a")
    assert server.sent == ["a"]
