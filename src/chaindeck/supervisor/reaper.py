"""Collects every child that ended, our own and those we adopted, so that none stays a zombie.

Nothing else in the process may wait for children. One exists in a process, on its main loop.
"""

from __future__ import annotations

import asyncio
import os
import signal

from chaindeck.supervisor.kernel_calls import adopt_orphans


class Reaper:
    """`install` it before the first child is started."""

    def __init__(self) -> None:
        self._expected: dict[int, asyncio.Future[int]] = {}

    def install(self) -> None:
        adopt_orphans()
        asyncio.get_running_loop().add_signal_handler(signal.SIGCHLD, self.collect)

    def expect(self, pid: int) -> asyncio.Future[int]:
        """Return what becomes the exit code of a child that was just started: -9 after SIGKILL."""
        ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._expected[pid] = ended
        return ended

    def collect(self) -> None:
        """Take notice of all children that have ended."""
        while True:
            try:
                found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG)
            except ChildProcessError:
                return
            if found is None:
                return
            has_exited = found.si_code == os.CLD_EXITED
            code = found.si_status if has_exited else -found.si_status
            ended = self._expected.pop(found.si_pid, None)
            if ended is not None and not ended.done():
                ended.set_result(code)
