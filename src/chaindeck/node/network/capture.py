"""A recording of the network side, into a file, for a while."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import BinaryIO

from chaindeck.node.limits import CAPTURE_MAX_BYTES
from chaindeck.node.logs import get_logger
from chaindeck.protocol.recording import Recorder
from chaindeck.store.atomic import translated

_log = get_logger("network")
FOLDER_NAME = "captures"
_PRIVATE, _PRIVATE_FOLDER = 0o600, 0o700


class Capture:
    """One file. Give `write` to a `Recorder`, and the recorder back."""

    def __init__(self, path: Path, file: BinaryIO, max_bytes: int) -> None:
        self.path = path
        self.bytes = 0
        self.recorder: Recorder | None = None
        self._file = file
        self._max_bytes = max_bytes
        self._timer: asyncio.TimerHandle | None = None
        self._is_ended = False

    @classmethod
    def create(cls, folder: Path, seconds: float) -> Capture:
        """Open a new file below a data directory, to end by itself after so long.

        Raises a `StoreError` where that is not possible.
        """
        whole_s, rest_ns = divmod(time.time_ns(), 10**9)
        stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(whole_s))
        path = folder / FOLDER_NAME / f"{stamp}.{rest_ns // 1_000:06}Z.cap"
        with translated(path.parent):
            path.parent.mkdir(mode=_PRIVATE_FOLDER, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)
        capture = cls(path, os.fdopen(descriptor, "wb"), CAPTURE_MAX_BYTES)
        loop = asyncio.get_running_loop()
        capture._timer = loop.call_later(seconds, capture.end, "its time is over")
        return capture

    @property
    def is_running(self) -> bool:
        return not self._is_ended

    @property
    def steps(self) -> int:
        return self.recorder.steps if self.recorder is not None else 0

    def write(self, record: bytes) -> None:
        """Take a record. Where there is no room the capture ends, and nothing else does."""
        if self._is_ended:
            return
        if self.bytes + len(record) > self._max_bytes:
            self.end(f"it has {self.bytes} bytes")
            return
        try:
            self._file.write(record)
        except OSError as error:
            self.end(error.strerror or str(error))
            return
        self.bytes += len(record)

    def end(self, why: str) -> None:
        """Close the file; what comes later is not recorded. Ending twice does nothing."""
        if self._is_ended:
            return
        self._is_ended = True
        if self._timer is not None:
            self._timer.cancel()
        if self.recorder is not None:
            self.recorder.stop()
        try:
            self._file.close()
        except OSError as error:
            why = error.strerror or str(error)
        _log.info("capture ended", path=str(self.path), bytes=self.bytes, steps=self.steps, why=why)
