"""The feed of a node, followed across lost connections, restarts and silent lines.

Events come in order and none twice. Where some were lost a `Gap` says so: read the API then, and go
on. `EventStream` connects again by itself, waiting longer each time, and takes up where it was.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Collection
from typing import Any
from urllib.parse import urlencode

import msgspec
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake, InvalidStatus, WebSocketException

from chaindeck.client.access import Access
from chaindeck.client.calls import Reply, refusal
from chaindeck.client.errors import NodeUnreachable, ProtocolMismatch
from chaindeck.client.limits import (
    CLOSE_TIMEOUT_S,
    CONNECT_TIMEOUT_S,
    FIRST_WAIT_S,
    MAX_EVENT_BYTES,
    MAX_EVENT_WAIT_S,
    PING_INTERVAL_S,
    PING_TIMEOUT_S,
)
from chaindeck.client.retries import backoff_s

_UNKNOWN_TOKEN, _TOO_MANY, _UNAVAILABLE = 401, 429, 503


class Event(msgspec.Struct, frozen=True, tag="event"):
    """One thing that happened."""

    sequence: int
    topic: str
    data: dict[str, Any]


class Gap(msgspec.Struct, frozen=True, tag="gap"):
    """Events up to this number were lost, some or all."""

    sequence: int


class _Hello(msgspec.Struct, frozen=True, tag="hello"):
    epoch: str
    sequence: int
    topics: list[str]


class _Topics(msgspec.Struct, frozen=True, tag="topics"):
    topics: list[str]


class _Complaint(msgspec.Struct, frozen=True, tag="error"):
    code: str
    message: str


_Message = _Hello | Event | Gap | _Topics | _Complaint
_MESSAGE: msgspec.json.Decoder[_Message] = msgspec.json.Decoder(_Message)


class EventStream:
    """Iterate over it. `epoch` and `sequence` say where it is, for a program that restarts.

    Without `give_up_after_s` it tries for ever. Raises `NodeUnreachable` where that time is over,
    `NodeRefused` where the node will not have this reader, and `ProtocolMismatch`.
    """

    def __init__(
        self,
        access: Access | str,
        topics: Collection[str] = (),
        *,
        epoch: str | None = None,
        since: int | None = None,
        give_up_after_s: float | None = None,
        ping_interval_s: float = PING_INTERVAL_S,
        ping_timeout_s: float = PING_TIMEOUT_S,
    ) -> None:
        assert (epoch is None) == (since is None), "a place is an epoch and a number in it"
        self.access = Access(access) if isinstance(access, str) else access
        self._topics = sorted(topics)
        self.epoch = epoch
        self.sequence = since or 0
        self.connections = 0
        """How often a connection was made."""

        self._give_up_after_s = give_up_after_s
        self._ping_interval_s = ping_interval_s
        self._ping_timeout_s = ping_timeout_s
        self._lost_since_s: float | None = None
        self._attempt = 0

    async def __aiter__(self) -> AsyncGenerator[Event | Gap, None]:
        """Yield what happens until the caller stops, over as many connections as it takes."""
        while True:
            wait_s: float | None = None
            try:
                async with contextlib.aclosing(self._follow()) as messages:
                    async for message in messages:
                        yield message
                reason = "the node closed the feed"
            except InvalidStatus as error:
                reason, wait_s = "it takes no reader now", self._judge(error)
            except InvalidHandshake as error:
                raise ProtocolMismatch(url=self.access.url, reason=str(error)) from None
            except (OSError, WebSocketException) as error:
                reason = str(error) or type(error).__name__
            await self._pause(reason, wait_s)

    async def _follow(self) -> AsyncGenerator[Event | Gap, None]:
        """Yield what one connection brings."""
        async with self._connect() as socket:
            hello = self._read(await asyncio.wait_for(socket.recv(), CONNECT_TIMEOUT_S))
            if not isinstance(hello, _Hello):
                raise ProtocolMismatch(url=self.access.url, reason="the feed starts without hello")
            self._greet(hello)
            async for raw in socket:
                message = self._read(raw)
                if isinstance(message, Event | Gap):
                    self.epoch, self.sequence = hello.epoch, message.sequence
                    yield message

    def _connect(self) -> connect:
        query: dict[str, object] = {"topics": ",".join(self._topics)} if self._topics else {}
        if self.epoch is not None:
            query |= {"epoch": self.epoch, "since": self.sequence}
        return connect(
            f"{self.access.events_url}?{urlencode(query)}",
            additional_headers=self.access.headers(),
            compression=None,
            proxy=None,
            open_timeout=CONNECT_TIMEOUT_S,
            close_timeout=CLOSE_TIMEOUT_S,
            ping_interval=self._ping_interval_s,
            ping_timeout=self._ping_timeout_s,
            max_size=MAX_EVENT_BYTES,
        )

    def _greet(self, hello: _Hello) -> None:
        """Note where the feed stands, the first time.

        Later on the node sends what was missed. A new epoch counts only once its gap has come: a
        line that breaks before must not make the reader believe that nothing was lost.
        """
        self.connections += 1
        self._attempt, self._lost_since_s = 0, None
        if self.epoch is None:
            self.epoch, self.sequence = hello.epoch, hello.sequence

    def _read(self, raw: str | bytes) -> _Message:
        try:
            message: _Message = _MESSAGE.decode(raw)
        except msgspec.DecodeError as error:
            raise ProtocolMismatch(url=self.access.url, reason=f"in the feed: {error}") from None
        return message

    def _judge(self, error: InvalidStatus) -> float | None:
        """Return how long a refusal asks to wait; raise it where waiting is of no use."""
        response = error.response
        headers = {name.lower(): value for name, value in response.headers.raw_items()}
        refused = refusal(Reply(response.status_code, headers, bytes(response.body or b"")))
        if refused.status == _UNKNOWN_TOKEN and self.access.renew():
            return 0.0
        if refused.status not in (_TOO_MANY, _UNAVAILABLE):
            raise refused from None
        return refused.retry_after_s

    async def _pause(self, reason: str, wait_s: float | None) -> None:
        """Wait before the next attempt, or raise where trying has taken long enough."""
        now_s = asyncio.get_running_loop().time()
        self._lost_since_s = self._lost_since_s or now_s
        limit_s = self._give_up_after_s
        if limit_s is not None and now_s - self._lost_since_s >= limit_s:
            raise NodeUnreachable(url=self.access.url, reason=reason)
        self._attempt += 1
        if wait_s is None:
            wait_s = backoff_s(self._attempt, FIRST_WAIT_S, MAX_EVENT_WAIT_S)
        await asyncio.sleep(wait_s)
