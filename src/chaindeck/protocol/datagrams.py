"""Announcements: the signed datagrams by which nodes of one network find each other.

    announcement = magic 4 | kind u8 | time_ms u64 | height u32 | port u16 | key 33 | signature 65

All are equally long, so that nobody can use a node to send more than he sent it. Anybody can forge
where a datagram comes from: whatever is wrong with one, nobody is punished for it. Knows the
bytes; how often one is sent, answered or believed is for `discovery`.
"""

from __future__ import annotations

import enum
import hashlib
import struct
from typing import Final

import msgspec

from chaindeck.ledger.limits import SIGNATURE_BYTES
from chaindeck.ledger.signatures import SigningKey, is_signed_by
from chaindeck.ledger.types import NetworkId
from chaindeck.protocol.errors import FrameMagic, MessageMalformed, PeerSignature
from chaindeck.protocol.types import NodeKey

_TAG: Final = hashlib.sha256(b"chaindeck/announce").digest() * 2
_FIELDS: Final = struct.Struct("<4sBQIH33s")
_MAGIC_BYTES: Final = 4
_KEY_PREFIXES: Final = (2, 3)

ANNOUNCEMENT_BYTES: Final = _FIELDS.size + SIGNATURE_BYTES


class Kind(enum.IntEnum):
    """Whether an answer is wished for."""

    ASK = 0
    ANSWER = 1


class Announcement(msgspec.Struct, frozen=True, gc=False):
    """A node of this network says where it accepts peers."""

    kind: Kind
    time_ms: int
    height: int
    port: int
    key: NodeKey
    signature: bytes


def encode_announcement(
    network_id: NetworkId,
    key: SigningKey,
    *,
    kind: Kind,
    time_ms: int,
    height: int,
    port: int,
) -> bytes:
    """Return a signed datagram."""
    fields = _FIELDS.pack(network_id[:_MAGIC_BYTES], kind, time_ms, height, port, key.public_key)
    return fields + key.sign(_digest(network_id, fields))


def decode_announcement(network_id: NetworkId, raw: bytes) -> Announcement:
    """Return an announcement that its key signed, or raise a `PeerFault`."""
    announcement = read_announcement(network_id, raw)
    check_announcement(network_id, raw)
    return announcement


def read_announcement(network_id: NetworkId, raw: bytes) -> Announcement:
    """Return an announcement that anybody can have written: all that costs next to nothing.

    For a first look at its key and time, before 30 us go into `check_announcement`.
    """
    if len(raw) != ANNOUNCEMENT_BYTES:
        reason = f"an announcement has {ANNOUNCEMENT_BYTES} bytes, not {len(raw)}"
        raise MessageMalformed(offset=0, reason=reason)
    magic, kind, time_ms, height, port, key = _FIELDS.unpack_from(raw)
    if magic != network_id[:_MAGIC_BYTES]:
        raise FrameMagic(magic=magic.hex())
    if kind not in (Kind.ASK, Kind.ANSWER):
        raise MessageMalformed(offset=_MAGIC_BYTES, reason=f"no announcement is of kind {kind}")
    if key[0] not in _KEY_PREFIXES:
        raise MessageMalformed(offset=_FIELDS.size - 33, reason="the key is not compressed")
    signature = raw[_FIELDS.size :]
    return Announcement(Kind(kind), time_ms, height, port, NodeKey(key), signature)


def check_announcement(network_id: NetworkId, raw: bytes) -> None:
    """Raise `PeerSignature` unless the key in an announcement that was read signed it."""
    fields, key = raw[: _FIELDS.size], raw[_FIELDS.size - 33 : _FIELDS.size]
    if not is_signed_by(key, _digest(network_id, fields), raw[_FIELDS.size :]):
        raise PeerSignature(field="signature", key=key.hex())


def _digest(network_id: NetworkId, fields: bytes) -> bytes:
    return hashlib.sha256(_TAG + network_id + fields).digest()
