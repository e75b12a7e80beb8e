"""Sends ready-made requests over raw connections, one at a time on each, and takes the time.

Requests and their number are known before; while the clock runs nothing is made and little is read,
so that a node is measured and not its client. With a rate, requests have their moments, and a late
one counts from its moment: a node that stalls cannot hide it by making the client wait.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence

import msgspec

from chaindeck.client.access import Access
from chaindeck.client.errors import LoadImpossible, NodeUnreachable, ProtocolMismatch
from chaindeck.client.limits import ANSWER_TIMEOUT_S, CONNECT_TIMEOUT_S
from chaindeck.client.load.payments import RequestBytes

_ACCEPTED = b'"status":"accepted"'
_LENGTH = b"content-length:"
_HEAD_END = b"\r\n\r\n"
_OK = b"200"


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How to send."""

    connections: int = 1
    rate_per_s: float | None = None
    """Payments a second in all; None is as fast as the node answers."""

    limit_s: float = 60.0


class Drive(msgspec.Struct):
    """What happened."""

    started_s: float = 0.0
    ended_s: float = 0.0
    sent: int = 0
    accepted: int = 0
    latencies_s: list[float] = []
    """Of each request, from its moment to the end of its answer."""

    first_refusal: str = ""

    @property
    def took_s(self) -> float:
        return self.ended_s - self.started_s


async def drive(requests: Sequence[RequestBytes], access: Access, plan: Plan) -> Drive:
    """Send all requests, or as many as fit into the time. Raises a `ClientError`."""
    if access.is_encrypted:
        raise LoadImpossible(reason="loads are sent over plain HTTP")
    done = Drive()
    lines = [await _Line.open(access) for _ in range(plan.connections)]
    waiting = iter(requests)
    done.started_s = time.perf_counter()
    try:
        async with asyncio.timeout(plan.limit_s + ANSWER_TIMEOUT_S), asyncio.TaskGroup() as tasks:
            for line in lines:
                tasks.create_task(_send_all(line, waiting, plan, done))
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    finally:
        done.ended_s = time.perf_counter()
        for line in lines:
            line.close()
    return done


async def _send_all(line: _Line, waiting: Iterator[RequestBytes], plan: Plan, done: Drive) -> None:
    """Take requests until there are none, or the time is over."""
    for request in waiting:
        moment_s = time.perf_counter()
        if moment_s - done.started_s > plan.limit_s:
            return
        if plan.rate_per_s is not None:
            due_s = done.started_s + done.sent / plan.rate_per_s
            done.sent += request.payments
            if due_s > moment_s:
                await asyncio.sleep(due_s - moment_s)
            moment_s = due_s
        else:
            done.sent += request.payments
        status, body = await line.exchange(request.raw)
        done.latencies_s.append(time.perf_counter() - moment_s)
        _count(status, body, done)


def _count(status: bytes, body: bytes, done: Drive) -> None:
    taken = body.count(_ACCEPTED) if status == _OK else 0
    done.accepted += taken
    if not done.first_refusal and (status != _OK or b'"rejected"' in body):
        done.first_refusal = body[:300].decode("utf-8", "replace")


class _Line(asyncio.Protocol):
    """One keep-alive connection, which reads as little as it can."""

    _transport: asyncio.Transport

    def __init__(self, url: str) -> None:
        self._url = url
        self._buffer = b""
        self._answer: asyncio.Future[tuple[bytes, bytes]] | None = None
        self._is_lost = False

    @classmethod
    async def open(cls, access: Access) -> _Line:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                _, line = await loop.create_connection(
                    lambda: cls(access.url), access.host, access.port
                )
        except OSError as error:
            raise NodeUnreachable(url=access.url, reason=error.strerror or str(error)) from None
        return line

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # a stream's
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        head_end = self._buffer.find(_HEAD_END)
        if head_end < 0 or self._answer is None:
            return
        length = _content_length(self._buffer[:head_end].lower())
        if length is None:
            self._fail(ProtocolMismatch(url=self._url, reason="an answer without a length"))
            return
        start = head_end + len(_HEAD_END)
        if len(self._buffer) < start + length:
            return
        answer, self._answer = self._answer, None
        body, status = self._buffer[start : start + length], self._buffer[9:12]
        self._buffer = b""
        if not answer.done():
            answer.set_result((status, body))

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_lost = True
        self._fail(NodeUnreachable(url=self._url, reason=f"the line broke: {exc or 'closed'}"))

    async def exchange(self, raw: bytes) -> tuple[bytes, bytes]:
        """Send one request; return status and body of its answer."""
        if self._is_lost:
            raise NodeUnreachable(url=self._url, reason="the node closed the line")
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(raw)
        return await self._answer

    def close(self) -> None:
        self._transport.close()

    def _fail(self, error: Exception) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)


def _content_length(head: bytes) -> int | None:
    place = head.find(_LENGTH)
    if place < 0:
        return None
    text = head[place + len(_LENGTH) :].partition(b"\r\n")[0].strip()
    return int(text) if text.isdigit() else None
