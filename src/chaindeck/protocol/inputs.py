"""What happens to a machine. Plain values, so that a recorded list of them replays a night.

Every input comes with the time of its step. Answers of the chain that `ports.Chain` gives are the
only other thing a step depends on.
"""

from __future__ import annotations

import msgspec

from chaindeck.ledger.errors import RuleError
from chaindeck.ledger.types import Block, BlockHash, Transaction
from chaindeck.protocol.types import NO_BINDING, Address, Binding, LinkId


class Started(msgspec.Struct, frozen=True, tag=True):
    """The driver listens and can dial. Comes once, first."""

    known: tuple[bytes, ...] = ()
    """What `effects.KeepPeers` last asked to keep."""


class ClockSet(msgspec.Struct, frozen=True, tag=True):
    """The clock of this machine was set: what it says now, less the time of the step.

    Steps are counted on a clock that is never set, so that no timer is lost or held up.
    """

    offset_ms: int


class Stopping(msgspec.Struct, frozen=True, tag=True):
    """The driver is about to end: every link is told."""


class PeerConnected(msgspec.Struct, frozen=True, tag=True):
    """A connection stands."""

    link: LinkId
    address: Address
    is_inbound: bool
    binding: Binding = NO_BINDING


class PeerClosed(msgspec.Struct, frozen=True, tag=True):
    """A connection is gone, whoever closed it. Follows every `PeerConnected` once."""

    link: LinkId


class DialFailed(msgspec.Struct, frozen=True, tag=True):
    """No connection came of `effects.Dial`."""

    address: Address
    reason: str


class BytesReceived(msgspec.Struct, frozen=True, tag=True):
    """A peer sent some bytes, cut anywhere."""

    link: LinkId
    data: bytes


class BytesTaken(msgspec.Struct, frozen=True, tag=True):
    """So many bytes of what was sent have left this machine since the last such input."""

    link: LinkId
    count: int


class DatagramReceived(msgspec.Struct, frozen=True, tag=True):
    """A datagram came, by multicast or straight."""

    source: Address
    data: bytes


class TimerFired(msgspec.Struct, frozen=True, tag=True):
    """The time of the last `effects.WakeAt` has come, or passed."""


class BlockJudged(msgspec.Struct, frozen=True, tag=True):
    """The chain has looked at a block that `effects.JudgeBlock` handed over."""

    hash: BlockHash
    link: LinkId | None
    error: RuleError | None
    """None where it is taken in, or was known."""


class PaymentsJudged(msgspec.Struct, frozen=True, tag=True):
    """The pool has looked at payments that `effects.JudgePayments` handed over."""

    ticket: int
    errors: tuple[RuleError | None, ...]
    """In the order of the payments; None for what waits now."""


class PaymentsAdmitted(msgspec.Struct, frozen=True, tag=True):
    """Payments wait now: those of peers and those handed in here alike."""

    transactions: tuple[Transaction, ...]


class TipMoved(msgspec.Struct, frozen=True, tag=True):
    """The active chain ends elsewhere."""

    connected: tuple[Block, ...]
    """New blocks of the active chain, upwards. At most the last few matter."""


class CheckpointJudged(msgspec.Struct, frozen=True, tag=True):
    """The chain has looked at a checkpoint that `effects.JudgeCheckpoint` handed over."""

    link: LinkId
    error: RuleError | None


class CheckpointMade(msgspec.Struct, frozen=True, tag=True):
    """A quorum has said something new, whoever brought it, and whether it holds here or not."""

    raw: bytes


class PeerAdded(msgspec.Struct, frozen=True, tag=True):
    """An operator, a setting or a name names a peer to keep a link with."""

    address: Address
    source: str = "static"


class PeerRemoved(msgspec.Struct, frozen=True, tag=True):
    """An operator drops a peer."""

    address: Address


class PeerBarred(msgspec.Struct, frozen=True, tag=True):
    """An operator bars the peer of a link, or an address, for a while."""

    address: Address
    duration_ms: int


class PeerPardoned(msgspec.Struct, frozen=True, tag=True):
    """An operator lifts a bar."""

    address: Address


Input = (
    Started
    | ClockSet
    | Stopping
    | PeerConnected
    | PeerClosed
    | DialFailed
    | BytesReceived
    | BytesTaken
    | DatagramReceived
    | TimerFired
    | BlockJudged
    | PaymentsJudged
    | PaymentsAdmitted
    | TipMoved
    | CheckpointJudged
    | CheckpointMade
    | PeerAdded
    | PeerRemoved
    | PeerBarred
    | PeerPardoned
)
