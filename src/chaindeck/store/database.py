"""The one place that speaks LMDB: its tables, its transactions, and its errors made ours.

Commits are synchronous (`sync`, `metasync`) and pages are written, not mapped writable: what a
commit acknowledged is on disk, and a stray pointer cannot write into the file.
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import lmdb

from chaindeck.store.atomic import TEMPORARY, check_room, failure, sync_folder, translated
from chaindeck.store.errors import Corrupt, InputOutput, MapFull, StoreError
from chaindeck.store.limits import LEAST_MAP_BYTES, MAP_BYTES, MAP_HEADROOM, MAX_DATABASES

Reader: TypeAlias = "lmdb.Transaction[bytes]"
Table: TypeAlias = "lmdb._Database"  # noqa: SLF001 - the only name that the types give it

FOLDER_NAME = "chain.lmdb"
DATA_NAME = "data.mdb"
TABLE_NAMES = (
    "meta", "entries", "side", "active", "bodies", "undo",
    "seals", "coins", "owned", "transactions", "history", "order", "checkpoints",
)  # fmt: skip

_DAMAGE = (
    lmdb.CorruptedError,
    lmdb.PageNotFoundError,
    lmdb.InvalidError,
    lmdb.VersionMismatchError,
    lmdb.IncompatibleError,
)


class Database:
    """An open environment with its named tables.

    One row per:
    meta            name of a value about the whole store
    entries         known header: hash -> packed mark
    side            known header beside the active chain: hash -> 1
    active          height of the active chain (big-endian) -> hash
    bodies          block: hash -> raw, seal included
    undo            block that was connected once: hash -> the coins it spent
    seals           sealed block: hash -> seal, which outlives a pruned body
    coins           unspent output: outpoint -> packed coin
    owned           unspent output by owner: key hash, outpoint -> 1
    transactions    transaction of the active chain: id -> height, position
    history         key and transaction: key hash, height, position -> id, received, spent
    checkpoints     what a quorum signed: height (big-endian), hash -> checkpoint
    order           body while reindexing: height, hash -> arrival, whether it was connected before
    """

    def __init__(self, folder: Path, map_bytes: int = MAP_BYTES) -> None:
        self.path = folder / FOLDER_NAME
        self._map_bytes = map_bytes
        self._environment = self._open()
        self.tables: dict[str, Table] = {}
        with contextlib.ExitStack() as stack:
            stack.callback(self.close)
            with self.writing() as transaction:
                for name in TABLE_NAMES:
                    self.tables[name] = self._environment.open_db(name.encode(), txn=transaction)
            stack.pop_all()

    def close(self) -> None:
        self._environment.close()

    def reading(self) -> Reading:
        """See everything as it was at one commit, in a `with` statement."""
        return Reading(self._environment, self.path)

    @contextlib.contextmanager
    def writing(self) -> Iterator[Reader]:
        """Change everything at once when the block ends well, or nothing."""
        try:
            with _translated(self.path), self._environment.begin(write=True) as transaction:
                yield transaction
        except InputOutput:
            # Where a disk fills up in the middle of a write, LMDB says input/output error.
            check_room(self.path / DATA_NAME)
            raise

    def clear(self, transaction: Reader, *names: str) -> None:
        """Empty some tables."""
        for name in names:
            transaction.drop(self.tables[name], delete=False)

    def count(self, name: str) -> int:
        """Return how many rows a table has."""
        with self.reading() as transaction:
            return transaction.stat(self.tables[name])["entries"]

    def _found(self) -> None:
        """Make an empty environment elsewhere and move it here: LMDB cannot read half of one."""
        temporary = self.path.with_name(f"{self.path.name}{TEMPORARY}")
        with _translated(self.path):
            with lmdb.open(str(temporary), mode=0o700) as environment:
                environment.sync(force=True)
            temporary.replace(self.path)
            sync_folder(self.path.parent)

    def _open(self) -> lmdb.Environment:
        """Open with as much address space as this machine grants."""
        if not (self.path / DATA_NAME).exists():
            self._found()
        with _translated(self.path):
            while True:
                try:
                    return lmdb.open(
                        str(self.path),
                        map_size=self._wanted_map_bytes(),
                        max_dbs=MAX_DATABASES,
                        mode=0o700,
                        readahead=False,
                    )
                except lmdb.MemoryError:
                    if self._map_bytes <= LEAST_MAP_BYTES:
                        raise
                    self._map_bytes //= 2

    def _wanted_map_bytes(self) -> int:
        """At least the set size, doubled until the file has headroom."""
        file = self.path / DATA_NAME
        wanted = MAP_HEADROOM * file.stat().st_size if file.exists() else 0
        size = self._map_bytes
        while size < wanted and self._map_bytes >= MAP_BYTES:
            size *= 2
        return size


class Reading:
    """One look at the tables.

    It is no generator, because that would cost ten times the look itself, and every payment and
    every request takes one.
    """

    __slots__ = ("_environment", "_path", "_transaction")

    def __init__(self, environment: lmdb.Environment, path: Path) -> None:
        self._environment = environment
        self._path = path
        self._transaction: Reader

    def __enter__(self) -> Reader:
        try:
            self._transaction = self._environment.begin()
        except lmdb.Error as error:
            raise _store_error(error, self._path) from error
        return self._transaction

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        self._transaction.abort()
        if isinstance(error, lmdb.Error | OSError):
            with _translated(self._path):
                raise error


@contextlib.contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        with translated(path):
            yield
    except lmdb.Error as error:
        raise _store_error(error, path) from error


def _store_error(error: lmdb.Error, path: Path) -> StoreError:
    if isinstance(error, lmdb.MapFullError):
        return MapFull(path=str(path))
    if isinstance(error, _DAMAGE):
        return Corrupt(path=str(path), reason=str(error))
    number = errno.ENOSPC if isinstance(error, lmdb.DiskError) else error.code
    return failure(number, str(error), path)
