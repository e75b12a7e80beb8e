"""How a thread outside a request uses the database, and what a process has open of it.

All connections of a process to one SQLite file share the index of its log (`-shm`), as the first of
them opened it: on a disk that is read-only, for reading alone. Until the last of them is closed,
those that come after cannot write either, though the disk can be written again; and what others
had open of the file stays open with them. So no thread that waits has one open, and one that failed
is let go of for good. Log and index stay all the same, as `log_kept` has SQLite not remove them.
"""

from __future__ import annotations

import contextlib
import fcntl
import inspect
import os
import sqlite3
import struct
import traceback
from collections.abc import Iterator

from django.db import Error, InterfaceError, OperationalError, close_old_connections, connection

_MAY_WAIT = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
_SHARED_FIRST, _SHARED_COUNT = 0x4000_0002, 510
"""The bytes that readers of a file lock: SQLite's file format keeps its page free of data."""

_FLOCK = "hhqqi0q"
"""The system's `struct flock`: type, whence, start, length, process."""


@contextlib.contextmanager
def connected() -> Iterator[None]:
    """Connect anew where the last connection broke or grew old; leave none that broke behind.

    One of PostgreSQL is kept for the next work, one of SQLite is not.
    """
    close_old_connections()
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        let_go(error)
        raise
    finally:
        close_old_connections()


def let_go(error: BaseException) -> None:
    """Close the connection that failed, however long its error is held.

    SQLite closes nothing while there is a cursor, and the frames of an error have theirs. What
    may wait among them is left alone: it may be for what the caller answers, and would be ended.
    """
    with contextlib.suppress(Error):
        connection.close()
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if not frame.f_code.co_flags & _MAY_WAIT:
            with contextlib.suppress(RuntimeError):  # It still runs.
                frame.clear()


@contextlib.contextmanager
def log_kept() -> Iterator[None]:
    """Have SQLite's log and its index outlive all connections. Enter it after `migrate`.

    SQLite removes them with the last connection, and without them it reads nothing on a disk that
    became read-only. It first locks out all readers, of which this is one.
    """
    if connection.vendor != "sqlite":
        yield
        return
    path = str(connection.settings_dict["NAME"])
    # Never closed: the system would take this process's other locks of the file away with it.
    held = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    _lock_readers(held, fcntl.F_RDLCK)
    try:
        yield
    finally:
        _lock_readers(held, fcntl.F_UNLCK)
        with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(path)) as last:
            last.execute("SELECT COUNT(*) FROM sqlite_master")


def _lock_readers(descriptor: int, kind: int) -> None:
    lock = struct.pack(_FLOCK, kind, os.SEEK_SET, _SHARED_FIRST, _SHARED_COUNT, 0)
    fcntl.fcntl(descriptor, fcntl.F_OFD_SETLKW, lock)
