"""Sends requests over raw connections, one at a time on each, and takes the time.

Little is read of an answer, so that a node is measured and not its client. With a rate, requests
have their moments, and a late one counts from its moment: a node that stalls cannot hide it by
making the client wait.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Protocol

import msgspec

from chaindeck.client.access import Access
from chaindeck.client.answers import Verdict
from chaindeck.client.errors import (
    LoadImpossible,
    NodeTimeout,
    NodeUnreachable,
    ProtocolMismatch,
)
from chaindeck.client.limits import ANSWER_TIMEOUT_S, CONNECT_TIMEOUT_S
from chaindeck.client.load.latencies import Latencies
from chaindeck.client.load.payments import RequestBytes
from chaindeck.ledger.types import TxId

_ACCEPTED = b'"status":"accepted"'
_LENGTH = b"content-length:"
_HEAD_END = b"\r\n\r\n"
_OK = b"200"
_VERDICTS = msgspec.json.Decoder(Verdict | list[Verdict])


class Supply(Protocol):
    """Where requests come from."""

    @property
    def is_over(self) -> bool:
        """Whether the last request was taken."""

    def take(self) -> RequestBytes | None:
        """Return the next request, None where there is none at the moment or none any more."""

    async def wait(self) -> None:
        """Return when `take` may have something again; raise a `ClientError` if never."""

    def refuse(self, tx_ids: Sequence[TxId]) -> None:
        """Hear which payments the node did not take."""


class Prepared:
    """A supply of requests that were all made before."""

    def __init__(self, requests: Iterable[RequestBytes]) -> None:
        self._requests = deque(requests)
        self.refused: list[TxId] = []

    @property
    def is_over(self) -> bool:
        return not self._requests

    def take(self) -> RequestBytes | None:
        return self._requests.popleft() if self._requests else None

    async def wait(self) -> None:
        raise AssertionError("what was made before is there")

    def refuse(self, tx_ids: Sequence[TxId]) -> None:
        self.refused += tx_ids


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How to send."""

    connections: int = 1
    rate_per_s: float | None = None
    """Payments a second in all; None is as fast as the node answers."""

    limit_s: float = 60.0


class Drive:
    """What happened."""

    def __init__(self, connections: int) -> None:
        self.connections = connections
        self.started_s = 0.0
        self.ended_s = 0.0
        self.sent = 0
        self.accepted = 0
        self.latencies = Latencies()
        """Of each request, from its moment to the end of its answer."""

        self.idle_s = 0.0
        """Seconds that the connections together had nothing to send, for want of coins."""

        self.first_refusal = ""

    @property
    def took_s(self) -> float:
        return self.ended_s - self.started_s


async def drive(supply: Supply, access: Access, plan: Plan) -> Drive:
    """Send all requests, or as many as fit into the time. Raises a `ClientError`."""
    if access.is_encrypted:
        raise LoadImpossible(reason="loads are sent over plain HTTP")
    done = Drive(plan.connections)
    lines = [await _Line.open(access) for _ in range(plan.connections)]
    done.started_s = time.perf_counter()
    try:
        async with asyncio.timeout(plan.limit_s + ANSWER_TIMEOUT_S), asyncio.TaskGroup() as tasks:
            for line in lines:
                tasks.create_task(_send_all(line, supply, plan, done))
    except TimeoutError:
        raise NodeTimeout(url=access.url, timeout_s=round(ANSWER_TIMEOUT_S)) from None
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    finally:
        done.ended_s = time.perf_counter()
        for line in lines:
            line.close()
    return done


async def _send_all(line: _Line, supply: Supply, plan: Plan, done: Drive) -> None:
    """Take requests until there are none, or the time is over."""
    while (request := await _next_request(supply, plan, done)) is not None:
        moment_s = time.perf_counter()
        if moment_s - done.started_s > plan.limit_s:
            # Nobody saw it: it is as if it had never been made.
            supply.refuse(request.tx_ids)
            return
        due_s = moment_s
        if plan.rate_per_s is not None:
            due_s = done.started_s + done.sent / plan.rate_per_s
        done.sent += len(request.tx_ids)
        if due_s > moment_s:
            await asyncio.sleep(due_s - moment_s)
        status, body = await line.exchange(request.raw)
        done.latencies.note(time.perf_counter() - due_s)
        _count(request, status, body, supply, done)


async def _next_request(supply: Supply, plan: Plan, done: Drive) -> RequestBytes | None:
    """Return the next request as soon as there is one, None where none comes in time."""
    while (request := supply.take()) is None and not supply.is_over:
        began_s = time.perf_counter()
        try:
            async with asyncio.timeout(done.started_s + plan.limit_s - began_s):
                await supply.wait()
        except TimeoutError:
            return None
        finally:
            done.idle_s += time.perf_counter() - began_s
    return request


def _count(request: RequestBytes, status: bytes, body: bytes, supply: Supply, done: Drive) -> None:
    taken = body.count(_ACCEPTED) if status == _OK else 0
    done.accepted += taken
    if taken == len(request.tx_ids):
        return
    if not done.first_refusal:
        done.first_refusal = body[:300].decode("utf-8", "replace")
    supply.refuse(_refused(request, body) if taken else request.tx_ids)


def _refused(request: RequestBytes, body: bytes) -> list[TxId]:
    """Return what a batch lost of which some were taken."""
    verdicts = _VERDICTS.decode(body)
    assert isinstance(verdicts, list), "one payment is taken or not"
    paired = zip(request.tx_ids, verdicts, strict=True)
    return [tx_id for tx_id, verdict in paired if verdict.status != "accepted"]


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
