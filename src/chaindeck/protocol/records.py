"""What a recording is made of: records, and values packed so that they come out the same.

    record = length u32 | MessagePack

Plain values stand as they are, sequences as arrays. Everything else is a map of one pair, from a
word to its contents: a block or payment to its bytes, an error to its code and values, a struct to
its fields in order.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import msgspec

from chaindeck.ledger.codec import decode_block, decode_header, decode_transaction
from chaindeck.ledger.errors import RuleError
from chaindeck.ledger.ports import Entry
from chaindeck.ledger.types import Block, Header, Transaction
from chaindeck.protocol import inputs
from chaindeck.protocol.errors import RecordingForm
from chaindeck.protocol.limits import MAX_RECORD_BYTES
from chaindeck.protocol.types import Address

_LENGTH: Final = struct.Struct("<I")
_WORD: Final = 1 << 63
_INTEGER, _ERROR, _MAP = "integer", "error", "map"
_STRUCTS: Final[dict[str, type[Any]]] = {
    **{
        name: item
        for name, item in vars(inputs).items()
        if isinstance(item, type) and issubclass(item, msgspec.Struct)
    },
    "Address": Address,
    "Entry": Entry,
}
_RAW: Final[dict[str, Callable[[bytes], Any]]] = {
    "Block": decode_block,
    "Header": decode_header,
    "Transaction": decode_transaction,
}


def encode_record(value: object) -> bytes:
    """Return a value with its length in front."""
    packed = encode_value(value)
    return _LENGTH.pack(len(packed)) + packed


def encode_value(value: object) -> bytes:
    return msgspec.msgpack.encode(_pack(value))


def decode_value(raw: bytes) -> Any:  # noqa: ANN401 - anything that was encoded
    """Return what `encode_value` was given, sequences as tuples; raise `RecordingForm`."""
    try:
        return _unpack(msgspec.msgpack.decode(raw))
    except (msgspec.DecodeError, RuleError, TypeError, ValueError, KeyError) as error:
        raise RecordingForm(reason=f"{type(error).__name__}: {error}") from error


def read_records(read: Callable[[int], bytes]) -> Iterator[bytes]:
    """Yield the records of a stream. `read` gives at most so many bytes, none at the end.

    A record that was cut off is left out. Raises `RecordingForm` where the stream is none.
    """
    while len(head := _read_all(read, _LENGTH.size)) == _LENGTH.size:
        (length,) = _LENGTH.unpack(head)
        if length > MAX_RECORD_BYTES:
            raise RecordingForm(reason=f"a record of {length} bytes")
        record = _read_all(read, length)
        if len(record) < length:
            return
        yield record


def _read_all(read: Callable[[int], bytes], count: int) -> bytes:
    parts = []
    while count and (part := read(count)):
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def _pack(value: object) -> object:
    match value:
        case bool() | None | bytes() | str():
            return value
        case int():
            return value if -_WORD <= value < _WORD else {_INTEGER: str(value)}
        case Block() | Header() | Transaction():
            return {type(value).__name__: value.raw}
        case RuleError():
            values = [[name, _pack(item)] for name, item in value.values.items()]
            return {_ERROR: [value.code, value.field, values]}
        case msgspec.Struct():
            fields = [_pack(getattr(value, name)) for name in value.__struct_fields__]
            return {type(value).__name__: fields}
        case dict():
            return {_MAP: [[_pack(key), _pack(item)] for key, item in value.items()]}
        case frozenset():
            return [_pack(item) for item in sorted(value)]
        case Sequence():
            return [_pack(item) for item in value]
    raise TypeError(f"nothing that a machine knows: {type(value).__name__}")


def _unpack(packed: Any) -> Any:  # noqa: ANN401 - anything that was packed
    if isinstance(packed, list):
        return tuple([_unpack(item) for item in packed])
    if not isinstance(packed, dict):
        return packed
    ((word, contents),) = packed.items()
    if word == _INTEGER:
        return int(contents)
    if word == _ERROR:
        code, field, values = contents
        return _ERRORS[code](field=field, **{name: _unpack(item) for name, item in values})
    if word == _MAP:
        return {_unpack(key): _unpack(item) for key, item in contents}
    if word in _RAW:
        return _RAW[word](contents)
    return _STRUCTS[word](*[_unpack(item) for item in contents])


def _coded(error: type[RuleError]) -> Iterator[type[RuleError]]:
    if isinstance(error.__dict__.get("code"), str):
        yield error
    for below in error.__subclasses__():
        yield from _coded(below)


_ERRORS: Final = {error.code: error for error in _coded(RuleError)}
