"""One line to a server, shared by everything in a process that asks it.

Times out, asks again where that does no harm, and turns what gRPC says into errors of this room.
A channel belongs to the event loop that was running when it was made.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable
from typing import Any, Self, TypeVar, cast

import grpc
import msgspec
from grpc import aio
from grpc_health.v1 import health_pb2

from chaindeck.client.retries import backoff_s
from chaindeck.rpc.access import RpcAccess
from chaindeck.rpc.contract import METHODS, Method
from chaindeck.rpc.errors import PartRefused, PartTimeout, PartUnreachable
from chaindeck.rpc.forms import Form
from chaindeck.rpc.gate import CODE_KEY, FIELD_KEY, INSTANCE_KEY
from chaindeck.rpc.limits import (
    CALL_DEADLINE_S,
    FIRST_WAIT_S,
    KEEPALIVE_MS,
    KEEPALIVE_TIMEOUT_MS,
    MAX_ATTEMPTS,
    MAX_MESSAGE_BYTES,
    MAX_WAIT_S,
)
from chaindeck.rpc.packing import read_message, write_message

R = TypeVar("R", bound=Form)
_CHECK = "/grpc.health.v1.Health/Check"
_OPTIONS = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.keepalive_time_ms", KEEPALIVE_MS),
    ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_MS),
    # A channel of its own for each object, so that closing one closes no other's line.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_http_proxy", 0),
)


class ServerHealth(msgspec.Struct, frozen=True):
    """What the standard health service says, and which instance said it."""

    is_serving: bool
    instance: str


class RpcChannel:
    """Asks one server. Use it in an `async with` block, or `close` it."""

    def __init__(self, access: RpcAccess) -> None:
        self.address = access.address
        self._metadata = (("authorization", f"Bearer {access.token}"),)
        self._channel = _open(access)
        self._stubs: dict[str, Any] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self._channel.close()

    async def ask(
        self, path: str, form: Form, shape: type[R], *, deadline_s: float | None = None
    ) -> R:
        """Return the answer. Raises `PartUnreachable`, `PartTimeout` or `PartRefused`."""
        method = METHODS[path]
        assert shape is method.reply, "the contract says what a method answers"
        limit_s = deadline_s or method.deadline_s
        loop = asyncio.get_running_loop()
        ends_s = loop.time() + limit_s
        attempt = 0
        while True:
            attempt += 1
            try:
                return cast("R", await self._ask_once(method, form, ends_s - loop.time()))
            except PartTimeout:
                raise
            except PartUnreachable:
                wait_s = backoff_s(attempt, FIRST_WAIT_S, MAX_WAIT_S)
                is_over = attempt >= MAX_ATTEMPTS or loop.time() + wait_s >= ends_s
                if is_over or not method.is_idempotent:
                    raise
            await asyncio.sleep(wait_s)

    async def stream(self, path: str, form: Form) -> AsyncGenerator[Form, None]:
        """Yield answers until the server ends the stream; leave it to end it from here."""
        method = METHODS[path]
        call = self._stub(method)(
            write_message(form, method.request_class()), metadata=self._metadata
        )
        try:
            async for message in call:
                yield read_message(message, method.reply)
        except aio.AioRpcError as error:
            raise self._failure(error, 0.0) from None
        finally:
            call.cancel()

    async def check_health(
        self, component: str = "", *, deadline_s: float = CALL_DEADLINE_S
    ) -> ServerHealth:
        """Ask the standard health service, once."""
        stub = self._channel.unary_unary(
            _CHECK,
            health_pb2.HealthCheckRequest.SerializeToString,
            health_pb2.HealthCheckResponse.FromString,
        )
        request = health_pb2.HealthCheckRequest(service=component)
        call = stub(request, metadata=self._metadata, timeout=deadline_s)
        try:
            answer = await call
        except aio.AioRpcError as error:
            raise self._failure(error, deadline_s) from None
        instance = _value(await call.trailing_metadata(), INSTANCE_KEY)
        is_serving = answer.status == health_pb2.HealthCheckResponse.SERVING
        return ServerHealth(is_serving, instance or "")

    async def _ask_once(self, method: Method, form: Form, limit_s: float) -> Form:
        request = write_message(form, method.request_class())
        try:
            reply = await self._stub(method)(request, metadata=self._metadata, timeout=limit_s)
        except aio.AioRpcError as error:
            raise self._failure(error, limit_s) from None
        return read_message(reply, method.reply)

    def _stub(self, method: Method) -> Any:  # noqa: ANN401 - of a call or of a stream
        if method.path not in self._stubs:
            make = self._channel.unary_stream if method.is_stream else self._channel.unary_unary
            self._stubs[method.path] = make(
                method.path,
                method.request_class().SerializeToString,
                method.reply_class().FromString,
            )
        return self._stubs[method.path]

    def _failure(self, error: aio.AioRpcError, limit_s: float) -> PartUnreachable | PartRefused:
        status, text = error.code(), error.details() or "no reason given"
        code = _value(error.trailing_metadata(), CODE_KEY)
        if code is None and status in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):
            return PartUnreachable(address=self.address, reason=text)
        if code is None and status is grpc.StatusCode.DEADLINE_EXCEEDED:
            return PartTimeout(address=self.address, timeout_s=round(limit_s))
        field = _value(error.trailing_metadata(), FIELD_KEY)
        return PartRefused(text=text, status=status.name, code=code, field=field)


def _open(access: RpcAccess) -> aio.Channel:
    credentials = access.credentials
    if credentials is None:
        return aio.insecure_channel(access.address, options=_OPTIONS)
    assert credentials.client is not None, "who asks has a client's certificate"
    key, certificate = credentials.client
    secure = grpc.ssl_channel_credentials(credentials.authority, key, certificate)
    return aio.secure_channel(access.address, secure, options=_OPTIONS)


def _value(metadata: Iterable[Any] | None, wanted: str) -> str | None:
    return next((value for key, value in metadata or () if key == wanted), None)
