"""Who may call, how long and how many at once, and what becomes of errors: for calls and streams.

A method without a line in the table of rights is refused, whoever asks. What is expected to go
wrong travels with its code; a fault travels as an id, and its traceback stays in the log.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import grpc
from grpc.aio import AbortError, ServerInterceptor

from chaindeck.ledger.errors import CodedError, RuleError
from chaindeck.node.logs import get_logger
from chaindeck.rpc.contract import RIGHTS, Right, deadline_cap_s
from chaindeck.rpc.errors import (
    DeadlinePassed,
    Fault,
    MethodRefused,
    RightMissing,
    TokenRefused,
    TooManyCalls,
)
from chaindeck.rpc.limits import MAX_CALLS, MAX_STREAMS
from chaindeck.store.errors import EnvironmentFailed

CODE_KEY = "chaindeck-code"
FIELD_KEY = "chaindeck-field"
INSTANCE_KEY = "chaindeck-instance"
_BEARER = "bearer "
_ID_BYTES = 6
_log = get_logger("rpc")

Tokens = Mapping[str, frozenset[Right]]
"""What each token may do."""


class Gate(ServerInterceptor):
    """Stands before every method of a server."""

    def __init__(
        self,
        tokens: Tokens,
        instance: str,
        *,
        max_calls: int = MAX_CALLS,
        max_streams: int = MAX_STREAMS,
        cap_s: Callable[[str], float] = deadline_cap_s,
    ) -> None:
        self._tokens = tokens
        self._instance = instance
        self._most = {"calls": max_calls, "streams": max_streams}
        self._running = {"calls": 0, "streams": 0}
        self._cap_s = cap_s

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:  # noqa: ANN401 - gRPC's own handlers have no common type
        path = handler_call_details.method
        try:
            self.check(path, handler_call_details.invocation_metadata)
        except CodedError as error:
            return _refusing(error)
        handler = await continuation(handler_call_details)
        return None if handler is None else self._guarded(path, handler)

    def check(self, path: str, metadata: Any) -> None:  # noqa: ANN401 - pairs, or gRPC's own class
        """Raise `TokenRefused`, `MethodRefused` or `RightMissing` unless this caller may."""
        rights = self._rights_of(_token_in(metadata))
        right = RIGHTS.get(path)
        if right is None:
            raise MethodRefused(method=path)
        if right not in rights:
            raise RightMissing(right=right)

    def _rights_of(self, given: bytes) -> frozenset[Right]:
        """Look at every token whichever fits, so that time tells nothing about them."""
        found: frozenset[Right] | None = None
        for token, rights in self._tokens.items():
            if hmac.compare_digest(token.encode(), given):
                found = rights
        if found is None:
            raise TokenRefused
        return found

    def _guarded(self, path: str, handler: Any) -> Any:  # noqa: ANN401 - gRPC has no type for it
        name = ("stream" if handler.request_streaming else "unary") + (
            "_stream" if handler.response_streaming else "_unary"
        )
        behaviour = getattr(handler, name)
        make = getattr(grpc, f"{name}_rpc_method_handler")
        kind = "streams" if handler.response_streaming else "calls"
        cap_s = None if handler.response_streaming else self._cap_s(path)

        async def call(request: object, context: Any) -> Any:  # noqa: ANN401 - gRPC has no type for it
            async with self._watch(context, kind, cap_s, path):
                return await behaviour(request, context)

        async def generate(request: object, context: Any) -> AsyncIterator[Any]:  # noqa: ANN401 - gRPC has no type for it
            async with self._watch(context, kind, cap_s, path):
                async for reply in behaviour(request, context):
                    yield reply

        is_generator = hasattr(behaviour, "__code__") and behaviour.__code__.co_flags & 0x200
        return make(
            generate if is_generator else call,
            handler.request_deserializer,
            handler.response_serializer,
        )

    @contextlib.asynccontextmanager
    async def _watch(
        self,
        context: Any,  # noqa: ANN401 - gRPC has no type for it
        kind: str,
        cap_s: float | None,
        path: str,
    ) -> AsyncIterator[None]:
        try:
            with self._counted(kind):
                async with asyncio.timeout(cap_s) as timeout:
                    yield
            context.set_trailing_metadata(((INSTANCE_KEY, self._instance),))
        except AbortError:
            raise
        except TimeoutError as error:
            is_ours = timeout.expired() and cap_s is not None
            limit = DeadlinePassed(limit_s=round(cap_s or 0)) if is_ours else _fault(error, path)
            await abort(context, limit)
        except CodedError as error:
            await abort(context, error)
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller learns nothing of it
            await abort(context, _fault(error, path))

    @contextlib.contextmanager
    def _counted(self, kind: str) -> Any:  # noqa: ANN401 - a context that gives nothing
        if self._running[kind] >= self._most[kind]:
            raise TooManyCalls(limit=self._most[kind], what=kind)
        self._running[kind] += 1
        try:
            yield
        finally:
            self._running[kind] -= 1


async def abort(context: Any, error: CodedError) -> None:  # noqa: ANN401 - gRPC's own class
    """End a call with an error, its code and its field."""
    metadata = [(CODE_KEY, error.code)]
    if error.field:
        metadata.append((FIELD_KEY, error.field))
    await context.abort(status_of(error), str(error), tuple(metadata))


def status_of(error: CodedError) -> grpc.StatusCode:
    """Return the gRPC status for an error of any room."""
    name = getattr(error, "grpc_status", None)
    if name is not None:
        return grpc.StatusCode[name]
    if isinstance(error, RuleError):
        return grpc.StatusCode.INVALID_ARGUMENT
    if isinstance(error, EnvironmentFailed):
        return grpc.StatusCode.UNAVAILABLE
    return grpc.StatusCode.FAILED_PRECONDITION


def _fault(error: Exception, path: str) -> Fault:
    number = secrets.token_hex(_ID_BYTES)
    _log.error("a call failed", error, id=number, method=path)
    return Fault(id=number)


def _token_in(metadata: Any) -> bytes:  # noqa: ANN401 - pairs, or gRPC's own class
    for key, value in metadata or ():
        if key == "authorization" and isinstance(value, str):
            is_bearer = value[: len(_BEARER)].lower() == _BEARER
            return value[len(_BEARER) :].strip().encode() if is_bearer else b""
    return b""


def _refusing(error: CodedError) -> Any:  # noqa: ANN401 - a handler of gRPC's
    """Return a handler that reads nothing and says no, to calls and streams alike."""

    async def refuse(_: object, context: Any) -> None:  # noqa: ANN401 - gRPC's own class
        await abort(context, error)

    return grpc.stream_stream_rpc_method_handler(refuse)
