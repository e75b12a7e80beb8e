"""What all messages are made of: counts, lists, and bytes with their length in front.

Knows no message. A count is held against its limit before room is made for what it counts; whatever
cannot be what it should be is a `MessageFault`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NoReturn

from chaindeck.ledger.codec import encode_varint
from chaindeck.ledger.types import BlockHash
from chaindeck.protocol.errors import MessageCount, MessageMalformed

HASH_BYTES: Final = 32
_VARINT_BYTES: Final = 10


def refuse(reason: str, offset: int) -> NoReturn:
    raise MessageMalformed(offset=offset, reason=reason)


def kind_byte(kind: int) -> bytes:
    return bytes((kind,))


def check_end(payload: bytes, end: int) -> None:
    if len(payload) != end:
        refuse(f"the message has {end} bytes, not {len(payload)}", min(end, len(payload)))


def write_list(prefix: bytes, items: Sequence[bytes], limit: int) -> bytes:
    assert len(items) <= limit, "senders cut their lists"
    return b"".join((prefix, encode_varint(len(items)), *items))


def with_lengths(raws: Iterable[bytes]) -> list[bytes]:
    return [encode_varint(len(raw)) + raw for raw in raws]


def cut(payload: bytes, start: int, size: int) -> tuple[bytes, ...]:
    return tuple([payload[place : place + size] for place in range(start, len(payload), size)])


def read_varint(payload: bytes, start: int) -> tuple[int, int]:
    """Return an integer of at most 64 bits in its shortest form, and where it ends."""
    value = shift = 0
    for place, digit in enumerate(payload[start : start + _VARINT_BYTES], start + 1):
        value |= (digit & 0x7F) << shift
        if digit < 0x80:
            if value >> 64 or (shift and not digit):
                refuse("an integer is not in its shortest form, or over 64 bits", start)
            return value, place
        shift += 7
    refuse("an integer has no end", start)


def read_count(payload: bytes, start: int, limit: int, what: str) -> tuple[int, int]:
    count, end = read_varint(payload, start)
    if count > limit:
        raise MessageCount(count=count, what=what, limit=limit)
    return count, end


def start_of_list(payload: bytes, start: int, size: int, limit: int, what: str) -> int:
    """Return where the entries of a list begin that fills the rest of the payload."""
    count, first = read_count(payload, start, limit, what)
    check_end(payload, first + count * size)
    return first


def read_short(payload: bytes, start: int, limit: int) -> tuple[bytes, int]:
    """Return some bytes with their length in one byte before them, and where they end."""
    length = payload[start] if start < len(payload) else limit + 1
    end = start + 1 + length
    if length > limit or end > len(payload):
        refuse(f"no length up to {limit} with as many bytes", start)
    return payload[start + 1 : end], end


def read_raws(payload: bytes, start: int, limit: int) -> tuple[bytes, ...]:
    """Return entries of any length that fill the rest of the payload."""
    count, offset = read_count(payload, start, limit, "transactions")
    raws, size = [], len(payload)
    for _ in range(count):
        length, first = read_varint(payload, offset)
        offset = first + length
        if offset > size:
            refuse("a transaction has no end", first)
        raws.append(payload[first:offset])
    check_end(payload, offset)
    return tuple(raws)


def read_hash(payload: bytes) -> tuple[BlockHash, int]:
    end = 1 + HASH_BYTES
    if len(payload) < end:
        refuse("the hash has no end", 1)
    return BlockHash(payload[1:end]), end
