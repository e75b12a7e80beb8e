"""Scripted peers on one loop: a real handshake, then nothing but listening and answering pings."""

from __future__ import annotations

import asyncio
import time
from typing import TypeVar

from chaindeck.ledger.genesis import Network
from chaindeck.ledger.signatures import SigningKey
from chaindeck.protocol.codec import decode_message, encode_introduction, encode_message
from chaindeck.protocol.frames import FrameReader
from chaindeck.protocol.handshake import Role, prove
from chaindeck.protocol.messages import (
    CompactBlock,
    Headers,
    Hello,
    Introduction,
    Message,
    Ping,
    Pong,
    Proof,
    Welcome,
)
from chaindeck.protocol.types import NO_BINDING, NodeKey

_FIRST_SECRET = 9_000
Kind = TypeVar("Kind", bound=Message)


class ScriptedPeer:
    """One link to a node under test."""

    def __init__(self, network: Network, number: int) -> None:
        self._magic = network.magic
        self._reader = FrameReader(network.magic, network.genesis.max_block_bytes)
        self._key = SigningKey((_FIRST_SECRET + number).to_bytes(32, "big"))
        self._network = network
        self._in: asyncio.StreamReader
        self._out: asyncio.StreamWriter
        self._welcomed: asyncio.Future[Welcome] = asyncio.get_running_loop().create_future()
        self.told: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        """The moment at which it heard of a block."""

    async def link(self, port: int) -> asyncio.Task[None]:
        """Prove who this is; return the task that listens from then on."""
        self._in, self._out = await asyncio.open_connection("127.0.0.1", port)
        listening = asyncio.create_task(self._listen())
        own = Introduction(
            version=1,
            network_id=self._network.id,
            key=NodeKey(self._key.public_key),
            nonce=self._key.public_key[1:],
            height=0,
            work=0,
            port=0,
            features=0,
            time_ms=time.time_ns() // 1_000_000,
            agent="bench",
        )
        self._say(Hello(own))
        welcome = await self._welcomed
        hello, answer = encode_introduction(own), encode_introduction(welcome.introduction)
        self._say(Proof(prove(self._key, Role.DIALLER, hello, answer, NO_BINDING)))
        return listening

    async def _listen(self) -> None:
        try:
            while data := await self._in.read(1 << 16):
                for kind, payload in self._reader.feed(data):
                    self._hear(decode_message(kind, payload))
        finally:
            self._out.close()

    def _hear(self, message: Message) -> None:
        if isinstance(message, Welcome):
            self._welcomed.set_result(message)
        elif isinstance(message, Ping):
            self._say(Pong(message.nonce))
        elif isinstance(message, CompactBlock | Headers) and not self.told.done():
            self.told.set_result(time.perf_counter())

    def _say(self, message: Message) -> None:
        self._out.write(encode_message(self._magic, message))
