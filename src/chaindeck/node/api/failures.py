"""Every error as an answer: status, code, message and field, in one place.

    {"error": {"code", "message", "field"}}

A broken rule is 422, or the status below where HTTP has a better word. What nobody foresaw is 500
with the code `internal`: it is logged with its traceback and a random id, and the answer tells the
id and nothing else.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from chaindeck.ledger.errors import (
    AlreadyPooled,
    CheckpointConflict,
    Held,
    JsonSyntax,
    JsonTooLarge,
    PoolFull,
    ReplacementFee,
    ReplacementFeeRate,
    ReplacementSpendsReplaced,
    ReplacementTooBroad,
    RuleError,
    UnknownBlock,
)
from chaindeck.node.api.requests import HeaderPairs, Response, encode_json
from chaindeck.node.errors import ApiError, Internal, MethodUnknown, NodeError, RateExceeded
from chaindeck.node.logs import get_logger
from chaindeck.store.errors import DiskFull, MapFull, Pruned, StoreError

_log = get_logger("api")

RULE_STATUS: Mapping[type[RuleError], int] = MappingProxyType(
    {
        JsonSyntax: 400,
        UnknownBlock: 404,
        AlreadyPooled: 409,
        CheckpointConflict: 409,
        Held: 409,
        ReplacementFee: 409,
        ReplacementFeeRate: 409,
        ReplacementSpendsReplaced: 409,
        ReplacementTooBroad: 409,
        JsonTooLarge: 413,
        PoolFull: 503,
    }
)
"""Statuses of broken rules other than 422."""

_STORE_STATUS: Mapping[type[StoreError], int] = MappingProxyType(
    {Pruned: 410, DiskFull: 507, MapFull: 507}
)


class ErrorDetail(msgspec.Struct, frozen=True):
    """What went wrong: a code that never changes its meaning, and words for people."""

    code: str
    message: str
    field: str | None = None
    """Which part of the request, where one is to blame."""


class ErrorAnswer(msgspec.Struct, frozen=True):
    """The body of every answer with a status of 400 or above."""

    error: ErrorDetail


def detail_of(error: RuleError | NodeError | StoreError) -> ErrorDetail:
    return ErrorDetail(error.code, str(error), getattr(error, "field", None))


def status_of(error: RuleError | NodeError | StoreError) -> int:
    if isinstance(error, NodeError):
        return error.status
    if isinstance(error, StoreError):
        return _STORE_STATUS.get(type(error), 503)
    return RULE_STATUS.get(type(error), 422)


def failure(error: Exception) -> Response:
    """Return the answer to a request that ended with this error."""
    if not isinstance(error, RuleError | NodeError | StoreError):
        error = _unforeseen(error)
    body = encode_json(ErrorAnswer(detail_of(error)))
    return Response(body, status_of(error), headers=_headers(error))


def _unforeseen(error: Exception) -> Internal:
    reference = secrets.token_hex(4)
    _log.error("a request failed", error, id=reference)
    return Internal(id=reference)


def _headers(error: RuleError | NodeError | StoreError) -> HeaderPairs:
    if isinstance(error, MethodUnknown):
        return ((b"allow", str(error.values["allowed"]).encode()),)
    if isinstance(error, RateExceeded):
        return ((b"retry-after", str(error.values["retry_s"]).encode()),)
    return error.headers if isinstance(error, ApiError) else ()
