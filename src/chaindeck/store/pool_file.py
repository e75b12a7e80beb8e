r"""`pool.bin`: transactions that waited when the node stopped, so that they wait again afterwards.

    file   = "chaindeck-pool-1\n" | records
    record = u32 length | u64 arrived_ms | u32 crc32 of both and the bytes | transaction

Losing it costs nobody money, so a damaged file gives what is before the damage. Whoever reads it
judges the transactions anew.
"""

from __future__ import annotations

import contextlib
import struct
import threading
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

from chaindeck.store.atomic import read_bytes, replacing, sync_file, translated
from chaindeck.store.errors import FileInvalid, FileMissing
from chaindeck.store.limits import MAX_POOL_RECORD_BYTES, POOL_RECORDS_A_TURN

POOL_NAME = "pool.bin"
_MAGIC = b"chaindeck-pool-1\n"
_HEAD = struct.Struct("<IQ")
_CRC_BYTES = 4


class Waiting(NamedTuple):
    """One transaction that waited."""

    raw: bytes
    arrived_ms: int


def save_pool(path: Path, waiting: Iterable[Waiting]) -> None:
    """Replace the file; parents come before children."""
    with replacing(path) as file:
        file.write(_MAGIC)
        for item in waiting:
            file.write(encode_record(item))


class PoolJournal:
    """The same file, open at its end: what waits is written before anybody is told so.

    A write reaches the kernel before it returns, so killing this process loses nothing; only a
    machine that loses power may lose the last moments, and with them no money.
    """

    def __init__(self, path: Path, waiting: Iterable[Waiting]) -> None:
        self._path = path
        self._exits = contextlib.ExitStack()
        self._file: BinaryIO
        self._lock = threading.Lock()
        self._since: list[bytes] | None = None
        self._size = 0
        self.records = 0
        """How many stand in the file, those that have left the pool included."""

        self.rewrite(waiting)

    def append(self, waiting: Iterable[Waiting]) -> None:
        """Add what came to wait. Raises `DiskFull` or `InputOutput`, with the file as it was."""
        records = [encode_record(item) for item in waiting]
        data = memoryview(b"".join(records))
        with self._lock, translated(self._path):
            try:
                # A disk that fills up takes a part, and says so at the next write only.
                written = 0
                while written < len(data):
                    written += self._file.write(data[written:])
            except OSError:
                # Half a record would hide all that is written after it.
                self._file.truncate(self._size)
                raise
            self._size += len(data)
            self.records += len(records)
            if self._since is not None:
                self._since += records

    def rewrite(self, waiting: Iterable[Waiting]) -> None:
        """Replace the file by what waits now. Raises `DiskFull` or `InputOutput`, and keeps it."""
        for _ in self.rewrite_in_turns(waiting):
            pass

    def rewrite_in_turns(self, waiting: Iterable[Waiting]) -> Iterator[None]:
        """Do the same with pauses, in any thread, but only once at a time.

        What is appended after this call stands in both files.
        """
        items = list(waiting)
        self._since = []
        return self._write_anew(items)

    def _write_anew(self, items: Sequence[Waiting]) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            stack.callback(setattr, self, "_since", None)
            with replacing(self._path) as file:
                file.write(_MAGIC)
                for first in range(0, len(items), POOL_RECORDS_A_TURN):
                    yield
                    file.writelines(map(encode_record, items[first : first + POOL_RECORDS_A_TURN]))
                sync_file(file)
                stack.enter_context(self._lock)
                assert self._since is not None, "only one rewrite at a time"
                file.writelines(self._since)
            self.records = len(items) + len(self._since)
            self._open()

    def _open(self) -> None:
        self.close()
        with translated(self._path):
            self._file = self._exits.enter_context(self._path.open("ab", buffering=0))
            self._size = self._path.stat().st_size

    def close(self) -> None:
        self._exits.close()


def encode_record(item: Waiting) -> bytes:
    head = _HEAD.pack(len(item.raw), item.arrived_ms)
    check = zlib.crc32(item.raw, zlib.crc32(head))
    return head + check.to_bytes(_CRC_BYTES, "little") + item.raw


def load_pool(path: Path) -> list[Waiting]:
    """Return what waited, up to the first damage; nothing where there is no file.

    Raises `FileInvalid` for a file of another kind.
    """
    try:
        data = read_bytes(path)
    except FileMissing:
        return []
    if not data.startswith(_MAGIC):
        if _MAGIC.startswith(data):
            return []
        raise FileInvalid(path=str(path), reason="not a file of waiting transactions")
    return list(_records(data))


def _records(data: bytes) -> Iterator[Waiting]:
    offset = len(_MAGIC)
    while offset + _HEAD.size + _CRC_BYTES <= len(data):
        size, arrived_ms = _HEAD.unpack_from(data, offset)
        start = offset + _HEAD.size + _CRC_BYTES
        raw = data[start : start + size]
        check = zlib.crc32(raw, zlib.crc32(data[offset : offset + _HEAD.size]))
        if size > MAX_POOL_RECORD_BYTES or check.to_bytes(4, "little") != data[start - 4 : start]:
            return
        yield Waiting(raw, arrived_ms)
        offset = start + size
