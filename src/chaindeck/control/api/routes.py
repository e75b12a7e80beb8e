"""What a route is, and how a request becomes its answer: parsed once, handled, packed as JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, RawPostDataException
from django.http.request import UnreadablePostError

from chaindeck.control.api.forms import NoQuestion
from chaindeck.control.errors import (
    ControlError,
    RequestInvalid,
    ScopeTooHigh,
    TooManyTokens,
)
from chaindeck.control.limits import API_BODY_BYTES
from chaindeck.control.rights import RIGHTS, problem
from chaindeck.ledger.errors import CodedError
from chaindeck.node.logs import get_logger
from chaindeck.records.errors import (
    CursorInvalid,
    NameTaken,
    RecordsError,
    RecordUnknown,
)
from chaindeck.rpc.errors import PartRefused, RpcError

_log = get_logger("web")
_encode = msgspec.json.Encoder().encode
_SCOPES: Final = {None: None, "viewer": "read", "operator": "operate", "admin": "admin"}
_STATUS: Final[dict[type[CodedError], HTTPStatus]] = {
    CursorInvalid: HTTPStatus.BAD_REQUEST,
    RequestInvalid: HTTPStatus.BAD_REQUEST,
    ScopeTooHigh: HTTPStatus.FORBIDDEN,
    RecordUnknown: HTTPStatus.NOT_FOUND,
    NameTaken: HTTPStatus.CONFLICT,
    TooManyTokens: HTTPStatus.CONFLICT,
}
_STATUS_OF_RPC: Final = {
    "INVALID_ARGUMENT": HTTPStatus.UNPROCESSABLE_ENTITY,
    "NOT_FOUND": HTTPStatus.NOT_FOUND,
    "ALREADY_EXISTS": HTTPStatus.CONFLICT,
    "FAILED_PRECONDITION": HTTPStatus.CONFLICT,
    "DEADLINE_EXCEEDED": HTTPStatus.GATEWAY_TIMEOUT,
    "RESOURCE_EXHAUSTED": HTTPStatus.SERVICE_UNAVAILABLE,
    "UNAVAILABLE": HTTPStatus.SERVICE_UNAVAILABLE,
}


class Asked(msgspec.Struct, frozen=True):
    """A request after it was parsed; `argument` is what stands in the address."""

    request: HttpRequest
    query: Any
    body: Any
    argument: str


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that can be asked, with all that is said about it anywhere but its right."""

    method: str
    path: str
    """May end in one `{name}`."""

    handler: Callable[[Asked], Any]
    summary: str
    answers: Any
    query: type = NoQuestion
    body: Any = None
    argument: str = ""
    argument_pattern: str = ""
    media: str = "application/json"
    takes_bytes: bool = False
    also: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def scope(self) -> str | None:
        """What a token needs, as the table of rights has it."""
        return _SCOPES[RIGHTS[self.name]]


def make_view(routes: Sequence[Route]) -> Callable[..., HttpResponseBase]:
    """Return what answers one address, whatever the method."""
    by_method = {route.method: route for route in routes}

    def view(request: HttpRequest, argument: str = "") -> HttpResponseBase:
        method = "GET" if request.method == "HEAD" else request.method
        # The table of rights has let through only methods that are here.
        return answer(by_method[str(method)], request, argument)

    return view


def answer(route: Route, request: HttpRequest, argument: str) -> HttpResponseBase:
    """Return what a route answers; every error in the one form."""
    try:
        asked = _parse(route, request, argument)
        return HttpResponse(_encode(route.handler(asked)), content_type=route.media)
    except (ControlError, RecordsError) as error:
        status = _STATUS.get(type(error), HTTPStatus.UNPROCESSABLE_ENTITY)
        return problem(status, error.code, str(error), error.field)
    except RpcError as error:
        return _pass_on(error)
    except DatabaseError as error:
        _log.warning("records do not answer", path=request.path, reason=str(error))
        text = "records do not answer; try again in some seconds"
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, "records-away", text)


def _parse(route: Route, request: HttpRequest, argument: str) -> Asked:
    _check_text(argument, "address")
    query = _convert(_given(request), route.query)
    body = None if route.body is None else _read_body(request, route.body)
    return Asked(request, query, body, argument)


def _given(request: HttpRequest) -> dict[str, str]:
    given = request.GET.dict()
    for name, text in given.items():
        _check_text(str(text), name)
    return {name: str(text) for name, text in given.items()}


def _convert(given: dict[str, str], shape: type) -> object:
    try:
        return msgspec.convert(given, shape, strict=False)
    except msgspec.ValidationError as error:
        raise RequestInvalid(reason=str(error), field=_field_of(error)) from None


def _read_body(request: HttpRequest, shape: Any) -> object:  # noqa: ANN401 - of any route
    try:
        body = request.body
    except (UnreadablePostError, RawPostDataException) as error:
        raise RequestInvalid(reason=f"the body could not be read: {error}") from None
    if len(body) > API_BODY_BYTES:
        raise RequestInvalid(reason=f"a body has at most {API_BODY_BYTES} bytes")
    if b"\\u0000" in body:
        raise RequestInvalid(reason="text cannot hold the character 0")
    try:
        return msgspec.json.decode(body, type=shape)
    except msgspec.ValidationError as error:
        raise RequestInvalid(reason=str(error), field=_field_of(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RequestInvalid(reason=f"the body is no JSON that can be read: {error}") from None


def _check_text(text: str, field: str) -> None:
    # Databases keep no such character in a text.
    if "\x00" in text:
        raise RequestInvalid(reason="text cannot hold the character 0", field=field)


def _field_of(error: Exception) -> str | None:
    """Return the place that msgspec names at the end of its message: `$.name`."""
    _, mark, place = str(error).rpartition("`$.")
    return place.rstrip("`") if mark else None


def _pass_on(error: RpcError) -> HttpResponseBase:
    if isinstance(error, PartRefused):
        status = _STATUS_OF_RPC.get(error.status, HTTPStatus.BAD_GATEWAY)
        return problem(status, error.code, error.text, error.field)
    text = f"the coordinator is away: {error}"
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, error.code, text)
