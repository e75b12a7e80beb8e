"""The machine of a simulated node: a real one, but for reading what another node has read already.

One frame goes to many nodes, and what it says does not depend on who reads it. Frames that came
whole are decoded by the first who gets them; the others find the message. Whatever is cut, of the
handshake, or wrong in any way is read as always.
"""

from __future__ import annotations

from typing import Final

from chaindeck.protocol.codec import decode_message
from chaindeck.protocol.errors import PeerFault
from chaindeck.protocol.frames import FrameReader
from chaindeck.protocol.inputs import BytesReceived
from chaindeck.protocol.machine import Machine
from chaindeck.protocol.messages import Message, Type
from chaindeck.protocol.ports import Chain
from chaindeck.protocol.transitions import SPOKEN_WHEN_READY, Phase
from chaindeck.protocol.types import Settings
from chaindeck.simulate.limits import READ_BYTES

_TYPE_AT: Final = 4
_SHARED: Final = frozenset(SPOKEN_WHEN_READY) - {Type.PING, Type.PONG}
"""What is worth remembering: no two heartbeats are alike."""


class Readings:
    """What frames say, by their bytes. Bounded: beyond, all are forgotten and read again."""

    def __init__(self, magic: bytes, max_block_bytes: int) -> None:
        self._magic = magic
        self._max_block_bytes = max_block_bytes
        self._messages: dict[bytes, Message | None] = {}
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._messages)

    def read(self, data: bytes) -> Message | None:
        """Return the message of one whole and good frame that ready links send, None of others."""
        try:
            return self._messages[data]
        except KeyError:
            if len(data) <= _TYPE_AT or data[_TYPE_AT] not in _SHARED:
                return None
        if self._bytes > READ_BYTES:
            self._messages.clear()
            self._bytes = 0
        message = self._messages[data] = self._decode(data)
        self._bytes += len(data)
        return message

    def _decode(self, data: bytes) -> Message | None:
        reader = FrameReader(self._magic, self._max_block_bytes)
        try:
            frames: list[tuple[Type, bytes]] = list(reader.feed(data))
            if len(frames) != 1 or reader.pending or frames[0][0] not in _SHARED:
                return None
            return decode_message(*frames[0])
        except PeerFault:
            return None


class SharedMachine(Machine):
    """A machine that looks up what frames say."""

    def __init__(self, settings: Settings, chain: Chain, readings: Readings) -> None:
        super().__init__(settings, chain)
        self._readings = readings

    def _received(self, received: BytesReceived) -> None:
        core = self.core
        link = core.links[received.link]
        data = received.data
        message = None
        if link.phase is Phase.READY and not link.reader.pending:
            message = self._readings.read(data)
        if message is None:
            super()._received(received)
            return
        link.last_heard_ms = core.now_ms
        link.bytes_in += len(data)
        try:
            self._hearers[type(message)](link, message)
        except PeerFault as fault:
            core.drop(link, fault)
