"""Starting one process of a part, and knowing when it ends."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from chaindeck.supervisor import leash
from chaindeck.supervisor.identity import MARK, Running, make_mark, read_mark
from chaindeck.supervisor.parts import Part
from chaindeck.supervisor.reaper import Reaper

_LEASH = str(Path(leash.__file__))
_RUN_ID_BYTES = 8
_PRIVATE = 0o600
_NOT_INHERITED = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", MARK)
"""What speaks to us alone."""


class Run:
    """One life of one part: a process that we started, or one that we found and adopted."""

    def __init__(
        self, pid: int, mark: str, ended: asyncio.Future[int | None], *, adopted: bool
    ) -> None:
        self.pid = pid
        self.mark = mark
        self.ended = ended
        """Its exit code; None for an adopted one, whose code only its parent hears."""

        self.adopted = adopted
        self.started_s = time.monotonic()
        self.log_offset = 0

    @property
    def is_over(self) -> bool:
        return self.ended.done()


def start_run(part: Part, log: Path, reaper: Reaper) -> Run:
    """Start a part's command, in a session of its own, on a leash; call it on the main thread.

    Raises `OSError`.
    """
    mark = make_mark(part.name, part.folder, secrets.token_hex(_RUN_ID_BYTES))
    kept_back = {*_NOT_INHERITED, *part.withheld}
    inherited = {key: value for key, value in os.environ.items() if key not in kept_back}
    with _open_log(log) as output:
        offset = os.fstat(output).st_size
        child = subprocess.Popen(  # noqa: S603 - the commands are our own parts
            [sys.executable, "-I", "-S", _LEASH, str(os.getpid()), *part.command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            env={**inherited, **part.environment, MARK: mark},
            start_new_session=True,
        )
    run = Run(child.pid, mark, _widen(reaper.expect(child.pid)), adopted=False)
    # The reaper collects it; without this the object would complain that nobody did.
    child.returncode = 0
    run.log_offset = offset
    return run


def adopt_run(running: Running) -> Run:
    """Follow a process that runs already; raise `OSError` if it has just ended."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[int | None] = loop.create_future()
    descriptor = os.pidfd_open(running.pid)

    def note_end() -> None:
        loop.remove_reader(descriptor)
        os.close(descriptor)
        if not ended.done():
            ended.set_result(None)

    loop.add_reader(descriptor, note_end)
    return Run(running.pid, read_mark(running.pid), ended, adopted=True)


def describe_end(code: int | None) -> str:
    """Return words for an exit code."""
    if code is None:
        return "it ended"
    if code >= 0:
        return f"it ended with exit code {code}"
    return f"it was killed by signal {-code}"


def send(pid: int, number: int) -> None:
    """Send a signal to a process that may have ended meanwhile."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


@contextlib.contextmanager
def _open_log(path: Path) -> Iterator[int]:
    """Open a log for appending: what is cut off at its front does not move what comes."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
    descriptor = os.open(path, flags, _PRIVATE)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _widen(ended: asyncio.Future[int]) -> asyncio.Future[int | None]:
    return ended  # type: ignore[return-value]  # whoever reads int or None may be given an int
