"""Tells the same events to programs that listen at Redis.

It is a reader of the hub like any other: Redis that is slow or away costs its listeners their news,
and holds up nobody here. What is still in memory when Redis is back is told then.
"""

from __future__ import annotations

import contextlib

import msgspec
from redis import asyncio as redis
from redis.exceptions import RedisError

from chaindeck.coordinator.components import Board
from chaindeck.coordinator.errors import RedisAway
from chaindeck.coordinator.hub import Hub
from chaindeck.coordinator.limits import REDIS_TIMEOUT_S
from chaindeck.coordinator.writing import Readers
from chaindeck.rpc.forms import Event

NAME = "redis"
EVENTS_CHANNEL, STATUS_CHANNEL = "chaindeck.events", "system_status"


class Publisher:
    """Run it as a worker: it raises `RedisAway`, and goes on where it was when run again."""

    def __init__(self, url: str, hub: Hub, readers: Readers, board: Board) -> None:
        self._url = url
        self._hub = hub
        self._readers = readers
        self._board = board
        self._place: int | None = None

    async def run(self) -> None:
        client: redis.Redis = redis.Redis.from_url(
            self._url,
            socket_timeout=REDIS_TIMEOUT_S,
            socket_connect_timeout=REDIS_TIMEOUT_S,
            protocol=2,
        )
        try:
            await client.ping()
            self._board.well(NAME)
            await self._publish(client)
        except (RedisError, OSError) as error:
            raise RedisAway(reason=str(error)) from None
        finally:
            await client.aclose()

    async def _publish(self, client: redis.Redis) -> None:
        stream = self._hub.follow(self._readers.read, epoch=self._hub.epoch, since=self._place)
        async with contextlib.aclosing(stream) as replies:
            async for reply in replies:
                if reply.hello is not None:
                    self._place = reply.hello.starts_after
                if reply.heartbeat is not None:
                    await client.ping()
                if reply.batch is not None:
                    await self._send(client, reply.batch.events)

    async def _send(self, client: redis.Redis, events: tuple[Event, ...]) -> None:
        async with client.pipeline(transaction=False) as pipe:
            for event in events:
                text = msgspec.json.encode(event)
                pipe.publish(EVENTS_CHANNEL, text)
                if event.topic == "status":
                    pipe.publish(STATUS_CHANNEL, msgspec.json.encode(event.data))
            await pipe.execute()
        self._place = events[-1].seq
