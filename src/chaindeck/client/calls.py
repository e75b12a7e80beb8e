"""Every question that a node's API answers, as a value: what to send, and how to read the answer.

Both clients carry the same calls, so a route is described once. Nothing here opens a socket.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from chaindeck.client import answers
from chaindeck.client.errors import NodeRefused, ProtocolMismatch
from chaindeck.client.limits import ANSWER_TIMEOUT_S, LONG_TIMEOUT_S
from chaindeck.ledger.types import Transaction

T = TypeVar("T")
JSON, BYTES, NDJSON = "application/json", "application/octet-stream", "application/x-ndjson"
_FAILURE = msgspec.json.Decoder(answers.Failure)
_DECODERS: dict[Any, msgspec.json.Decoder[Any]] = {}
_WORDS_OF_A_STRANGER = 200


class Reply(msgspec.Struct, frozen=True):
    """One HTTP answer, as it came. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One question."""

    method: str
    path: str
    shape: type[T] | None
    """What the JSON of the answer says; None where its bytes are the answer."""

    body: bytes = b""
    content_type: str = ""
    is_idempotent: bool = True
    """Whether asking twice does no more than asking once."""

    timeout_s: float = ANSWER_TIMEOUT_S
    accept: str = JSON


def read_reply(call: Call[T], reply: Reply, url: str) -> T:
    """Return what a node answered; raise `NodeRefused` or `ProtocolMismatch`."""
    if reply.status != 200:
        raise refusal(reply)
    if call.shape is None:
        return reply.body  # type: ignore[return-value]  # a call without a shape asks for bytes
    try:
        answer: T = _decoder(call.shape).decode(reply.body)
    except msgspec.DecodeError as error:
        raise ProtocolMismatch(url=url, reason=f"{call.path}: {error}") from None
    return answer


def refusal(reply: Reply) -> NodeRefused:
    """Return the error that an answer with another status than 200 stands for."""
    wait_s = _seconds(reply.headers.get("retry-after"))
    try:
        detail = _FAILURE.decode(reply.body).error
    except (msgspec.DecodeError, UnicodeDecodeError):
        words = reply.body[:_WORDS_OF_A_STRANGER].decode("utf-8", "replace").strip()
        return NodeRefused(
            text=f"HTTP status {reply.status}: {words or 'no reason given'}",
            status=reply.status,
            retry_after_s=wait_s,
        )
    return NodeRefused(
        text=detail.message,
        status=reply.status,
        code=detail.code,
        field=detail.field,
        retry_after_s=wait_s,
    )


def rejection(verdict: answers.Verdict) -> NodeRefused | None:
    """Return the error for an item of a batch that was not taken, None for one that was."""
    if verdict.status == "accepted":
        return None
    detail = verdict.error or answers.Detail(NodeRefused.code, "no reason given")
    return NodeRefused(text=detail.message, status=422, code=detail.code, field=detail.field)


# Reading


def status() -> Call[answers.Status]:
    return _get("/api/status", answers.Status)


def stats() -> Call[answers.Stats]:
    return _get("/api/stats", answers.Stats)


def health() -> Call[answers.Health]:
    return _get("/health", answers.Health)


def metrics() -> Call[bytes]:
    return Call("GET", "/metrics", None, accept="text/plain")


def chain_page(start: int, limit: int) -> Call[answers.ChainPage]:
    return _get("/api/blockchain", answers.ChainPage, {"from": start, "limit": limit})


def chain_stream(start: int, limit: int | None) -> Call[bytes]:
    path = _path("/api/blockchain", {"from": start, "limit": limit})
    return Call("GET", path, None, accept=NDJSON)


def block(which: int | str) -> Call[answers.Block]:
    return _get(f"/api/block/{quote(str(which))}", answers.Block)


def raw_block(which: int | str) -> Call[bytes]:
    return Call("GET", f"/api/block/{quote(str(which))}?raw=1", None, accept=BYTES)


def pool_page(sort: str, limit: int, cursor: str | None) -> Call[answers.PoolPage]:
    query = {"sort": sort, "limit": limit, "cursor": cursor}
    return _get("/api/transactions", answers.PoolPage, query)


def transaction(tx_id: str, *, proof: bool) -> Call[answers.TransactionState]:
    query = {"proof": 1 if proof else None}
    return _get(f"/api/transaction/{quote(tx_id)}", answers.TransactionState, query)


def address(
    text: str, limit: int, coins_cursor: str | None = None, history_cursor: str | None = None
) -> Call[answers.AddressPage]:
    query = {"limit": limit, "coins_cursor": coins_cursor, "history_cursor": history_cursor}
    return _get(f"/api/address/{quote(text)}", answers.AddressPage, query)


def mempool() -> Call[answers.Mempool]:
    return _get("/api/mempool", answers.Mempool)


def peers() -> Call[answers.Peers]:
    return _get("/api/peers", answers.Peers)


# Submitting


def submit(form: Mapping[str, Any], *, dry_run: bool) -> Call[answers.Verdict]:
    return _post(_submit_path(dry_run=dry_run), answers.Verdict, form, is_idempotent=dry_run)


def submit_many(
    forms: Sequence[Mapping[str, Any]], *, dry_run: bool
) -> Call[list[answers.Verdict]]:
    path = _submit_path(dry_run=dry_run)
    return _post(path, list[answers.Verdict], list(forms), is_idempotent=dry_run)


def submit_packed(
    transactions: Sequence[Transaction], *, dry_run: bool
) -> Call[list[answers.Verdict]]:
    return Call(
        "POST",
        _submit_path(dry_run=dry_run),
        list[answers.Verdict],
        b"".join(item.raw for item in transactions),
        BYTES,
        is_idempotent=dry_run,
    )


# Mining


def mine(blocks: int, to: str | None) -> Call[answers.Mined]:
    form = {"blocks": blocks} if to is None else {"blocks": blocks, "address": to}
    return _post("/api/mine", answers.Mined, form, timeout_s=LONG_TIMEOUT_S)


def template(to: str, longpoll: str | None) -> Call[answers.Template]:
    path = _path("/api/template", {"address": to, "longpoll": longpoll})
    return Call("GET", path, answers.Template, timeout_s=LONG_TIMEOUT_S)


def submit_block(raw: bytes) -> Call[answers.BlockTaken]:
    return Call("POST", "/api/block", answers.BlockTaken, raw, BYTES)


# Commands: doing one twice leaves the node where doing it once does, except a checkpoint's answer.


def admin(action: str, block_hash: str) -> Call[answers.Tip]:
    return _post(f"/api/admin/{action}", answers.Tip, {"hash": block_hash}, is_idempotent=True)


def admin_checkpoint(
    height: int, block_hash: str, signatures: Sequence[str]
) -> Call[answers.CheckpointTaken]:
    form = {"height": height, "hash": block_hash, "signatures": list(signatures)}
    return _post("/api/admin/checkpoint", answers.CheckpointTaken, form)


def admin_tips() -> Call[answers.Tips]:
    return _get("/api/admin/tips", answers.Tips)


def admin_add_peer(where: str) -> Call[answers.PeerTaken]:
    return _post("/api/peers", answers.PeerTaken, {"address": where}, is_idempotent=True)


def admin_drop_peer(where: str, bar_s: int) -> Call[answers.PeerTaken]:
    path = _path("/api/peers", {"address": where, "bar_s": bar_s})
    return Call("DELETE", path, answers.PeerTaken)


def admin_capture(seconds: int) -> Call[answers.Capture]:
    return _post("/api/admin/capture", answers.Capture, {"seconds": seconds})


# Development


def dev_snapshot() -> Call[answers.SnapshotName]:
    return _post("/api/dev/snapshot", answers.SnapshotName)


def dev_revert(name: str) -> Call[answers.Tip]:
    return _post("/api/dev/revert", answers.Tip, {"id": name}, is_idempotent=True)


def dev_reset() -> Call[answers.Tip]:
    return _post("/api/dev/reset", answers.Tip, is_idempotent=True)


def dev_clock(
    time_ms: int | None, advance_ms: int | None, *, is_frozen: bool | None
) -> Call[answers.ClockState]:
    form = {"time_ms": time_ms, "advance_ms": advance_ms, "is_frozen": is_frozen}
    given = {name: value for name, value in form.items() if value is not None}
    return _post("/api/dev/clock", answers.ClockState, given, is_idempotent=advance_ms is None)


def dev_faucet(to: str, amount: int) -> Call[answers.FaucetPaid]:
    return _post("/api/dev/faucet", answers.FaucetPaid, {"address": to, "amount": amount})


def _get(path: str, shape: type[T], query: Mapping[str, object] | None = None) -> Call[T]:
    return Call("GET", _path(path, query or {}), shape)


def _post(
    path: str,
    shape: type[T],
    form: object = None,
    *,
    is_idempotent: bool = False,
    timeout_s: float = ANSWER_TIMEOUT_S,
) -> Call[T]:
    body = b"" if form is None else msgspec.json.encode(form)
    return Call("POST", path, shape, body, JSON, is_idempotent, timeout_s)


def _path(path: str, query: Mapping[str, object]) -> str:
    given = {name: value for name, value in query.items() if value is not None}
    return f"{path}?{urlencode(given)}" if given else path


def _submit_path(*, dry_run: bool) -> str:
    return _path("/api/transactions", {"dry_run": 1 if dry_run else None})


def _decoder(shape: Any) -> msgspec.json.Decoder[Any]:  # noqa: ANN401 - any shape has a decoder
    if shape not in _DECODERS:
        _DECODERS[shape] = msgspec.json.Decoder(shape)
    return _DECODERS[shape]


def _seconds(text: str | None) -> float | None:
    return float(text) if text is not None and text.isdecimal() else None
