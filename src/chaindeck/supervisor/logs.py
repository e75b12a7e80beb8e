"""Logs of parts: bounded, and read from their end.

Parts write into files and not into pipes, so that neither a supervisor that died nor a full disk
stops one. A log that grew too long is copied and cut to nothing: the part, which appends, goes on
at the front. What it wrote between the copy and the cut is lost, some lines in ten megabytes.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from chaindeck.node.logs import get_logger
from chaindeck.supervisor.limits import LOG_BYTES, LOG_COPY_BYTES, LOG_FILES, TAIL_BYTES

_log = get_logger("supervisor")


def rotate_logs(folder: Path, most_bytes: int = LOG_BYTES) -> list[Path]:
    """Cut every log that is too long; return which. Never raises for a disk that is full."""
    cut = []
    for path in sorted(folder.glob("*.log")):
        try:
            if path.stat().st_size > most_bytes:
                _rotate(path)
                cut.append(path)
        except OSError as error:
            _log.warning("a log was not cut", log=path.name, reason=error.strerror or str(error))
    return cut


def read_tail(path: Path, lines: int, *, start: int = 0) -> list[str]:
    """Return the last lines of a log, none from before the byte `start`."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            # A log that was cut since is shorter than where its run began.
            first = start if start <= size else 0
            limit = max(TAIL_BYTES, lines * 200)
            file.seek(max(first, size - limit))
            text = file.read(limit).decode("utf-8", "replace")
    except FileNotFoundError:
        return []
    return text.splitlines()[-lines:] if lines > 0 else []


class LogFollower:
    """Gives what was added to a log since the last look, also after it was cut."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._place = path.stat().st_size if path.exists() else 0

    def read(self) -> Iterator[str]:
        """Yield the lines that are complete."""
        try:
            with self._path.open("rb") as file:
                if file.seek(0, os.SEEK_END) < self._place:
                    self._place = 0
                file.seek(self._place)
                for line in file:
                    if line.endswith(b"\n"):
                        self._place += len(line)
                        yield line.decode("utf-8", "replace").rstrip("\n")
        except FileNotFoundError:
            self._place = 0


def _rotate(path: Path) -> None:
    for number in range(LOG_FILES - 1, 1, -1):
        older = path.with_name(f"{path.name}.{number - 1}")
        if older.exists():
            older.replace(path.with_name(f"{path.name}.{number}"))
    copy = path.with_name(f"{path.name}.1")
    try:
        with path.open("rb") as source, copy.open("wb") as target:
            shutil.copyfileobj(source, target, LOG_COPY_BYTES)
    except OSError:
        # Half a copy would keep the disk full; the log is cut all the same.
        copy.unlink(missing_ok=True)
        raise
    finally:
        os.truncate(path, 0)
