"""How rows look on disk. Pure: values to bytes and back; nothing here is checked but versions.

Heights and positions are big-endian in keys and places, so that sorting follows the chain.
"""

from __future__ import annotations

import struct

import msgspec

from chaindeck.ledger.chain import Mark
from chaindeck.ledger.codec import decode_header
from chaindeck.ledger.ports import Entry
from chaindeck.ledger.types import Amount, BlockHash, Height, KeyHash, PackedCoin, TxId

_MARK = struct.Struct("<BBIq32s96s")
_MARK_VERSION = 1
_ARRIVED, _READY, _FAILED, _PARKED, _SHUT_OUT = (1 << bit for bit in range(5))

_STATE = struct.Struct("<32sIQQQIIQ")
_PLACE = struct.Struct(">II")
_FLOW = struct.Struct("<32sQQ")
pack_flow = _FLOW.pack
"""Transaction id, received, spent. Bound, because it runs for each key of each transaction."""

_UNDO_HEAD = struct.Struct("<BI")
_UNDO_VERSION = 1
_COIN_BYTES = 33


class State(msgspec.Struct, frozen=True):
    """Where the store stands after a commit."""

    tip: BlockHash
    height: Height
    sequence: int
    """Blocks connected and disconnected since the store was made."""

    coin_count: int
    coin_total: Amount
    base: Height
    """Indexes cover what is above it: 0, or the height of the snapshot it began with."""

    first_body: Height
    """The lowest height above genesis whose body is kept."""

    body_bytes: int
    """Of bodies and undo, on the active chain and beside it."""


class HistoryRow(msgspec.Struct, frozen=True):
    """What one transaction did to one key."""

    height: Height
    position: int
    tx_id: TxId
    received: Amount
    spent: Amount

    @property
    def cursor(self) -> bytes:
        return encode_place(self.height, self.position)


def encode_mark(mark: Mark) -> bytes:
    entry = mark.entry
    flags = (
        (_ARRIVED if mark.arrival is not None else 0)
        | (_READY if mark.is_ready else 0)
        | (_FAILED if mark.is_failed else 0)
        | (_PARKED if mark.is_parked else 0)
        | (_SHUT_OUT if mark.is_shut_out else 0)
    )
    head = _MARK.pack(
        _MARK_VERSION,
        flags,
        entry.base_bits,
        mark.arrival or 0,
        entry.work.to_bytes(32, "big"),
        entry.header.raw,
    )
    return head + (entry.sealer or b"")


def decode_mark(packed: bytes) -> Mark:
    """Read a mark; raise `ValueError` for what `encode_mark` cannot have written."""
    if len(packed) not in (_MARK.size, _MARK.size + 20) or packed[0] != _MARK_VERSION:
        raise ValueError("not a packed mark")
    _, flags, base_bits, arrival, work, header = _MARK.unpack_from(packed)
    sealer = KeyHash(packed[_MARK.size :]) or None
    return Mark(
        Entry(decode_header(header), int.from_bytes(work, "big"), base_bits, sealer),
        arrival if flags & _ARRIVED else None,
        is_ready=bool(flags & _READY),
        is_failed=bool(flags & _FAILED),
        is_parked=bool(flags & _PARKED),
        is_shut_out=bool(flags & _SHUT_OUT),
    )


def encode_state(state: State) -> bytes:
    return _STATE.pack(*msgspec.structs.astuple(state))


def decode_state(packed: bytes) -> State:
    """Read a state; raise `ValueError` for what `encode_state` cannot have written."""
    if len(packed) != _STATE.size:
        raise ValueError("not a packed state")
    return State(*_STATE.unpack(packed))


def encode_undo(spent: list[PackedCoin]) -> bytes:
    """Pack the coins a block spends from before it, in its order: all that is not in the block."""
    return _UNDO_HEAD.pack(_UNDO_VERSION, len(spent)) + b"".join(spent)


def decode_undo(packed: bytes) -> list[PackedCoin]:
    """Read what `encode_undo` wrote; raise `ValueError` for anything else."""
    size = _UNDO_HEAD.size
    if len(packed) < size or packed[0] != _UNDO_VERSION:
        raise ValueError("not packed undo data")
    _, count = _UNDO_HEAD.unpack_from(packed)
    if len(packed) != size + count * _COIN_BYTES:
        raise ValueError("undo data of the wrong length")
    return [
        PackedCoin(packed[offset : offset + _COIN_BYTES])
        for offset in range(size, len(packed), _COIN_BYTES)
    ]


def encode_place(height: int, position: int) -> bytes:
    return _PLACE.pack(height, position)


def decode_place(packed: bytes) -> tuple[Height, int]:
    height, position = _PLACE.unpack(packed)
    return Height(height), position


def decode_history(place: bytes, flow: bytes) -> HistoryRow:
    height, position = decode_place(place)
    tx_id, received, spent = _FLOW.unpack(flow)
    return HistoryRow(height, position, TxId(tx_id), Amount(received), Amount(spent))


def height_key(height: int) -> bytes:
    return height.to_bytes(4, "big")
