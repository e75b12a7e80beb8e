"""The slow, readable twin of every native function: what the compiled kernel has to agree with.

Knows hashlib, coincurve and nothing of the compiled module. Tests run one class over both, and
`selftest` compares both at import. `check_block` alone has its twin elsewhere: the ledger's own
rules, which also name the error.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import pairwise

from coincurve import PublicKey

from chaindeck.kernel.errors import MalformedError

HEADER_SIZE = 96
MAX_DATA_OUTPUT = 256
MAX_THREADS = 256
SIGNATURE_SIZE = 65
SHORT_ID_SIZE = 6

STATUS_OK, STATUS_FAILED, STATUS_HIGH_S = range(3)

# SEC 2, section 2.4.1
CURVE_ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141

_U32_MAX = (1 << 32) - 1
_U64 = 1 << 64
_U48_MAX = (1 << 48) - 1
_MIN_INPUT_SIZE = 33
_MIN_OUTPUT_SIZE = 2
_MIN_TRANSACTION_SIZE = 12

_Inputs = tuple[tuple[bytes, int], ...]
_Outputs = tuple[tuple[bytes, int | None], ...]
ParsedTransaction = tuple[int, bytes, bytes, int, _Inputs, _Outputs, bytes, tuple[bytes, ...]]


# --- Hashing ---------------------------------------------------------------------------------


def hash256(data: bytes) -> bytes:
    return sha256(sha256(data).digest()).digest()


def hash256_many(items: list[bytes]) -> list[bytes]:
    return [hash256(item) for item in items]


def merkle_root(leaves: list[bytes]) -> bytes:
    """RFC 9162, section 2.1.1."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    split = _split(len(leaves))
    return sha256(b"\x01" + merkle_root(leaves[:split]) + merkle_root(leaves[split:])).digest()


def merkle_branch(leaves: list[bytes], index: int) -> list[bytes]:
    """RFC 9162, section 2.1.3.1: the audit path, leaf to root."""
    if not 0 <= index < len(leaves):
        raise IndexError("no leaf has this index")
    if len(leaves) == 1:
        return []
    split = _split(len(leaves))
    if index < split:
        return [*merkle_branch(leaves[:split], index), merkle_root(leaves[split:])]
    return [*merkle_branch(leaves[split:], index - split), merkle_root(leaves[:split])]


def _split(count: int) -> int:
    return 1 << (count - 1).bit_length() - 1


# --- Proof of work ---------------------------------------------------------------------------


class StopFlag:
    """Tells a running search, from any thread, to give up."""

    def __init__(self) -> None:
        self._value = False

    def set(self) -> None:
        self._value = True

    def clear(self) -> None:
        self._value = False

    def is_set(self) -> bool:
        return self._value


def search_nonce(
    header: bytes,
    target: bytes,
    first_nonce: int,
    count: int,
    threads: int = 1,
    stop: StopFlag | None = None,
) -> tuple[int | None, int]:
    """Return the first nonce that meets the target, or None, and how many were tried."""
    if len(header) != HEADER_SIZE:
        raise ValueError("header must be 96 bytes")
    if len(target) != 32:
        raise ValueError("target must be 32 bytes")
    _check_threads(threads)
    for tried in range(count):
        if stop is not None and stop.is_set():
            return None, tried
        nonce = (first_nonce + tried) % _U64
        if hash256(header[:-8] + nonce.to_bytes(8, "little")) <= target:
            return nonce, tried + 1
    return None, count


def _check_threads(threads: int) -> None:
    if not 1 <= threads <= MAX_THREADS:
        raise ValueError("threads must be between 1 and 256")


# --- Signatures ------------------------------------------------------------------------------


def recover_many(digests: bytes, signatures: bytes, threads: int = 2) -> tuple[bytes, bytes]:
    """Return 20 bytes of key hash and one status byte per signature."""
    count = len(digests) // 32
    if len(digests) % 32 or len(signatures) != count * SIGNATURE_SIZE:
        raise ValueError("there must be one signature of 65 bytes per digest of 32")
    _check_threads(threads)
    results = [
        _recover(digests[32 * i : 32 * (i + 1)], signatures[65 * i : 65 * (i + 1)])
        for i in range(count)
    ]
    return b"".join(key_hash for key_hash, _ in results), bytes(status for _, status in results)


class RecoveryQueue:
    """Recovers at once, on the caller's thread."""

    def __init__(self, wake_descriptor: int) -> None:
        self._wake_descriptor = wake_descriptor
        self._answers: list[tuple[int, bytes, bytes]] | None = []

    def submit(self, ticket: int, digests: bytes, signatures: bytes) -> None:
        answers = self._open()
        answers.append((ticket, *recover_many(digests, signatures, 1)))
        if len(answers) == 1:
            with contextlib.suppress(BlockingIOError):
                os.write(self._wake_descriptor, (1).to_bytes(8, sys.byteorder))

    def take(self) -> list[tuple[int, bytes, bytes]]:
        answers = self._open()
        self._answers = []
        return answers

    def close(self) -> None:
        self._answers = None

    def _open(self) -> list[tuple[int, bytes, bytes]]:
        if self._answers is None:
            raise RuntimeError("the queue is closed")
        return self._answers


def _recover(digest: bytes, signature: bytes) -> tuple[bytes, int]:
    nobody = bytes(20)
    r = int.from_bytes(signature[:32], "big")
    s = int.from_bytes(signature[32:64], "big")
    if signature[64] > 3 or not 0 < r < CURVE_ORDER or not 0 < s < CURVE_ORDER:
        return nobody, STATUS_FAILED
    if s > CURVE_ORDER // 2:
        return nobody, STATUS_HIGH_S
    try:
        key = PublicKey.from_signature_and_message(signature, digest, hasher=None)
    except ValueError:
        return nobody, STATUS_FAILED
    return hash256(key.format(compressed=True))[:20], STATUS_OK


# --- Short ids -------------------------------------------------------------------------------


def short_ids(key: bytes, ids: bytes) -> bytes:
    """Return for each id of 32 bytes the low 48 bits of its SipHash-2-4, little-endian."""
    if len(key) != 16:
        raise ValueError("the key must be 16 bytes")
    hashes = [siphash24(key, one) for one in _split_evenly(ids, 32, "ids must be 32 bytes each")]
    return b"".join((one & _U48_MAX).to_bytes(SHORT_ID_SIZE, "little") for one in hashes)


def match_short_ids(key: bytes, pool_ids: bytes, wanted: bytes) -> list[int]:
    """Return for each short id wanted the number of the only pooled id that has it.

    -1 where none has it, where several have, and where the short id itself is there twice.
    """
    complaint = "short ids must be 6 bytes each"
    names = _split_evenly(wanted, SHORT_ID_SIZE, complaint)
    pooled = _split_evenly(short_ids(key, pool_ids), SHORT_ID_SIZE, complaint)
    bearers: dict[bytes, list[int]] = {}
    for number, short_id in enumerate(pooled):
        bearers.setdefault(short_id, []).append(number)
    repeated = Counter(names)
    return [
        bearers[name][0] if repeated[name] == 1 and len(bearers.get(name, ())) == 1 else -1
        for name in names
    ]


def siphash24(key: bytes, data: bytes) -> int:
    """J.-P. Aumasson, D. J. Bernstein: "SipHash: a fast short-input PRF", 2012, section 2."""
    low, high = int.from_bytes(key[:8], "little"), int.from_bytes(key[8:], "little")
    v0, v1 = low ^ 0x736F6D6570736575, high ^ 0x646F72616E646F6D
    v2, v3 = low ^ 0x6C7967656E657261, high ^ 0x7465646279746573
    padded = data + bytes(7 - len(data) % 8) + bytes((len(data) % 256,))
    for word in (int.from_bytes(padded[at : at + 8], "little") for at in range(0, len(padded), 8)):
        v0, v1, v2, v3 = _sip_rounds(2, v0, v1, v2, v3 ^ word)
        v0 ^= word
    v0, v1, v2, v3 = _sip_rounds(4, v0, v1, v2 ^ 0xFF, v3)
    return v0 ^ v1 ^ v2 ^ v3


def _sip_rounds(count: int, v0: int, v1: int, v2: int, v3: int) -> tuple[int, int, int, int]:
    for _ in range(count):
        v0, v2 = (v0 + v1) % _U64, (v2 + v3) % _U64
        v1, v3 = _rotate(v1, 13) ^ v0, _rotate(v3, 16) ^ v2
        v0 = _rotate(v0, 32)
        v0, v2 = (v0 + v3) % _U64, (v2 + v1) % _U64
        v1, v3 = _rotate(v1, 17) ^ v2, _rotate(v3, 21) ^ v0
        v2 = _rotate(v2, 32)
    return v0, v1, v2, v3


def _rotate(word: int, bits: int) -> int:
    return (word << bits | word >> (64 - bits)) % _U64


def _split_evenly(data: bytes, size: int, complaint: str) -> list[bytes]:
    if len(data) % size:
        raise ValueError(complaint)
    return [data[at : at + size] for at in range(0, len(data), size)]


# --- Transactions ----------------------------------------------------------------------------


def parse_transaction(data: bytes, offset: int = 0) -> ParsedTransaction:
    """Decode the full transaction that starts at `offset`; raise MalformedError.

    Returns end offset, txid, full id, timestamp, inputs (txid, output index), outputs (key hash,
    amount) or (data, None), the signature, and each input's own signature.
    """
    if offset < 0:
        raise ValueError("offset must not be negative")
    if offset > len(data):
        raise MalformedError("encoding-truncated", offset)
    reader = _Reader(data, offset)
    if reader.u8() != 1:
        raise MalformedError("encoding-version", offset)
    timestamp = int.from_bytes(reader.take(8), "little")
    input_count = reader.count(_MIN_INPUT_SIZE)
    inputs = tuple((reader.take(32), reader.output_index()) for _ in range(input_count))
    output_count = reader.count(_MIN_OUTPUT_SIZE)
    outputs = tuple(reader.output() for _ in range(output_count))
    txid = hash256(data[offset : reader.at])
    signature = reader.signature()
    input_signatures = tuple(reader.signature() for _ in inputs)
    full_id = hash256(data[offset : reader.at])
    return reader.at, txid, full_id, timestamp, inputs, outputs, signature, input_signatures


class _Reader:
    """A position in bytes; every read checks what is left first."""

    def __init__(self, data: bytes, at: int) -> None:
        self.data = data
        self.at = at

    def take(self, size: int) -> bytes:
        if len(self.data) - self.at < size:
            raise MalformedError("encoding-truncated", self.at)
        self.at += size
        return self.data[self.at - size : self.at]

    def u8(self) -> int:
        return self.take(1)[0]

    def varint(self) -> int:
        """Unsigned LEB128, at most 64 bits, shortest form; errors name its first byte."""
        start = self.at
        value = 0
        for position in range(10):
            if self.at == len(self.data):
                raise MalformedError("encoding-truncated", start)
            byte = self.u8()
            value |= (byte & 0x7F) << (7 * position)
            if byte < 0x80:
                if value >= _U64 or (byte == 0 and position > 0):
                    break
                return value
        raise MalformedError("encoding-varint", start)

    def count(self, element_size: int) -> int:
        start = self.at
        count = self.varint()
        if count > (len(self.data) - self.at) // element_size:
            raise MalformedError("encoding-count", start)
        return count

    def output_index(self) -> int:
        start = self.at
        output_index = self.varint()
        if output_index > _U32_MAX:
            raise MalformedError("encoding-index-range", start)
        return output_index

    def output(self) -> tuple[bytes, int | None]:
        start = self.at
        match self.u8():
            case 0:
                return self.take(20), self.varint()
            case 1:
                length = self.varint()
                if length > MAX_DATA_OUTPUT:
                    raise MalformedError("encoding-data-length", start + 1)
                return self.take(length), None
            case _:
                raise MalformedError("encoding-output-kind", start)

    def signature(self) -> bytes:
        start = self.at
        length = self.u8()
        if length not in {0, SIGNATURE_SIZE}:
            raise MalformedError("encoding-signature-length", start)
        return self.take(length)


# --- Blocks ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BlockIndex:
    """The transactions of one block: ids, places, and which outputs of earlier blocks they spend.

    A spent outpoint is txid 32 and output index u32, big-endian; the first transaction's inputs,
    and those that an earlier transaction of the block created, are left out.
    """

    txids: list[bytes] = field(default_factory=list)
    full_ids: list[bytes] = field(default_factory=list)
    merkle_root: bytes = b""
    spent_outpoints: list[bytes] = field(default_factory=list)
    signature_count: int = 0
    offsets: list[int] = field(default_factory=list)


def index_block(data: bytes, offset: int, count: int) -> BlockIndex:
    """Decode exactly `count` transactions that must end where `data` ends; raise MalformedError."""
    if offset < 0 or count < 0:
        raise ValueError("offset and count must not be negative")
    if offset > len(data):
        raise MalformedError("encoding-truncated", offset)
    if count > (len(data) - offset) // _MIN_TRANSACTION_SIZE:
        raise MalformedError("encoding-count", offset)
    offsets = [offset]
    parsed = []
    for _ in range(count):
        parsed.append(parse_transaction(data, offsets[-1]))
        offsets.append(parsed[-1][0])
    if offsets[-1] != len(data):
        raise MalformedError("encoding-trailing", offsets[-1])
    return BlockIndex(
        txids=[transaction[1] for transaction in parsed],
        full_ids=[transaction[2] for transaction in parsed],
        merkle_root=merkle_root([data[a:b] for a, b in pairwise(offsets)]),
        spent_outpoints=list(_spent_outpoints(parsed)),
        signature_count=sum(sum(map(bool, (tx[6], *tx[7]))) for tx in parsed),
        offsets=offsets,
    )


def _spent_outpoints(transactions: list[ParsedTransaction]) -> Iterator[bytes]:
    created: set[bytes] = set()
    for position, (_, txid, _, _, inputs, outputs, _, _) in enumerate(transactions):
        if position > 0:
            outpoints = (spent + index.to_bytes(4, "big") for spent, index in inputs)
            yield from (outpoint for outpoint in outpoints if outpoint not in created)
        for number, (_, amount) in enumerate(outputs):
            if amount is not None:
                created.add(txid + number.to_bytes(4, "big"))
