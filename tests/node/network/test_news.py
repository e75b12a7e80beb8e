"""What the machine tells goes to the log and the feed in one form."""

from __future__ import annotations

import json

import msgspec
import pytest

from chaindeck.node.network.news import describe_event, is_alarming, topic_of
from chaindeck.protocol.events import (
    ClockDiffers,
    DatagramsRefused,
    DialUnanswered,
    NetworkEvent,
    NobodyFound,
    PeerLeft,
    PeerMisbehaved,
    PeerReady,
    ScoreRaised,
    SyncMoved,
)
from chaindeck.protocol.types import LinkId, NodeKey, make_address

WHERE = make_address("10.0.0.7", 8_333)
KEY = NodeKey(b"\x02" * 33)
LINK = LinkId(3)
TOLD: list[tuple[NetworkEvent, dict[str, object]]] = [
    (
        PeerReady(LINK, KEY, WHERE, True, 7, "agent", "dns"),
        {
            "event": "peer ready", "key": "02" * 33, "address": "10.0.0.7:8333",
            "direction": "inbound", "height": 7, "agent": "agent", "source": "dns",
        },
    ),
    (
        PeerLeft(LINK, WHERE, KEY, "peer-silent", "why"),
        {
            "event": "peer left", "key": "02" * 33, "address": "10.0.0.7:8333",
            "code": "peer-silent", "detail": "why",
        },
    ),
    (
        PeerMisbehaved(LINK, WHERE, "frame-size", "why", is_barred=True),
        {
            "event": "peer misbehaved", "address": "10.0.0.7:8333", "code": "frame-size",
            "detail": "why", "barred": True,
        },
    ),
    (
        DialUnanswered(WHERE, "refused", 1_000),
        {
            "event": "peer unanswered", "address": "10.0.0.7:8333", "reason": "refused",
            "retry_ms": 1_000,
        },
    ),
    (
        SyncMoved("bodies", 3, 9),
        {"event": "sync", "state": "bodies", "height": 3, "best_height": 9},
    ),
    (ClockDiffers(6_000), {"event": "clock differs", "median_offset_ms": 6_000}),
    (
        DatagramsRefused({"peer-signature": 3}),
        {"event": "datagrams refused", "counts": {"peer-signature": 3}},
    ),
    (NobodyFound({"dns": 2}), {"event": "nobody found", "tried": {"dns": 2}}),
    (ScoreRaised(LINK, "ping", 45), {"event": "peer score", "code": "ping", "score": 45}),
]  # fmt: skip


@pytest.mark.parametrize(("event", "described"), TOLD, ids=lambda item: type(item).__name__)
def test_event_has_one_json_form(event: NetworkEvent, described: dict[str, object]) -> None:
    assert describe_event(event) == described
    assert json.loads(msgspec.json.encode(describe_event(event))) == described


def test_every_kind_of_event_is_described() -> None:
    kinds = {type(event) for event, _ in TOLD}
    assert kinds == set(NetworkEvent.__args__)


def test_sync_has_a_topic_of_its_own() -> None:
    topics = {type(event).__name__: topic_of(event) for event, _ in TOLD}
    assert topics.pop("SyncMoved") == "sync"
    assert set(topics.values()) == {"peer"}


def test_peer_that_never_said_its_key_has_none() -> None:
    assert describe_event(PeerLeft(LINK, WHERE, None, "frame-magic"))["key"] is None
    outbound = PeerReady(LINK, KEY, WHERE, False, 7, "agent", "dns")
    assert describe_event(outbound)["direction"] == "outbound"


def test_what_an_operator_should_see_is_a_warning() -> None:
    alarming = {type(event) for event, _ in TOLD if is_alarming(event)}
    assert alarming == {PeerMisbehaved, ClockDiffers, NobodyFound}
