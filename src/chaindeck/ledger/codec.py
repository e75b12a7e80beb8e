"""Transactions, headers and blocks to bytes and back, each in exactly one encoding.

Reading goes through the kernel, which is strict: what decodes encodes again to the same bytes.
Writing is a plain join. A value is built by writing it and reading it back, so that there is one
way to make a `Transaction` and its ids are always its own.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import NoReturn

from chaindeck.kernel import BlockIndex, MalformedError, hash256, index_block, parse_transaction
from chaindeck.ledger.errors import (
    BodyMismatch,
    CountTooLarge,
    DataTooLong,
    EncodingError,
    IndexRange,
    SignatureLength,
    TrailingBytes,
    Truncated,
    UnknownOutputKind,
    UnknownVersion,
    VarintForm,
    WrongLength,
)
from chaindeck.ledger.limits import HEADER_BYTES, SIGNATURE_BYTES
from chaindeck.ledger.types import (
    Amount,
    Block,
    BlockHash,
    Data,
    FullId,
    Header,
    Height,
    KeyHash,
    Output,
    Payment,
    TimeMs,
    Transaction,
    TxId,
    TxInput,
)

TRANSACTION_VERSION = 1
HEADER_VERSION = 1

_HEADER = struct.Struct("<II32s32sQIIQ")
_BODY_START = struct.Struct("<BQ")
_PAYMENT, _DATA = b"\x00", b"\x01"

_ERRORS: dict[str, type[EncodingError]] = {
    error.code: error
    for error in (
        Truncated,
        VarintForm,
        UnknownVersion,
        UnknownOutputKind,
        DataTooLong,
        IndexRange,
        SignatureLength,
        CountTooLarge,
        TrailingBytes,
    )
}


def decode_transaction(raw: bytes) -> Transaction:
    """Read one full transaction that fills `raw`; raise an `EncodingError` otherwise."""
    transaction, end = _read_transaction(raw, 0)
    if end != len(raw):
        raise TrailingBytes(offset=end)
    return transaction


def decode_transactions(raw: bytes) -> list[Transaction]:
    """Read transactions packed one after the other until the bytes end."""
    transactions, offset = [], 0
    while offset < len(raw):
        transaction, offset = _read_transaction(raw, offset)
        transactions.append(transaction)
    return transactions


def build_transaction(
    inputs: Sequence[TxInput],
    outputs: Sequence[Output],
    timestamp: int,
    signature: bytes = b"",
) -> Transaction:
    """Make a transaction of its parts. Raises `EncodingError` where a part has no encoding."""
    body = encode_body(inputs, outputs, timestamp)
    own_signatures = (encode_signature(item.signature) for item in inputs)
    return decode_transaction(b"".join((body, encode_signature(signature), *own_signatures)))


def encode_body(inputs: Sequence[TxInput], outputs: Sequence[Output], timestamp: int) -> bytes:
    """Write the part of a transaction that its id and its signatures commit to."""
    parts = [_BODY_START.pack(TRANSACTION_VERSION, timestamp), encode_varint(len(inputs))]
    for item in inputs:
        parts += (item.tx_id, encode_varint(item.output_index))
    parts.append(encode_varint(len(outputs)))
    for output in outputs:
        if isinstance(output, Payment):
            parts += (_PAYMENT, output.key_hash, encode_varint(output.amount))
        else:
            parts += (_DATA, encode_varint(len(output.data)), output.data)
    return b"".join(parts)


def transaction_body(transaction: Transaction) -> bytes:
    """Return the encoded body: the whole without its signatures."""
    signatures = 1 + len(transaction.inputs) + SIGNATURE_BYTES * transaction.signature_count
    return transaction.raw[:-signatures]


def encode_varint(value: int) -> bytes:
    """Write an unsigned integer of at most 64 bits as LEB128 in its shortest form."""
    assert 0 <= value < 1 << 64, "callers hold values that were parsed or checked"
    digits = bytearray()
    while value > 0x7F:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    digits.append(value)
    return bytes(digits)


def encode_signature(signature: bytes) -> bytes:
    return bytes((len(signature),)) + signature


def decode_header(raw: bytes) -> Header:
    """Read a header of exactly 96 bytes."""
    if len(raw) != HEADER_BYTES:
        raise WrongLength(expected=HEADER_BYTES, actual=len(raw))
    version, height, previous, root, time_ms, bits, count, nonce = _HEADER.unpack(raw)
    return Header(
        version,
        Height(height),
        BlockHash(previous),
        root,
        TimeMs(time_ms),
        bits,
        count,
        nonce,
        raw,
        BlockHash(hash256(raw)),
    )


def build_header(
    *,
    height: int,
    previous: bytes,
    merkle_root: bytes,
    time_ms: int,
    target_bits: int,
    tx_count: int,
    nonce: int = 0,
) -> Header:
    """Make a header of its parts, all of which are in range."""
    return decode_header(
        _HEADER.pack(
            HEADER_VERSION, height, previous, merkle_root, time_ms, target_bits, tx_count, nonce
        )
    )


def decode_block(raw: bytes) -> Block:
    """Read a block, index its transactions, and hold them against the header's count and root.

    Raises `EncodingError` for bytes that are no block at all and `BodyMismatch` for a body that
    the header does not commit to; neither condemns the header.
    """
    header = decode_header(raw[:HEADER_BYTES])
    seal, offset = read_signature(raw, HEADER_BYTES)
    try:
        index = index_block(raw, offset, header.tx_count)
    except MalformedError as error:
        _raise_encoding_error(error)
    if index.merkle_root != header.merkle_root:
        raise BodyMismatch(field="merkle_root")
    return Block(header, seal, raw, index)


def build_block(header: Header, seal: bytes, transactions: Iterable[Transaction]) -> Block:
    """Make a block of a header that commits to these transactions."""
    body = b"".join(transaction.raw for transaction in transactions)
    return decode_block(header.raw + encode_signature(seal) + body)


def block_transactions(
    block: Block, start: int = 0, stop: int | None = None
) -> Iterator[Transaction]:
    """Unpack a block's transactions in order, or those from one number to before another."""
    for offset in block_offsets(block.index)[start:stop]:
        yield _read_transaction(block.raw, offset)[0]


def block_offsets(index: BlockIndex) -> list[int]:
    """Return where each transaction of an indexed block starts."""
    return index.offsets[:-1]


def read_signature(raw: bytes, offset: int) -> tuple[bytes, int]:
    """Read a length and an empty or 65-byte signature; return it and where it ends."""
    if offset >= len(raw):
        raise Truncated(offset=offset)
    length = raw[offset]
    if length not in (0, SIGNATURE_BYTES):
        raise SignatureLength(offset=offset)
    end = offset + 1 + length
    if end > len(raw):
        raise Truncated(offset=offset)
    return raw[offset + 1 : end], end


def _read_transaction(raw: bytes, offset: int) -> tuple[Transaction, int]:
    try:
        end, tx_id, full_id, timestamp, inputs, outputs, signature, own = parse_transaction(
            raw, offset
        )
    except MalformedError as error:
        _raise_encoding_error(error)
    return Transaction(
        TxId(tx_id),
        FullId(full_id),
        timestamp,
        tuple(
            [
                TxInput(TxId(item[0]), item[1], own_signature)
                for item, own_signature in zip(inputs, own, strict=True)
            ]
        ),
        tuple([_output(content, amount) for content, amount in outputs]),
        signature,
        raw if end - offset == len(raw) else raw[offset:end],
    ), end


def _output(content: bytes, amount: int | None) -> Output:
    if amount is None:
        return Data(content)
    return Payment(KeyHash(content), Amount(amount))


def _raise_encoding_error(error: MalformedError) -> NoReturn:
    raise _ERRORS[error.code](offset=error.offset) from None
