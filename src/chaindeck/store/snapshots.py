r"""Snapshots: the coins at one block, and all headers up to it, from which a new node can start.

    file   = "chaindeck-snapshot-1\n" | u32 length | head as JSON | chunks | "E" | sha256 so far
    chunk  = "H" | u32 length | headers with their seals, from height 1 on
           | "C" | u32 length | outpoint and packed coin each, in order
    head   = {"network", "height", "hash", "coins_hash", "coin_count", "coin_total"}

Reading checks every header with its work and seal, and the coins against the head's hash, before
anything is kept. That proves the file whole, not honest: whoever mined the headers could have
written any coins. So compare the coins hash with one from somebody you trust, and give it.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from chaindeck.ledger.chain import Mark
from chaindeck.ledger.codec import decode_header, encode_signature, read_signature
from chaindeck.ledger.coins import COIN_BYTES, coins_hash, decode_coin
from chaindeck.ledger.errors import RuleError
from chaindeck.ledger.headers import check_header, genesis_entry
from chaindeck.ledger.limits import HEADER_BYTES
from chaindeck.ledger.types import Amount, BlockHash, Header, OutPoint, PackedCoin
from chaindeck.store.atomic import replacing, translated
from chaindeck.store.chain_store import ChainStore
from chaindeck.store.errors import (
    FileMissing,
    SnapshotCoins,
    SnapshotFormat,
    SnapshotNetwork,
    SnapshotNotFresh,
    SnapshotTorn,
)
from chaindeck.store.limits import (
    MAX_SNAPSHOT_CHUNK_BYTES,
    MAX_SNAPSHOT_HEAD_BYTES,
    SNAPSHOT_CHUNK_COINS,
    SNAPSHOT_CHUNK_HEADERS,
)
from chaindeck.store.recent import Recent

Progress = Callable[[int, int], None]
Coins = list[tuple[OutPoint, PackedCoin]]

_MAGIC = b"chaindeck-snapshot-1\n"
_HEADERS, _COINS, _END = b"H", b"C", b"E"
_OUTPOINT_BYTES = 36
_ROW_BYTES = _OUTPOINT_BYTES + COIN_BYTES
_HASH_BYTES = 32


class SnapshotHead(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a snapshot says of itself; bytes in hexadecimal."""

    network: str
    height: int
    hash: str
    coins_hash: str
    coin_count: int
    coin_total: int


_HEAD_DECODER = msgspec.json.Decoder(SnapshotHead)


def export_snapshot(
    store: ChainStore, path: Path, progress: Progress | None = None
) -> SnapshotHead:
    """Write the coins at the tip to a file, atomically. Call it where nobody writes meanwhile."""
    coins = list(store.iterate_coins())
    state = store.state
    head = SnapshotHead(
        network=store.network.id.hex(),
        height=state.height,
        hash=state.tip.hex(),
        coins_hash=coins_hash(coins).hex(),
        coin_count=len(coins),
        coin_total=state.coin_total,
    )
    with replacing(path) as file:
        writer = _Writer(file)
        writer.write(_MAGIC)
        writer.write_sized(b"", msgspec.json.encode(head))
        for first in range(1, state.height + 1, SNAPSHOT_CHUNK_HEADERS):
            heights = range(first, min(first + SNAPSHOT_CHUNK_HEADERS, state.height + 1))
            writer.write_sized(_HEADERS, b"".join([_sealed_header(store, at) for at in heights]))
            if progress:
                progress(heights[-1], state.height)
        for place in range(0, len(coins), SNAPSHOT_CHUNK_COINS):
            rows = [key + packed for key, packed in coins[place : place + SNAPSHOT_CHUNK_COINS]]
            writer.write_sized(_COINS, b"".join(rows))
        writer.write(_END)
        file.write(writer.digest())
    return head


def read_snapshot_head(path: Path) -> SnapshotHead:
    """Return what a snapshot says of itself, unchecked."""
    with _opened(path) as reader:
        return reader.read_head()


def import_snapshot(
    store: ChainStore,
    path: Path,
    *,
    expected_coins_hash: bytes | None = None,
    progress: Progress | None = None,
) -> SnapshotHead:
    """Start an empty store with a snapshot, or raise a `SnapshotError` and leave it empty.

    Bodies before the snapshot are pruned then, and the indexes cover what comes after it. Gives the
    ledger's `RuleError` for headers that break a rule.
    """
    if store.height() or store.sequence():
        raise SnapshotNotFresh(path=str(store.folder), height=store.height())
    with _opened(path) as reader:
        head = reader.read_head()
        if head.network != store.network.id.hex():
            actual, expected = head.network, store.network.id.hex()
            raise SnapshotNetwork(path=str(path), actual=actual, expected=expected)
        seals: list[tuple[BlockHash, bytes]] = []
        marks = list(reader.read_marks(store, head, seals, progress))
        coins = reader.read_coins()
        reader.read_end()
    _check_coins(path, head, coins, expected_coins_hash)
    tip = marks[-1].entry.header.hash if marks else store.tip()
    if (len(marks), tip.hex()) != (head.height, head.hash):
        raise SnapshotFormat(path=str(path), reason="its headers do not lead to its block")
    with store.writing() as batch:
        batch.start_from(marks, seals, coins, Amount(head.coin_total))
    store.load()
    return head


def _check_coins(path: Path, head: SnapshotHead, coins: Coins, expected: bytes | None) -> None:
    actual = coins_hash(coins).hex()
    for wanted in (head.coins_hash, expected.hex() if expected else actual):
        if actual != wanted:
            raise SnapshotCoins(path=str(path), actual=actual, expected=wanted)
    total = sum(decode_coin(packed).amount for _, packed in coins)
    if (len(coins), total) != (head.coin_count, head.coin_total):
        raise SnapshotFormat(path=str(path), reason="number or value of the coins is another")


def _sealed_header(store: ChainStore, height: int) -> bytes:
    block_hash = store.active_hash(height)
    entry = None if block_hash is None else store.load_entry(block_hash)
    assert entry is not None, "nobody writes while a snapshot is made"
    return entry.header.raw + encode_signature(store.load_seal(entry.header.hash))


class _Writer:
    """Writes and hashes what it writes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._hash = hashlib.sha256()

    def write(self, data: bytes) -> None:
        self._hash.update(data)
        self._file.write(data)

    def write_sized(self, kind: bytes, data: bytes) -> None:
        self.write(kind + len(data).to_bytes(4, "little") + data)

    def digest(self) -> bytes:
        return self._hash.digest()


class _Reader:
    """Reads and hashes what it reads; every complaint names the file."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file = file
        self._path = path
        self._hash = hashlib.sha256()
        self._kind = b""

    def read_head(self) -> SnapshotHead:
        if self._file.read(len(_MAGIC)) != _MAGIC:
            raise SnapshotFormat(path=str(self._path), reason="it begins differently")
        self._hash.update(_MAGIC)
        try:
            return _HEAD_DECODER.decode(self._read_sized(MAX_SNAPSHOT_HEAD_BYTES))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise SnapshotFormat(path=str(self._path), reason=str(error)) from None

    def read_marks(
        self,
        store: ChainStore,
        head: SnapshotHead,
        seals: list[tuple[BlockHash, bytes]],
        progress: Progress | None,
    ) -> Iterator[Mark]:
        """Judge all headers in turn, and note their seals."""
        network = store.network
        recent = Recent(genesis_entry(network))
        for raw in self._read_chunks(_HEADERS):
            offset = 0
            while offset < len(raw):
                header, seal, offset = self._split_header(raw, offset)
                entry = check_header(network, recent, recent.tip, header, seal)
                recent.add(entry)
                if seal:
                    seals.append((header.hash, seal))
                yield Mark(entry, arrival=0, is_ready=True)
            if progress:
                progress(recent.tip.header.height, head.height)

    def read_coins(self) -> Coins:
        """Return all coins; raise `SnapshotFormat` unless each comes after the one before."""
        coins: Coins = []
        for raw in self._read_chunks(_COINS):
            if len(raw) % _ROW_BYTES:
                raise SnapshotFormat(path=str(self._path), reason="a coin is cut")
            for offset in range(0, len(raw), _ROW_BYTES):
                middle = offset + _OUTPOINT_BYTES
                outpoint = OutPoint(raw[offset:middle])
                if coins and coins[-1][0] >= outpoint:
                    raise SnapshotFormat(path=str(self._path), reason="coins are out of order")
                coins.append((outpoint, PackedCoin(raw[middle : offset + _ROW_BYTES])))
        return coins

    def read_end(self) -> None:
        """Hold everything read against the hash at the end."""
        if self._kind != _END:
            raise SnapshotFormat(path=str(self._path), reason=f"a chunk of kind {self._kind!r}")
        if self._file.read(_HASH_BYTES + 1) != self._hash.digest():
            raise SnapshotTorn(path=str(self._path), reason="its hash is not that of its content")

    def _read_chunks(self, kind: bytes) -> Iterator[bytes]:
        """Yield chunks of a kind; afterwards `_kind` is that of what follows."""
        self._kind = self._kind or self._read(1)
        while self._kind == kind:
            yield self._read_sized(MAX_SNAPSHOT_CHUNK_BYTES)
            self._kind = self._read(1)

    def _split_header(self, raw: bytes, offset: int) -> tuple[Header, bytes, int]:
        end = offset + HEADER_BYTES
        try:
            seal, following = read_signature(raw, end)
            return decode_header(raw[offset:end]), seal, following
        except RuleError as error:
            raise SnapshotFormat(path=str(self._path), reason=f"a header: {error}") from error

    def _read_sized(self, limit: int) -> bytes:
        size = int.from_bytes(self._read(4), "little")
        if size > limit:
            raise SnapshotFormat(path=str(self._path), reason=f"{size} bytes in one piece")
        return self._read(size)

    def _read(self, size: int) -> bytes:
        data = self._file.read(size)
        if len(data) != size:
            raise SnapshotTorn(path=str(self._path), reason="the end is missing")
        self._hash.update(data)
        return data


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[_Reader]:
    try:
        with translated(path), path.open("rb") as file:
            yield _Reader(file, path)
    except FileNotFoundError:
        raise FileMissing(path=str(path)) from None
