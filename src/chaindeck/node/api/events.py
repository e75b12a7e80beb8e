"""The feed over a WebSocket: one reader, its topics, and what it has missed.

    from the node    {"type": "hello", "epoch", "sequence", "topics"}
                     {"type": "event", "sequence", "topic", "data"}
                     {"type": "gap", "sequence"}         read the API, then go on
                     {"type": "topics", "topics"}        after each change of them
                     {"type": "error", "code", "message"}
    from the reader  {"subscribe": [topic, ...], "unsubscribe": [topic, ...]}

A reader that is too slow loses events and is told so; nothing is kept for it beyond a fixed number.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Annotated

import msgspec
from msgspec import Meta

from chaindeck.ledger.errors import RuleError
from chaindeck.ledger.strict_json import read_json
from chaindeck.node.api.context import Context
from chaindeck.node.api.failures import detail_of, failure
from chaindeck.node.api.forms import Question
from chaindeck.node.api.gate import Gate
from chaindeck.node.api.requests import Identity, Receive, Response, Scope, Send, read_query
from chaindeck.node.errors import (
    ApiError,
    MessageInvalid,
    ParameterInvalid,
    PathUnknown,
    TopicUnknown,
)
from chaindeck.node.feed import TOPICS, FeedEvent, Subscription
from chaindeck.node.limits import ENCODED_EVENTS, WEBSOCKET_MESSAGE_BYTES
from chaindeck.store.errors import StoreError

EVENTS_PATH = "/ws/events"
_SCOPE = "read"
_COST = 5


class EventsQuery(Question, frozen=True):
    """What to follow, and where a reader that comes back left off."""

    topics: str | None = None
    since: Annotated[int, Meta(ge=0)] | None = None
    epoch: str | None = None


class ReaderMessage(Question, frozen=True):
    """What a reader may say."""

    subscribe: tuple[str, ...] = ()
    unsubscribe: tuple[str, ...] = ()


class Hello(msgspec.Struct, frozen=True, tag="hello"):
    """Where the feed stands."""

    epoch: str
    sequence: int
    topics: list[str]


class Event(msgspec.Struct, frozen=True, tag="event"):
    """One thing that happened."""

    sequence: int
    topic: str
    data: msgspec.Raw


class Gap(msgspec.Struct, frozen=True, tag="gap"):
    """Events up to this number were lost, some or all: read the API."""

    sequence: int


class Topics(msgspec.Struct, frozen=True, tag="topics"):
    """What the reader follows now."""

    topics: list[str]


class Complaint(msgspec.Struct, frozen=True, tag="error"):
    """What was wrong with the reader's last message; the socket stays."""

    code: str
    message: str


_MESSAGE = msgspec.json.Decoder(ReaderMessage)


class EventTexts:
    """Events as they are sent, so that each is written once for all readers."""

    def __init__(self) -> None:
        self._texts: dict[int, str] = {}

    def of(self, event: FeedEvent) -> str:
        text = self._texts.get(event.sequence)
        if text is None:
            if len(self._texts) >= ENCODED_EVENTS:
                self._texts.clear()
            data = msgspec.Raw(msgspec.json.encode(event.data))
            text = _text(Event(event.sequence, event.topic, data))
            self._texts[event.sequence] = text
        return text


class FeedSocket:
    """One reader from its handshake to its end."""

    def __init__(
        self, context: Context, gate: Gate, texts: EventTexts, receive: Receive, send: Send
    ) -> None:
        self._context = context
        self._gate = gate
        self._texts = texts
        self._receive = receive
        self._send = send
        self._identity: Identity
        self._subscription: Subscription

    async def run(self, scope: Scope) -> None:
        """Let the reader in and serve it, or refuse the handshake with an HTTP error."""
        await self._receive()
        try:
            with self._context.readers.taking():
                query = self._admit(scope)
                topics = _read_topics(query.topics)
                await self._serve(query, topics)
        except (ApiError, RuleError, StoreError) as error:
            await self._refuse(failure(error))

    def _admit(self, scope: Scope) -> EventsQuery:
        headers = dict(scope["headers"])
        self._identity = self._gate.identify(scope, headers)
        if scope["path"] != EVENTS_PATH:
            raise PathUnknown
        self._gate.check_origin("CONNECT", headers)
        self._gate.check_scope(self._identity, _SCOPE)
        self._gate.charge(self._identity, _COST)
        query = read_query(scope["query_string"], EventsQuery)
        if (query.since is None) != (query.epoch is None):
            raise ParameterInvalid(field="since", reason="since and epoch come together")
        return query

    async def _serve(self, query: EventsQuery, topics: frozenset[str]) -> None:
        feed = self._context.service.feed
        has_gap = query.epoch is not None and (
            query.epoch != feed.epoch or (query.since or 0) > feed.sequence
        )
        hello = Hello(feed.epoch, feed.sequence, sorted(topics))
        self._subscription = feed.subscribe(topics, since=None if has_gap else query.since)
        tasks: list[asyncio.Task[None]] = []
        try:
            await self._send({"type": "websocket.accept"})
            tasks += [
                asyncio.create_task(self._read()),
                asyncio.create_task(self._write(hello, has_gap=has_gap)),
            ]
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._subscription.close()
            for task in tasks:
                task.cancel()
        for task in done:
            # The server's word for a reader that is gone while something is sent to it.
            with contextlib.suppress(OSError):
                task.result()

    async def _write(self, hello: Hello, *, has_gap: bool) -> None:
        """Send what happens until cancelled, or until the reader is gone."""
        feed = self._context.service.feed
        await self._say(_text(hello))
        if has_gap:
            await self._say(_text(Gap(hello.sequence)))
        while True:
            events, had_gap = await self._subscription.take()
            if had_gap:
                lost_to = events[0].sequence - 1 if events else feed.sequence
                await self._say(_text(Gap(lost_to)))
            for event in events:
                if event.topic in self._subscription.topics:
                    await self._say(self._texts.of(event))

    async def _read(self) -> None:
        """Take messages until the reader leaves."""
        while True:
            message = await self._receive()
            if message["type"] == "websocket.disconnect":
                return
            try:
                self._gate.charge(self._identity, 1)
                answer = _text(self._obey(message.get("text")))
            except (ApiError, RuleError) as error:
                detail = detail_of(error)
                answer = _text(Complaint(detail.code, detail.message))
            await self._say(answer)

    def _obey(self, text: str | None) -> Topics:
        if text is None or len(text) > WEBSOCKET_MESSAGE_BYTES:
            raise MessageInvalid(reason="a message is JSON text that names topics")
        wish = read_json(text.encode(), _MESSAGE)
        _check_topics([*wish.subscribe, *wish.unsubscribe])
        topics = (self._subscription.topics | {*wish.subscribe}) - {*wish.unsubscribe}
        self._subscription.topics = topics
        return Topics(sorted(topics))

    async def _say(self, text: str) -> None:
        await self._send({"type": "websocket.send", "text": text})

    async def _refuse(self, response: Response) -> None:
        headers = [(b"content-type", response.content_type), *response.headers]
        await self._send(
            {
                "type": "websocket.http.response.start",
                "status": response.status,
                "headers": headers,
            }
        )
        await self._send({"type": "websocket.http.response.body", "body": response.body})


def _read_topics(text: str | None) -> frozenset[str]:
    if text is None:
        return frozenset(TOPICS)
    topics = [topic for topic in text.split(",") if topic]
    _check_topics(topics)
    return frozenset(topics)


def _check_topics(topics: Iterable[str]) -> None:
    if not set(topics) <= set(TOPICS):
        raise TopicUnknown(field="topics", topics=", ".join(TOPICS))


def _text(message: Hello | Event | Gap | Topics | Complaint) -> str:
    return msgspec.json.encode(message).decode()
