"""The shapes of requests and answers about peers."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from chaindeck.node.api.forms import Count, Question
from chaindeck.node.limits import CAPTURE_MAX_S

MAX_BAR_S = 31_536_000
SyncState = Literal["current", "headers", "bodies"]
"""Whether a node asks for headers, for the blocks of headers it has, or for nothing."""

PeerText = Annotated[str, Meta(min_length=1, max_length=300)]


class PeersSummary(msgspec.Struct, frozen=True):
    """With how many nodes this one is linked, and how they were found."""

    linked: Count
    inbound: Count
    outbound: Count
    known: Count
    """Addresses in the book, linked or not."""

    sources: dict[str, int]
    """How the linked ones were found: static, discovery, dns, exchange, remembered, inbound."""

    topology: Literal["mesh", "gossip"]


class PeerView(msgspec.Struct, frozen=True):
    """One linked peer."""

    key: str
    address: str
    direction: Literal["inbound", "outbound"]
    source: str
    agent: str
    height: Count
    """What it said when the link was made."""

    work: str
    """Of the best branch it is known to have."""

    connected_s: float
    round_trip_ms: int | None
    clock_offset_ms: int
    bytes_in: Count
    bytes_out: Count
    waiting_bytes: Count
    score: Count
    """What it uses beyond its share; over 100 the link is closed."""

    blocks_first: Count
    payments_first: Count


class PeersAnswer(msgspec.Struct, frozen=True):
    """Peers now, and what is barred until when (Unix milliseconds)."""

    node_key: str
    listens_at: str
    summary: PeersSummary
    peers: list[PeerView]
    barred: dict[str, int]


class PeerForm(Question, frozen=True):
    """A peer to keep a link with: an address or a name, with a port or without."""

    address: PeerText


class DropQuery(Question, frozen=True):
    """Which peer to drop, and for how long to bar it."""

    address: PeerText
    bar_s: Annotated[int, Meta(ge=0, le=MAX_BAR_S)] = 0


class PeerTaken(msgspec.Struct, frozen=True):
    """What an order about a peer came to."""

    address: str
    done: Literal["added", "dropped", "barred"]


class CaptureForm(Question, frozen=True):
    """For how long to record the network side; 0 ends the capture that runs."""

    seconds: Annotated[int, Meta(ge=0, le=CAPTURE_MAX_S)]


class CaptureView(msgspec.Struct, frozen=True):
    """A recording of the network side."""

    path: str
    """On the node's machine."""

    bytes: Count
    steps: Count
    is_running: bool
