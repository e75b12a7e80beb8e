"""Frames: where one message ends and the next begins, whatever the network cut the bytes into.

    frame = magic 4 | type u8 | length u32 | checksum 4 | payload
    checksum = sha256(payload)[:4]

Knows types and sizes; what a payload says is `codec`'s. A length is held against the limit of its
type, and of its kind in CHAIN_SYNC, before a byte of the payload is kept.
"""

from __future__ import annotations

import functools
import hashlib
import struct
from collections.abc import Iterator
from typing import Final

from chaindeck.ledger.limits import (
    HEADER_BYTES,
    MAX_CHECKPOINT_SIGNERS,
    SIGNATURE_BYTES,
)
from chaindeck.protocol import limits
from chaindeck.protocol.errors import (
    FrameChecksum,
    FrameMagic,
    FrameSize,
    FrameType,
    MessageMalformed,
)
from chaindeck.protocol.kinds import SyncKind
from chaindeck.protocol.limits import FRAME_HEADER_BYTES
from chaindeck.protocol.messages import Type

_HEADER: Final = struct.Struct("<4sBI4s")
_CHECKSUM_BYTES: Final = 4
_HASH_BYTES: Final = 32
_COUNT_BYTES: Final = 3
"""The longest varint of a count or length in these messages: all are below 2^21."""

_TYPES: Final = {int(item): item for item in Type}


def encode_frame(magic: bytes, frame_type: Type, payload: bytes) -> bytes:
    """Return a whole frame. The payload is within the limit of its type."""
    checksum = hashlib.sha256(payload).digest()[:_CHECKSUM_BYTES]
    return _HEADER.pack(magic, frame_type, len(payload), checksum) + payload


class FrameReader:
    """Takes bytes cut anywhere and gives whole frames.

    What waits for its end is never longer than the longest frame that is allowed, and every byte
    is copied a fixed number of times however small the pieces are.
    """

    __slots__ = ("_limits", "_magic", "_needed", "_pending", "_sync_limits")

    def __init__(self, magic: bytes, max_block_bytes: int) -> None:
        self._magic = magic
        self._sync_limits = sync_limits(max_block_bytes)
        self._limits = type_limits(max_block_bytes)
        self._pending = bytearray()
        self._needed = FRAME_HEADER_BYTES

    @property
    def pending(self) -> int:
        """How many bytes wait for the rest of their frame."""
        return len(self._pending)

    def feed(self, data: bytes) -> Iterator[tuple[Type, bytes]]:
        """Yield the type and payload of each frame that is whole now.

        Raises a `PeerFault` where a frame is none, after the good ones before it. Whoever leaves
        the loop early, by a fault of this or another kind, has to drop the link with its reader:
        the rest of the bytes is lost.
        """
        if self._pending:
            self._pending += data
            if len(self._pending) < self._needed:
                return
            data = bytes(self._pending)
            self._pending.clear()
        start, size = 0, len(data)
        while (needed := self._check_start(data, start)) <= size - start:
            body = start + FRAME_HEADER_BYTES
            payload = data[body : start + needed]
            frame_type = _TYPES[data[start + 4]]
            checksum = hashlib.sha256(payload).digest()[:_CHECKSUM_BYTES]
            if checksum != data[body - _CHECKSUM_BYTES : body]:
                raise FrameChecksum(type=frame_type.name)
            yield frame_type, payload
            start += needed
        self._needed = needed
        if start < size:
            self._pending += data[start:]

    def _check_start(self, data: bytes, start: int) -> int:
        """Return how long the frame is that starts here, as far as its bytes already tell."""
        known = len(data) - start
        if known < FRAME_HEADER_BYTES:
            return FRAME_HEADER_BYTES
        magic, number, length, _ = _HEADER.unpack_from(data, start)
        if magic != self._magic:
            raise FrameMagic(magic=magic.hex())
        limit = self._limits.get(number)
        if limit is None:
            raise FrameType(type=number)
        if length > limit:
            raise FrameSize(type=_TYPES[number].name, size=length, limit=limit)
        if number == Type.CHAIN_SYNC and length:
            if known == FRAME_HEADER_BYTES:
                return FRAME_HEADER_BYTES + 1
            self._check_kind(data[start + FRAME_HEADER_BYTES], length)
        return FRAME_HEADER_BYTES + int(length)

    def _check_kind(self, kind: int, length: int) -> None:
        limit = self._sync_limits.get(kind)
        if limit is None:
            raise MessageMalformed(offset=0, reason=f"CHAIN_SYNC has no kind {kind}")
        if length > limit:
            raise FrameSize(type=SyncKind(kind).name, size=length, limit=limit)


@functools.lru_cache(maxsize=16)
def sync_limits(max_block_bytes: int) -> dict[int, int]:
    """Return the longest payload of each kind of CHAIN_SYNC, in bytes, its kind byte included."""
    counted = 1 + _COUNT_BYTES
    hashes = counted + limits.MAX_BLOCKS_IN_FLIGHT * _HASH_BYTES
    return {
        SyncKind.ASK_HEADERS: counted + limits.LOCATOR_LENGTH * _HASH_BYTES,
        SyncKind.HEADERS: counted + limits.MAX_HEADERS * (HEADER_BYTES + 1 + SIGNATURE_BYTES),
        SyncKind.ASK_BLOCKS: hashes,
        SyncKind.BLOCK_BODY: 1 + max_block_bytes,
        SyncKind.BLOCKS_UNKNOWN: hashes,
        SyncKind.ASK_COMPACT: 1 + _HASH_BYTES,
        SyncKind.ASK_MISSING: counted + _HASH_BYTES + limits.MAX_PLACES * _COUNT_BYTES,
        SyncKind.MISSING: (
            counted + _HASH_BYTES + max_block_bytes + limits.MAX_PLACES * _COUNT_BYTES
        ),
        SyncKind.POOL_DIGEST: 1 + 4 + 8 * limits.POOL_BUCKETS,
        SyncKind.ASK_POOL: 1 + limits.POOL_BUCKETS // 8,
        SyncKind.CHECKPOINT: 1 + 4 + _HASH_BYTES + 1 + MAX_CHECKPOINT_SIGNERS * SIGNATURE_BYTES,
    }


@functools.lru_cache(maxsize=16)
def type_limits(max_block_bytes: int) -> dict[int, int]:
    """Return the longest payload of each type, in bytes."""
    return {
        Type.HELLO: limits.MAX_INTRODUCTION_BYTES,
        Type.WELCOME: limits.MAX_INTRODUCTION_BYTES,
        Type.PROOF: limits.MAX_PROOF_BYTES,
        Type.PING: limits.MAX_PING_BYTES,
        Type.PONG: limits.MAX_PING_BYTES,
        Type.PEER_DISCOVERY: limits.MAX_DISCOVERY_BYTES,
        Type.TX_BROADCAST: limits.MAX_PAYMENTS_BYTES,
        Type.BLOCK_BROADCAST: limits.MAX_COMPACT_BYTES,
        Type.CHAIN_SYNC: max(sync_limits(max_block_bytes).values()),
        Type.BYE: limits.MAX_BYE_BYTES,
    }
