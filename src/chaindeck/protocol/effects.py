"""What a machine wants done. A driver does it in order and decides nothing."""

from __future__ import annotations

import msgspec

from chaindeck.ledger.types import Block, Transaction
from chaindeck.protocol.events import NetworkEvent
from chaindeck.protocol.types import Address, LinkId


class Send(msgspec.Struct, frozen=True, tag=True, gc=False):
    """Write bytes to a link. The driver reports with `inputs.BytesTaken` what has left."""

    link: LinkId
    data: bytes


class Close(msgspec.Struct, frozen=True, tag=True, gc=False):
    """Close a link once what was sent before has left, or after a second."""

    link: LinkId


class Dial(msgspec.Struct, frozen=True, tag=True, gc=False):
    """Connect; answer with `PeerConnected` or `DialFailed`."""

    address: Address


class SendDatagram(msgspec.Struct, frozen=True, tag=True, gc=False):
    """Send a datagram: to the group of all nodes, or to one that asked."""

    target: Address | None
    data: bytes


class WakeAt(msgspec.Struct, frozen=True, tag=True, gc=False):
    """Send `TimerFired` at this time. Each replaces the one before."""

    time_ms: int


class JudgeBlock(msgspec.Struct, frozen=True, tag=True):
    """Offer a block to the chain; answer with `BlockJudged`. Its header is known to be right."""

    block: Block
    link: LinkId | None


class JudgePayments(msgspec.Struct, frozen=True, tag=True):
    """Offer payments to the pool; answer with `PaymentsJudged`."""

    ticket: int
    transactions: tuple[Transaction, ...]


class JudgeCheckpoint(msgspec.Struct, frozen=True, tag=True):
    """Offer a checkpoint to the chain; answer with `CheckpointJudged`."""

    raw: bytes
    link: LinkId


class SetSyncing(msgspec.Struct, frozen=True, tag=True, gc=False):
    """Tell the chain whether it is on its first way to the network's tip: it parks nothing then."""

    is_syncing: bool


class KeepPeers(msgspec.Struct, frozen=True, tag=True):
    """Remember these for the next start."""

    known: tuple[bytes, ...]


class Emit(msgspec.Struct, frozen=True, tag=True):
    """Something that people and programs want to know."""

    event: NetworkEvent


Effect = (
    Send
    | Close
    | Dial
    | SendDatagram
    | WakeAt
    | JudgeBlock
    | JudgePayments
    | JudgeCheckpoint
    | SetSyncing
    | KeepPeers
    | Emit
)
