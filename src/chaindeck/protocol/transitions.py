"""What may be said on a link, and when: the whole handshake as one table.

Knows phases and types, no content. The diagram in docs/protocol.md is made of it.
"""

from __future__ import annotations

import enum
from typing import Final

from chaindeck.protocol.errors import MessageUnexpected
from chaindeck.protocol.messages import Type


class Phase(enum.Enum):
    """How far a link has come."""

    DIALLED = "dialled"
    """We dialled and sent HELLO; WELCOME has to come."""

    ANSWERING = "answering"
    """They dialled; HELLO has to come."""

    PROVING = "proving"
    """They dialled and got our WELCOME; PROOF has to come."""

    READY = "ready"
    """Both have proved who they are. Whoever dialled is ready once PROOF is sent."""

    CLOSING = "closing"
    """BYE was said by either end; nothing is heard any more."""


SPOKEN_WHEN_READY: Final = (
    Type.PING,
    Type.PONG,
    Type.PEER_DISCOVERY,
    Type.TX_BROADCAST,
    Type.BLOCK_BROADCAST,
    Type.CHAIN_SYNC,
)

TRANSITIONS: Final[dict[tuple[Phase, Type], Phase]] = {
    (Phase.DIALLED, Type.WELCOME): Phase.READY,
    (Phase.ANSWERING, Type.HELLO): Phase.PROVING,
    (Phase.PROVING, Type.PROOF): Phase.READY,
    **{(Phase.READY, spoken): Phase.READY for spoken in SPOKEN_WHEN_READY},
    **{(phase, Type.BYE): Phase.CLOSING for phase in Phase},
}
"""What a peer may say in which phase, and the phase after it. Anything else is a fault."""


def next_phase(phase: Phase, spoken: Type) -> Phase:
    """Return the phase after a peer's message, or raise `MessageUnexpected`."""
    following = TRANSITIONS.get((phase, spoken))
    if following is None:
        raise MessageUnexpected(type=spoken.name, phase=phase.value)
    return following
