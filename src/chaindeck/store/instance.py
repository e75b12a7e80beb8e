"""One process at a time: a lock on a file of the data directory, held while the store is open.

The lock is the kernel's (`flock`), so it ends with the process however that ends; the number in
the file only serves the message.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

from chaindeck.store.atomic import translated
from chaindeck.store.errors import StoreLocked

LOCK_NAME = "instance.lock"
_MAX_NUMBER_BYTES = 20


class InstanceLock:
    """Holds the lock from construction to `release`; raises `StoreLocked` with the holder's id."""

    def __init__(self, folder: Path) -> None:
        path = folder / LOCK_NAME
        with contextlib.ExitStack() as stack, translated(path):
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            stack.callback(os.close, self._descriptor)
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = os.pread(self._descriptor, _MAX_NUMBER_BYTES, 0).decode("ascii", "replace")
                raise StoreLocked(path=str(folder), pid=holder.strip() or "unknown") from None
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)
            self._exits = stack.pop_all()

    def release(self) -> None:
        self._exits.close()
