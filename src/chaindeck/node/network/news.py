"""What the machine tells, as it goes to the log and the feed."""

from __future__ import annotations

from typing import Any

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


def topic_of(event: NetworkEvent) -> str:
    return "sync" if isinstance(event, SyncMoved) else "peer"


def is_alarming(event: NetworkEvent) -> bool:
    """Whether an operator should look at it."""
    return isinstance(event, (ClockDiffers, NobodyFound, PeerMisbehaved))


def describe_event(event: NetworkEvent) -> dict[str, Any]:
    """Return an event in JSON form, with what happened under `event`."""
    match event:
        case PeerReady():
            return {
                "event": "peer ready",
                "key": event.key.hex(),
                "address": str(event.address),
                "direction": "inbound" if event.is_inbound else "outbound",
                "height": event.height,
                "agent": event.agent,
                "source": event.source,
            }
        case PeerLeft():
            return {
                "event": "peer left",
                "key": event.key.hex() if event.key else None,
                "address": str(event.address),
                "code": event.code,
                "detail": event.detail,
            }
        case PeerMisbehaved():
            return {
                "event": "peer misbehaved",
                "address": str(event.address),
                "code": event.code,
                "detail": event.detail,
                "barred": event.is_barred,
            }
        case DialUnanswered():
            return {
                "event": "peer unanswered",
                "address": str(event.address),
                "reason": event.reason,
                "retry_ms": event.retry_ms,
            }
        case SyncMoved():
            return {
                "event": "sync",
                "state": event.state,
                "height": event.height,
                "best_height": event.best_height,
            }
        case ClockDiffers():
            return {"event": "clock differs", "median_offset_ms": event.median_offset_ms}
        case NobodyFound():
            return {"event": "nobody found", "tried": event.tried}
        case DatagramsRefused():
            return {"event": "datagrams refused", "counts": event.counts}
        case ScoreRaised():
            return {"event": "peer score", "code": event.code, "score": event.score}
