"""Why a peer is told off or a link ends: one class and one stable code for each reason.

    PeerFault                 a link ends, or a peer loses standing
    |- FrameFault             bytes are no frame
    |- MessageFault           a frame's payload is no message, or comes at the wrong time
    |- IdentityFault          a peer is not who may be linked
    |- ConductFault           a peer uses too much, or does too little
    |- ContentFault           what a peer sent breaks a rule of the chain
    `- Farewell               the link ends, and the peer has broken no rule
    RecordingForm             a file is no recording; nothing to do with peers

Each is raised while a peer's bytes are judged and caught once, where the link is; none reaches a
driver. The code is what BYE says, what events and metrics carry, and never changes its meaning.
`is_provable` says whether no honest node could have done it, whatever it knew: such a fault bars
the key and the address for an hour. A node that is late, slow, poor or of another opinion is never
barred, so that no attacker can turn honest nodes against each other by feeding them.
"""

from __future__ import annotations

from typing import ClassVar

from chaindeck.ledger.errors import CodedError


class PeerFault(CodedError):
    """A link ends, or a peer loses standing."""

    is_provable: ClassVar[bool] = False


class FrameFault(PeerFault):
    """Bytes are no frame."""

    is_provable = True


class FrameMagic(FrameFault):
    """Not provable: noise, or a node of another network that was given a wrong address."""

    code = "frame-magic"
    message = "the bytes {magic} do not begin a frame of this network"
    is_provable = False


class FrameType(FrameFault):
    code = "frame-type"
    message = "frame type {type} is not known"


class FrameSize(FrameFault):
    code = "frame-size"
    message = "a payload of {size} bytes in a {type} frame, at most {limit} are allowed"


class FrameChecksum(FrameFault):
    code = "frame-checksum"
    message = "the checksum of a {type} frame is not that of its payload"


class MessageFault(PeerFault):
    """A frame's payload is no message, or comes at the wrong time."""

    is_provable = True


class MessageMalformed(MessageFault):
    code = "message-malformed"
    message = "at offset {offset} of the payload: {reason}"


class MessageCount(MessageFault):
    code = "message-count"
    message = "{count} {what} in one message, at most {limit} are allowed"


class MessageUnexpected(MessageFault):
    """Not provable: a link that was just closed or refused still delivers what was on its way."""

    code = "message-unexpected"
    message = "{type} may not be said while the link is {phase}"
    is_provable = False


class IdentityFault(PeerFault):
    """A peer is not who may be linked."""


class PeerVersion(IdentityFault):
    code = "peer-version"
    message = "the peer speaks version {version}, at least {least} is needed"


class PeerNetwork(IdentityFault):
    code = "peer-network"
    message = "the peer is of network {network_id}"


class PeerSelf(IdentityFault):
    code = "peer-self"
    message = "the peer has this node's own key"


class PeerDuplicate(IdentityFault):
    code = "peer-duplicate"
    message = "the peer is linked already"


class PeerSignature(IdentityFault):
    code = "peer-signature"
    message = "the signature is not by the key {key}"
    is_provable = True


class PeerNotAdmitted(IdentityFault):
    code = "peer-not-admitted"
    message = "this network lists its nodes, and {key} is none of them"


class PeerHandshakeTimeout(IdentityFault):
    code = "peer-handshake-timeout"
    message = "the peer did not prove who it is in time"


class PeerBarredFault(IdentityFault):
    code = "peer-barred"
    message = "the peer is barred for a while"


class ConductFault(PeerFault):
    """A peer uses too much, or does too little."""


class PeerSilent(ConductFault):
    code = "peer-silent"
    message = "the peer answered none of the last {missed} heartbeats"


class PeerSlow(ConductFault):
    code = "peer-slow"
    message = "the peer takes too slowly what it is sent: {pending} bytes wait for it"


class PeerFlood(ConductFault):
    code = "peer-flood"
    message = "the peer used too much, at last {what}: its score is {score}"


class PeerStalling(ConductFault):
    code = "peer-stalling"
    message = "the peer did not send {what} in time"


class ContentFault(PeerFault):
    """What a peer sent breaks a rule of the chain, whose code is in the values."""

    is_provable = True


class PeerHeaders(ContentFault):
    code = "peer-headers"
    message = "a header breaks the rule {rule}: {detail}"


class PeerBlock(ContentFault):
    code = "peer-block"
    message = "a block breaks the rule {rule}: {detail}"


class PeerPayment(ContentFault):
    """Raised for blamed rules of signatures alone: all others depend on what a node has seen."""

    code = "peer-payment"
    message = "a payment breaks the rule {rule}: {detail}"


class PeerCompact(ContentFault):
    """Not provable: short ids collide by chance, and then name a block that never was."""

    code = "peer-compact"
    message = "the compact block cannot be one: {reason}"
    is_provable = False


class PeerCheckpoint(ContentFault):
    code = "peer-checkpoint"
    message = "a checkpoint breaks the rule {rule}: {detail}"


class PeerLowWork(ContentFault):
    """Not provable: a young or forgetful node offers the best it knows."""

    code = "peer-low-work"
    message = "the peer's {count} headers have too little work to be worth keeping"
    is_provable = False


class Farewell(PeerFault):
    """The link ends, and the peer has broken no rule."""


class PeerEvicted(Farewell):
    code = "peer-evicted"
    message = "another peer served better"


class PeerRemovedFault(Farewell):
    code = "peer-removed"
    message = "the operator removed the peer"


class PeerFull(Farewell):
    code = "peer-full"
    message = "no room for another peer"


class PeerClosedFault(Farewell):
    code = "peer-closed"
    message = "the peer closed the link: {reason}"


class PeerSurplus(Farewell):
    code = "peer-surplus"
    message = "this node keeps fewer links now"


class NodeStopping(Farewell):
    code = "node-stopping"
    message = "this node stops"


class RecordingForm(CodedError):
    code = "recording-form"
    message = "this is no recording of a node's network side: {reason}"
