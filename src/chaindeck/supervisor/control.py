"""Finding a home's supervisor and ending it, from outside and without its help."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import time
from collections.abc import Iterator

import psutil

from chaindeck.store.instance import LOCK_NAME
from chaindeck.supervisor.home import Home
from chaindeck.supervisor.identity import read_running
from chaindeck.supervisor.limits import (
    KILL_LIMIT_S,
    NUMBER_LIMIT_S,
    NUMBER_POLL_S,
    STOP_GRACE_S,
    WAIT_FOR_OTHER_S,
    WAIT_POLL_S,
)
from chaindeck.supervisor.tree import find_marked

_PID_BYTES = 20


def find_supervisor(home: Home) -> int | None:
    """Return the pid of who supervises a home, None where nobody does, 0 where it does not say."""
    deadline = time.monotonic() + NUMBER_LIMIT_S
    while (pid := _read_holder(home)) == 0 and time.monotonic() < deadline:
        time.sleep(NUMBER_POLL_S)
    return pid


def _read_holder(home: Home) -> int | None:
    """Return who holds the lock; 0 while the number is missing, or still that of one who died."""
    try:
        descriptor = os.open(home.supervisor / LOCK_NAME, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.pread(descriptor, _PID_BYTES, 0).decode("ascii", "replace").strip()
        pid = int(text) if text.isdecimal() else 0
        return pid if psutil.pid_exists(pid) else 0
    finally:
        os.close(descriptor)
    return None


def is_announced(home: Home, pid: int) -> bool:
    """Answer whether this supervisor has started all its parts and can be asked."""
    running = read_running(home.supervisor)
    return running is not None and running.pid == pid


def wait_for_other(home: Home) -> bool:
    """Wait until another `up` is done; answer whether its supervisor can be asked."""
    deadline = time.monotonic() + WAIT_FOR_OTHER_S
    while (pid := find_supervisor(home)) is not None:
        if is_announced(home, pid):
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(WAIT_POLL_S)
    return False


def shut_down(home: Home) -> bool:
    """End a home's supervisor and all its parts; answer whether there was one, when all are gone.

    It gets the time that its parts get; then it is killed, and its guard ends the rest.
    """
    pid = find_supervisor(home)
    if pid is None:
        return bool(end_marked(home))
    processes = _with_guard(pid)
    parts = len(list(home.nodes.iterdir())) + len(("coordinator", "web", "payments"))
    with contextlib.ExitStack() as stack:
        ends = [stack.enter_context(_watched(process.pid)) for process in processes]
        _signal(processes[:1], signal.SIGTERM)
        if not _wait(ends, parts * (STOP_GRACE_S + KILL_LIMIT_S)):
            _signal(processes[:1], signal.SIGKILL)
            _wait(ends, KILL_LIMIT_S)
    end_marked(home)
    return True


def end_marked(home: Home) -> list[int]:
    """Kill what a supervisor and its guard, killed at once, could not end; return which."""
    left = find_marked(home.folder)
    _signal(left, signal.SIGKILL)
    psutil.wait_procs(left, KILL_LIMIT_S)
    return [process.pid for process in left]


def _with_guard(pid: int) -> list[psutil.Process]:
    """Return the supervisor and its guard, a process of the same command."""
    with contextlib.suppress(psutil.Error):
        supervisor = psutil.Process(pid)
        guard = supervisor.parent()
        if guard is not None and guard.cmdline() == supervisor.cmdline():
            return [supervisor, guard]
        return [supervisor]
    return []


@contextlib.contextmanager
def _watched(pid: int) -> Iterator[int | None]:
    """Give a descriptor that is readable when a process has ended; None where it has already."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        yield None
        return
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _wait(ends: list[int | None], limit_s: float) -> bool:
    """Answer whether all these processes end in time."""
    deadline = time.monotonic() + limit_s
    for descriptor in ends:
        left_s = max(0.0, deadline - time.monotonic())
        if descriptor is not None and not select.select([descriptor], [], [], left_s)[0]:
            return False
    return True


def _signal(processes: list[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.send_signal(number)
