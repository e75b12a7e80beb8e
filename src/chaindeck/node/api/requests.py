"""One request and its answer, as handlers see them: parsed parameters, a bounded body, values.

Nothing here knows a route. Shapes are `msgspec` structures that forbid unknown names, because a
misspelt parameter that is ignored does something else than was meant.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Coroutine,
    Mapping,
    MutableMapping,
)
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec

from chaindeck.ledger.errors import JsonHex
from chaindeck.ledger.strict_json import read_json
from chaindeck.ledger.types import BlockHash, TxId
from chaindeck.node.errors import (
    BodyTooLarge,
    BodyTooSlow,
    ContentTypeUnknown,
    ParameterInvalid,
    Stopping,
)
from chaindeck.node.limits import API_BODY_TIMEOUT_S, MAX_FORM_BYTES

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Form = TypeVar("Form")
Answer = TypeVar("Answer")
HeaderPairs = tuple[tuple[bytes, bytes], ...]

JSON = b"application/json"
BYTES = b"application/octet-stream"
NDJSON = b"application/x-ndjson"
_LOWER_HEX = re.compile(r"(?:[0-9a-f]{2})*")
_HASH_DIGITS = 64
_DECODERS: dict[type, msgspec.json.Decoder[Any]] = {}
encode_json = msgspec.json.Encoder().encode


class ClientGoneError(Exception):
    """The client left before its answer came; nobody waits for it."""


class Response(msgspec.Struct, frozen=True, gc=False):
    """A whole answer."""

    body: bytes = b""
    status: int = 200
    content_type: bytes = JSON
    headers: HeaderPairs = ()


class Stream(msgspec.Struct, frozen=True):
    """An answer that is made piece by piece, as fast as its reader takes it."""

    pieces: AsyncGenerator[bytes, None]
    content_type: bytes = NDJSON


class Identity(msgspec.Struct, frozen=True):
    """Who asks: a token, or an address without one."""

    name: str
    scopes: frozenset[str]
    is_unmetered: bool = False


class Request:
    """What somebody asks. `charge` counts work that the route's own cost does not cover."""

    __slots__ = (
        "_receive",
        "_stopping",
        "argument",
        "charge",
        "headers",
        "identity",
        "query_string",
    )

    def __init__(
        self,
        headers: Mapping[bytes, bytes],
        query_string: bytes,
        argument: str,
        identity: Identity,
        receive: Receive,
        charge: Callable[[Identity, int], None],
        stopping: asyncio.Event,
    ) -> None:
        self.headers = headers
        self.query_string = query_string
        self.argument = argument
        self.identity = identity
        self._receive = receive
        self.charge = charge
        self._stopping = stopping

    def query(self, form: type[Form]) -> Form:
        """Return the parameters in their shape; raise `ParameterInvalid`."""
        return read_query(self.query_string, form)

    @property
    def content_type(self) -> bytes:
        """The type of the body without its parameters; JSON where none is given."""
        return self.headers.get(b"content-type", JSON).partition(b";")[0].strip().lower()

    async def body(self, limit: int) -> bytes:
        """Return the whole body; raise `BodyTooLarge`, `BodyTooSlow` or `Stopping`."""
        check_length(self.headers, limit)
        message = await self._receive()
        if not message.get("more_body"):
            return _checked_body(message, limit)
        try:
            async with asyncio.timeout(API_BODY_TIMEOUT_S):
                return await self._collect(message, limit)
        except TimeoutError:
            raise BodyTooSlow(limit_s=int(API_BODY_TIMEOUT_S)) from None

    async def form(self, form: type[Form]) -> Form:
        """Return a JSON body in its shape; raise `ContentTypeUnknown` or a `RuleError`."""
        if self.content_type != JSON:
            raise ContentTypeUnknown(expected=JSON.decode())
        return read_form(await self.body(MAX_FORM_BYTES), form)

    async def while_wanted(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        """Return what some work comes to; call it when the body is read.

        Where the client leaves meanwhile (`ClientGoneError`) or the server stops (`Stopping`), the
        work is cancelled.
        """
        working = asyncio.create_task(work)
        leaving = asyncio.create_task(wait_for_leave(self._receive))
        stopping = asyncio.create_task(self._stopping.wait())
        tasks = (working, leaving, stopping)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                return working.result()
            raise Stopping if self._stopping.is_set() else ClientGoneError
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _collect(self, message: Message, limit: int) -> bytes:
        parts = [_checked_body(message, limit)]
        size = len(parts[0])
        while message.get("more_body"):
            if self._stopping.is_set():
                raise Stopping
            message = await self._receive()
            parts.append(_checked_body(message, limit - size))
            size += len(parts[-1])
        return b"".join(parts)


async def wait_for_leave(receive: Receive) -> None:
    """Return when the client has left; nothing else is awaited from it."""
    while (await receive())["type"] != "http.disconnect":
        pass


def read_form(raw: bytes, form: type[Form]) -> Form:
    """Return what JSON says in a shape; raise a `RuleError` that names the field."""
    decoder = _DECODERS.get(form)
    if decoder is None:
        decoder = _DECODERS[form] = msgspec.json.Decoder(form)
    filled: Form = read_json(raw, decoder)
    return filled


def read_query(query_string: bytes, form: type[Form]) -> Form:
    """Return the parameters of a URL in their shape; raise `ParameterInvalid`."""
    if not query_string:
        return _convert({}, form)
    try:
        pairs = parse_qsl(
            query_string.decode("ascii"), keep_blank_values=True, strict_parsing=True,
            max_num_fields=32, errors="strict",
        )  # fmt: skip
    except ValueError as error:
        raise ParameterInvalid(reason=f"the query is malformed: {error}") from None
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ParameterInvalid(reason="a parameter is given twice")
    return _convert(values, form)


def read_hash(text: str, field: str) -> bytes:
    """Return the 32 bytes that 64 digits say; raise `ParameterInvalid`."""
    if len(text) != _HASH_DIGITS or not _LOWER_HEX.fullmatch(text):
        raise ParameterInvalid(field=field, reason="64 lower-case hexadecimal digits are expected")
    return bytes.fromhex(text)


def read_block_hash(text: str, field: str = "hash") -> BlockHash:
    return BlockHash(read_hash(text, field))


def read_tx_id(text: str, field: str = "id") -> TxId:
    return TxId(read_hash(text, field))


def read_hex(text: str, field: str) -> bytes:
    """Return the bytes of a hexadecimal field of a body; raise `JsonHex`."""
    if not _LOWER_HEX.fullmatch(text):
        raise JsonHex(field=field, expected="any number of")
    return bytes.fromhex(text)


def read_cursor(text: str | None, field: str, size: int) -> bytes | None:
    """Return the cursor that an earlier page gave; raise `ParameterInvalid` for anything else."""
    if text is None:
        return None
    if len(text) != 2 * size or not _LOWER_HEX.fullmatch(text):
        raise ParameterInvalid(field=field, reason="no page gave this cursor")
    return bytes.fromhex(text)


def answer(value: object, status: int = 200) -> Response:
    """Return a value as JSON."""
    return Response(encode_json(value), status)


def check_length(headers: Mapping[bytes, bytes], limit: int) -> None:
    """Refuse a body that says itself that it is too long, before any of it is read."""
    length = headers.get(b"content-length")
    if length is not None and int(length) > limit:
        raise BodyTooLarge(limit=limit)


def _checked_body(message: Message, limit: int) -> bytes:
    if message["type"] == "http.disconnect":
        raise ClientGoneError
    body: bytes = message.get("body", b"")
    if len(body) > limit:
        raise BodyTooLarge(limit=limit)
    return body


def _convert(values: Mapping[str, str], form: type[Form]) -> Form:
    try:
        return msgspec.convert(values, form, strict=False)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `$")
        raise ParameterInvalid(field=path.lstrip(".").rstrip("`") or None, reason=reason) from None
