"""Peers over real TCP that do what a test tells them to: real handshakes, real frames, no rules."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from typing import TypeVar

from chaindeck.ledger.genesis import Network
from chaindeck.ledger.signatures import SigningKey
from chaindeck.ledger.types import NetworkId
from chaindeck.protocol.codec import decode_message, encode_introduction, encode_message
from chaindeck.protocol.frames import FrameReader
from chaindeck.protocol.handshake import Role, prove
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
from chaindeck.protocol.types import NO_BINDING, NodeKey

WAIT_S = 20.0
Kind = TypeVar("Kind")


class TcpStranger:
    """One connection to a node."""

    def __init__(
        self, network: Network, port: int, number: int = 1, *, network_id: NetworkId | None = None
    ) -> None:
        self.network = network
        self.key = SigningKey((7_000 + number).to_bytes(32, "big"))
        self.line = socket.create_connection(("127.0.0.1", port), timeout=WAIT_S)
        self.heard: list[Message] = []
        self.is_closed = False
        self._reader = FrameReader(network.magic, network.genesis.max_block_bytes)
        self.introduction = Introduction(
            version=1,
            network_id=network_id or network.id,
            key=NodeKey(self.key.public_key),
            nonce=number.to_bytes(32, "big"),
            height=0,
            work=0,
            port=0,
            features=0,
            time_ms=time.time_ns() // 1_000_000,
            agent="stranger",
        )

    def introduce(self) -> TcpStranger:
        """Go through the handshake as an honest peer does."""
        self.say(Hello(self.introduction))
        welcome = self.wait_for(Welcome)
        hello = encode_introduction(self.introduction)
        answer = encode_introduction(welcome.introduction)
        self.say(Proof(prove(self.key, Role.DIALLER, hello, answer, NO_BINDING)))
        return self

    def say(self, *messages: Message) -> None:
        self.send(b"".join(encode_message(self.network.magic, item) for item in messages))

    def send(self, data: bytes) -> None:
        # Whoever is turned away while it talks has something to read yet.
        with contextlib.suppress(ConnectionError):
            self.line.sendall(data)

    def wait_for(self, kind: type[Kind], limit_s: float = WAIT_S) -> Kind:
        """Read until a message of a kind has come; return the first that nobody waited for yet."""
        deadline = time.monotonic() + limit_s
        while True:
            for place, message in enumerate(self.heard):
                if isinstance(message, kind):
                    del self.heard[place]
                    return message
            names = [type(message).__name__ for message in self.heard[-9:]]
            assert not self.is_closed, f"closed after {names}"
            assert time.monotonic() < deadline, f"nothing but {names}"
            self.read(deadline - time.monotonic())

    def read(self, limit_s: float) -> None:
        """Take in what comes next, within a time."""
        self.line.settimeout(max(0.001, limit_s))
        try:
            data = self.line.recv(1 << 20)
        except TimeoutError:
            return
        except ConnectionError:
            data = b""
        self.is_closed = not data
        for kind, payload in self._reader.feed(data):
            message = decode_message(kind, payload)
            self.heard.append(message)
            if isinstance(message, Ping):
                self.say(Pong(message.nonce))

    def farewell(self, limit_s: float = WAIT_S) -> str:
        """Return the code with which the node closes the connection."""
        return self.wait_for(Bye, limit_s).code

    def close(self) -> None:
        self.line.close()


@contextlib.contextmanager
def stranger(
    network: Network, port: int, number: int = 1, **options: object
) -> Iterator[TcpStranger]:
    made = TcpStranger(network, port, number, **options)
    try:
        yield made
    finally:
        made.close()
