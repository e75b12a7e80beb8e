"""Events of the coordinator, followed across broken lines and restarts, in order and none twice.

After each connection comes a `StreamHello`. Where it says `has_gap`, what was known before holds no
longer: take a snapshot, and go on. While nobody answers there is one `Away`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Collection
from typing import cast

import msgspec

from chaindeck.client.retries import backoff_s
from chaindeck.rpc.channel import RpcChannel
from chaindeck.rpc.contract import COORDINATOR
from chaindeck.rpc.errors import PartRefused, PartUnreachable, RpcError
from chaindeck.rpc.forms import (
    Event,
    Form,
    StreamEventsReply,
    StreamEventsRequest,
    StreamHello,
)
from chaindeck.rpc.limits import CONNECT_DEADLINE_S, FIRST_WAIT_S, MAX_WAIT_S, SILENCE_S

_PATH = f"/{COORDINATOR}/StreamEvents"
_FINAL = frozenset({"UNAUTHENTICATED", "PERMISSION_DENIED", "INVALID_ARGUMENT", "UNIMPLEMENTED"})
"""What trying again does not change."""


class Away(msgspec.Struct, frozen=True):
    """The coordinator does not answer, and this is tried again until it does."""

    reason: str


Followed = StreamHello | Event | Away


class EventFollower:
    """Iterate over it. `epoch` and `since` say where it is, for a program that restarts.

    Raises `PartRefused` where the coordinator will not have this reader.
    """

    def __init__(
        self,
        channel: RpcChannel,
        topics: Collection[str] = (),
        *,
        epoch: str = "",
        since: int | None = None,
        silence_s: float = SILENCE_S,
    ) -> None:
        self._channel = channel
        self._topics = tuple(sorted(topics))
        self._silence_s = silence_s
        self.epoch = epoch
        self.since = since
        self.is_away = False
        self._attempt = 0

    async def __aiter__(self) -> AsyncGenerator[Followed, None]:
        """Yield what happens until the caller stops."""
        while True:
            try:
                async with contextlib.aclosing(self._follow()) as messages:
                    async for message in messages:
                        yield message
                reason = "the coordinator ended the stream"
            except PartRefused as error:
                if error.status in _FINAL:
                    raise
                reason = error.text
            except RpcError as error:
                reason = str(error)
            if not self.is_away:
                self.is_away = True
                yield Away(reason)
            self._attempt += 1
            await asyncio.sleep(backoff_s(self._attempt, FIRST_WAIT_S, MAX_WAIT_S))

    async def _follow(self) -> AsyncGenerator[StreamHello | Event, None]:
        form = StreamEventsRequest(epoch=self.epoch, since=self.since, topics=self._topics)
        async with contextlib.aclosing(self._channel.stream(_PATH, form)) as replies:
            hello = (await self._next(replies, CONNECT_DEADLINE_S)).hello
            assert hello is not None, "a stream starts by saying where it stands"
            self._attempt, self.is_away = 0, False
            self.epoch, self.since = hello.epoch, hello.starts_after
            yield hello
            while True:
                reply = await self._next(replies, self._silence_s)
                for event in reply.batch.events if reply.batch else ():
                    assert event.seq > self.since, "events come in order and none twice"
                    self.since = event.seq
                    yield event
                if reply.heartbeat is not None:
                    self.since = max(self.since, reply.heartbeat.last_seq)

    async def _next(self, replies: AsyncGenerator[Form, None], limit_s: float) -> StreamEventsReply:
        try:
            async with asyncio.timeout(limit_s):
                return cast("StreamEventsReply", await anext(replies))
        except TimeoutError:
            address = self._channel.address
            raise PartUnreachable(address=address, reason="the stream fell silent") from None
        except StopAsyncIteration:
            address = self._channel.address
            raise PartUnreachable(address=address, reason="the stream was ended") from None
