"""Bytes that reach our own parts: calls at the gate of gRPC, and frames of the live channel."""

from __future__ import annotations

import asyncio
import contextlib
from functools import cache
from typing import Any

import msgspec
from google.protobuf.message import DecodeError

from chaindeck.control.limits import LIVE_COALESCE_EVENTS, LIVE_NOTICES
from chaindeck.control.live.channel import LiveChannel
from chaindeck.control.live.hub import TOPICS, LiveHub
from chaindeck.control.live.line import Line
from chaindeck.rpc.contract import METHODS, RIGHTS
from chaindeck.rpc.errors import MethodRefused, RequestInvalid, RightMissing, TokenRefused
from chaindeck.rpc.forms import Event, Snapshot
from chaindeck.rpc.gate import Gate
from chaindeck.rpc.packing import read_message, write_message

TOKEN = "t" * 43
MOST_FRAMES = 16
_METHODS = sorted(METHODS.values(), key=lambda method: method.path)
_RIGHTS = frozenset({"read", "report"})


def read_request(data: bytes) -> None:
    """The first byte chooses a method, the rest is its request; what is understood stays whole."""
    method = _METHODS[data[0] % len(_METHODS)] if data else _METHODS[0]
    kind = method.request_class()
    try:
        form = read_message(kind.FromString(data[1:]), method.request)
    except (DecodeError, RequestInvalid):
        return
    again = kind.FromString(write_message(form, kind).SerializeToString())
    assert read_message(again, method.request) == form, "a form says something else when sent on"


def knock(data: bytes) -> None:
    """A path, and lines `name:value` of metadata: only our token and a right open anything."""
    path, *lines = data.decode("latin-1").split("\n")
    metadata = [(name, value) for name, _, value in (line.partition(":") for line in lines)]
    gate = Gate({TOKEN: _RIGHTS}, "instance")
    try:
        gate.check(path, metadata)
    except (TokenRefused, MethodRefused, RightMissing):
        return
    assert RIGHTS[path] in _RIGHTS, "what has no right is refused"
    given = next(value for name, value in metadata if name == "authorization")
    assert given[:7].lower() == "bearer ", "a token stands behind its kind"
    assert given[7:].strip() == TOKEN, "only our token opens anything"


def say_frames(data: bytes) -> None:
    """Lines are frames from a browser: the channel answers each or obeys it, and stays bounded."""
    with contextlib.closing(asyncio.new_event_loop()) as loop:
        loop.run_until_complete(_converse(data.split(b"\n")[:MOST_FRAMES]))


async def _converse(frames: list[bytes]) -> None:
    messages: list[dict[str, Any]] = [{"type": "websocket.receive", "bytes": one} for one in frames]
    messages.append({"type": "websocket.disconnect"})

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    async def send(_: object) -> None:
        """Nobody listens."""

    channel = LiveChannel(_hub(), Line({}, receive, send), "instance")
    await channel.read()
    assert not messages, "all of it was read"
    reader = channel._reader
    assert reader.topics <= TOPICS
    assert len(reader.notices) <= LIVE_NOTICES + 1
    assert len(reader.outbox) <= LIVE_COALESCE_EVENTS
    msgspec.json.encode(list(reader.notices))


@cache
def _hub() -> LiveHub:
    """One that knows some events, as if a coordinator had told them."""
    hub = LiveHub(None)
    hub._begin(Snapshot(epoch="e", seq=4, events=()), 4)
    for seq in range(5, 9):
        event = Event(seq=seq, time_ms=seq, topic="block", kind="connected", key="", data={})
        hub._take(event)
    return hub


def make_part_seeds() -> dict[str, list[bytes]]:
    """One request of each method, a call that may, and frames that are obeyed."""
    head = f"/chaindeck.v1.Coordinator/ListNodes\nauthorization:Bearer {TOKEN}".encode()
    frames = (
        b'{"type":"subscribe","topics":["block","node"],"epoch":"e","since":5}\n'
        b'{"type":"unsubscribe","topics":["node"]}\n{"type":"shout"}\n['
    )
    return {
        "rpc-request": [bytes([number]) for number in range(len(_METHODS))]
        + [bytes([0]) + b"\n\6node-1\x12\4mine", bytes([3]) + b"\n\2e1\x10\5\x1a\5block"],
        "rpc-gate": [head, head.replace(b"ListNodes", b"ControlNode"), b"/\nauthorization:x"],
        "live-frames": [frames],
    }
