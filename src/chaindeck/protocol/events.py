"""What a machine tells about peers and sync, for logs, feeds and metrics."""

from __future__ import annotations

import msgspec

from chaindeck.protocol.types import Address, LinkId, NodeKey


class PeerReady(msgspec.Struct, frozen=True, tag="ready"):
    """A peer has proved who it is."""

    link: LinkId
    key: NodeKey
    address: Address
    is_inbound: bool
    height: int
    agent: str
    source: str
    """static, discovery, exchange, dns, remembered or inbound: how it was found."""


class PeerLeft(msgspec.Struct, frozen=True, tag="left"):
    """A link has ended."""

    link: LinkId
    address: Address
    key: NodeKey | None
    code: str
    """Why: one of the codes in `errors`, or `peer-closed`, `peer-removed`, `peer-evicted`."""

    detail: str = ""


class PeerMisbehaved(msgspec.Struct, frozen=True, tag="misbehaved"):
    """A peer broke a rule, or used too much."""

    link: LinkId
    address: Address
    code: str
    detail: str
    is_barred: bool


class DialUnanswered(msgspec.Struct, frozen=True, tag="unanswered"):
    """No connection could be made; it is tried again later."""

    address: Address
    reason: str
    retry_ms: int


class SyncMoved(msgspec.Struct, frozen=True, tag="sync"):
    """How far this node is behind the best chain it knows."""

    state: str
    """current, headers or bodies."""

    height: int
    best_height: int


class ClockDiffers(msgspec.Struct, frozen=True, tag="clock"):
    """The peers' clocks are far from this one, which only an operator can mend."""

    median_offset_ms: int


class NobodyFound(msgspec.Struct, frozen=True, tag="alone"):
    """For a while now no source has found a peer."""

    tried: dict[str, int]
    """Addresses by source."""


class DatagramsRefused(msgspec.Struct, frozen=True, tag="datagrams"):
    """Announcements that were left alone in the last minute: forged, old, or too many.

    Another network in the same multicast group is enough for some.
    """

    counts: dict[str, int]
    """By code."""


class ScoreRaised(msgspec.Struct, frozen=True, tag="score"):
    """A peer used more than its share."""

    link: LinkId
    code: str
    score: int


NetworkEvent = (
    PeerReady
    | PeerLeft
    | PeerMisbehaved
    | DialUnanswered
    | SyncMoved
    | ClockDiffers
    | NobodyFound
    | DatagramsRefused
    | ScoreRaised
)
