"""A peer that says what a test tells it to: real handshake, real frames, no rules."""

from __future__ import annotations

from typing import TypeVar

from chaindeck.ledger.signatures import SigningKey
from chaindeck.protocol.codec import decode_message, encode_introduction, encode_message
from chaindeck.protocol.frames import FrameReader
from chaindeck.protocol.handshake import Role, prove
from chaindeck.protocol.inputs import (
    BytesReceived,
    BytesTaken,
    PeerClosed,
)
from chaindeck.protocol.messages import (
    Bye,
    Hello,
    Introduction,
    Message,
    Ping,
    Pong,
    Proof,
    Welcome,
)
from chaindeck.protocol.types import NO_BINDING, NodeKey, make_address
from tests.protocol.town import Resident, Town

Kind = TypeVar("Kind")


class Stranger:
    """One link to one node, in the hands of a test. Takes part in a town beside its residents."""

    _count = 0

    def __init__(
        self,
        town: Town,
        node: Resident,
        *,
        number: int | None = None,
        ip: str | None = None,
        work: int = 0,
        height: int = 0,
        port: int = 0,
        time_ms: int | None = None,
        **introduction: object,
    ) -> None:
        Stranger._count += 1
        self.town = town
        self.node = node
        number = 5_000 + Stranger._count if number is None else number
        self.key = SigningKey(number.to_bytes(32, "big"))
        self.address = make_address(ip or f"10.9.{number % 250}.{1 + number // 250 % 250}", 40_000)
        self.heard: list[Message] = []
        self.is_closed = False
        self.answers_pings = True
        self.served: set[bytes] = set()
        self.link = town.attach(self, node)
        self._reader = FrameReader(town.network.magic, town.network.genesis.max_block_bytes)
        self.introduction = Introduction(
            **{
                "version": 1,
                "network_id": town.network.id,
                "key": NodeKey(self.key.public_key),
                "nonce": bytes([number % 256]) * 32,
                "height": height,
                "work": work,
                "port": port,
                "features": 0,
                "time_ms": town.now_ms if time_ms is None else time_ms,
                "agent": "stranger",
                **introduction,
            }
        )

    def introduce(self) -> Stranger:
        """Go through the handshake as an honest peer does."""
        self.say(Hello(self.introduction))
        self.town.run(20)
        welcome = self.last(Welcome)
        assert welcome is not None, self.heard
        self.say(Proof(self.proof(welcome)))
        self.town.run(20)
        return self

    def proof(self, welcome: Welcome) -> bytes:
        hello = encode_introduction(self.introduction)
        answer = encode_introduction(welcome.introduction)
        return prove(self.key, Role.DIALLER, hello, answer, NO_BINDING)

    def say(self, *messages: Message) -> None:
        """Say something, all in one piece."""
        self.send(b"".join(encode_message(self.town.network.magic, item) for item in messages))

    def send(self, data: bytes) -> None:
        if not self.is_closed and self.link in self.node.machine.core.links:
            self.node.step(BytesReceived(self.link, data))

    def receive(self, data: bytes, *, is_taken: bool = True) -> None:
        if is_taken:
            self.node.step(BytesTaken(self.link, len(data)))
        for kind, payload in self._reader.feed(data):
            message = decode_message(kind, payload)
            self.heard.append(message)
            if isinstance(message, Ping) and self.answers_pings:
                self.say(Pong(message.nonce))

    def leave(self) -> None:
        self.town.detach(self)
        if self.link in self.node.machine.core.links:
            self.node.step(PeerClosed(self.link))

    def all(self, kind: type[Kind]) -> list[Kind]:
        return [message for message in self.heard if isinstance(message, kind)]

    def last(self, kind: type[Kind]) -> Kind | None:
        found = self.all(kind)
        return found[-1] if found else None

    @property
    def farewell(self) -> str | None:
        """The code with which the node closed the link."""
        bye = self.last(Bye)
        return bye.code if bye else None
