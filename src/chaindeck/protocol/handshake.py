"""Who is at the other end: introductions, and the proofs that they are true of this very link.

Each end signs what both ends said about themselves, its role, and the binding of the channel. So a
proof is worth nothing on another link (the nonces differ), to the other role, through a middleman
who ends the encryption (the binding differs), or with a word of either introduction changed.

Knows keys and digests; the order of the messages is in `transitions`.
"""

from __future__ import annotations

import enum
import hashlib
from typing import Final

from chaindeck.ledger.signatures import SigningKey, is_signed_by
from chaindeck.protocol.errors import (
    PeerNetwork,
    PeerNotAdmitted,
    PeerSelf,
    PeerSignature,
    PeerVersion,
)
from chaindeck.protocol.limits import LEAST_PROTOCOL_VERSION
from chaindeck.protocol.messages import Introduction
from chaindeck.protocol.types import Binding, NodeKey, Settings

_TAG: Final = hashlib.sha256(b"chaindeck/link").digest() * 2


class Role(enum.IntEnum):
    """Whose proof it is."""

    DIALLER = 1
    ANSWERER = 2


def check_introduction(settings: Settings, introduction: Introduction) -> None:
    """Raise the first reason why no link is wanted with a node like this."""
    if introduction.version < LEAST_PROTOCOL_VERSION:
        raise PeerVersion(version=introduction.version, least=LEAST_PROTOCOL_VERSION)
    if introduction.network_id != settings.network.id:
        raise PeerNetwork(network_id=introduction.network_id.hex())
    if introduction.key == settings.key.public_key:
        raise PeerSelf
    if settings.admitted is not None and introduction.key not in settings.admitted:
        raise PeerNotAdmitted(key=introduction.key.hex())


def prove(key: SigningKey, role: Role, hello: bytes, welcome: bytes, binding: Binding) -> bytes:
    """Return the signature by which one end of a link proves that it is who it says.

    `hello` and `welcome` are both introductions as `codec.encode_introduction` writes them, the
    dialler's first.
    """
    return key.sign(transcript_digest(role, hello, welcome, binding))


def check_proof(
    key: NodeKey, role: Role, hello: bytes, welcome: bytes, binding: Binding, signature: bytes
) -> None:
    """Raise `PeerSignature` unless the key of the peer in this role made the signature."""
    if not is_signed_by(key, transcript_digest(role, hello, welcome, binding), signature):
        raise PeerSignature(field="signature", key=key.hex())


def transcript_digest(role: Role, hello: bytes, welcome: bytes, binding: Binding) -> bytes:
    """Return what a proof signs. Introductions say where they end, so no two links share it."""
    return hashlib.sha256(_TAG + bytes((role,)) + hello + welcome + binding).digest()
