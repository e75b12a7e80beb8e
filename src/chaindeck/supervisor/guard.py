"""Two processes for one: whichever of them is killed, the other ends all that they started.

A supervisor that is killed takes its children along, since they die with their parent, but not what
these started. So a second process, which does nothing else, adopts all that is left and ends it. If
that one is killed, the supervisor hears of it and stops in good order.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable

from chaindeck.supervisor.kernel_calls import adopt_orphans, child_pids, die_with_parent

_FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_KILLED_CODE = 128


def run_guarded(work: Callable[[], int], tidy: Callable[[int], None]) -> int:
    """Do the work in a child and return its exit code, when nothing of it is left.

    `tidy` gets the child's pid then, and removes what it could not, if it was killed.

    Call it before there are threads. It returns in this process; the child exits, or raises what
    `work` raises.
    """
    adopt_orphans()
    guard = os.getpid()
    before = {number: signal.getsignal(number) for number in _FORWARDED}
    sys.stdout.flush()
    sys.stderr.flush()
    signal.pthread_sigmask(signal.SIG_BLOCK, _FORWARDED)
    child = os.fork()
    if child == 0:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _FORWARDED)
        if not die_with_parent(guard, signal.SIGTERM):
            sys.exit(_KILLED_CODE + signal.SIGKILL)
        sys.exit(work())
    for number in _FORWARDED:
        signal.signal(number, lambda number, _: _send(child, number))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _FORWARDED)
    try:
        code = _collect_until(child)
        _end_all()
        tidy(child)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return code


def _collect_until(child: int) -> int:
    """Collect whatever ends until the child has; return its exit code."""
    while True:
        pid, status = os.wait()
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else _KILLED_CODE - code


def _end_all() -> None:
    """Kill and collect what is left; its own children come to us in turn."""
    while left := child_pids():
        for pid in left:
            _send(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.wait()


def _send(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
