"""Recovers the signers of single payments, on a native thread where others want the loop.

Handing one signature to a Python thread costs more than the signature. This thread never asks for
the interpreter: it takes work from a native queue and wakes the loop through a file descriptor.
Even that costs 40 us of waiting, which are lost where nobody else wants the loop meanwhile: one
client that sends payments one by one is served faster on the spot, several by the thread.
Knows no payment and no rule.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from itertools import count

from chaindeck.kernel import RecoveryQueue, recover_many

Recovered = tuple[bytes, bytes]
"""Key hashes and statuses, as `recover_many` returns them."""

_WAKE_BYTES = 4_096

LONELY_TASKS = 64
"""So many in a row that nobody overlapped with end a crowd: 10 ms under load."""


class Recoverer:
    """Use it from the loop it was made on; close it there."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._tickets = count()
        self._waiting: dict[int, asyncio.Future[Recovered]] = {}
        self._ears, self._close_ears = _open_ears()
        self._queue = RecoveryQueue(self._ears[1])
        self._loop.add_reader(self._ears[0], self._hear)
        self._lonely = LONELY_TASKS
        self._is_first_of_round = True

    @property
    def is_idle(self) -> bool:
        return not self._waiting

    @property
    def is_crowded(self) -> bool:
        return self._lonely < LONELY_TASKS

    async def recover(self, digests: bytes, signatures: bytes) -> Recovered:
        """Recover a few; how many ask at once is bounded by who asks."""
        self._look_around()
        if not self.is_crowded:
            return recover_many(digests, signatures, 1)
        return await self.hand_out(digests, signatures)

    def hand_out(self, digests: bytes, signatures: bytes) -> asyncio.Future[Recovered]:
        ticket = next(self._tickets)
        answer = self._waiting[ticket] = self._loop.create_future()
        self._queue.submit(ticket, digests, signatures)
        return answer

    def close(self) -> None:
        """End the thread; whoever still waits is cancelled."""
        self._loop.remove_reader(self._ears[0])
        self._queue.close()
        self._close_ears()
        for answer in self._waiting.values():
            answer.cancel()
        self._waiting.clear()

    def _look_around(self) -> None:
        """Two in one round of the loop are a crowd, as is whoever comes while others wait."""
        if self._waiting or not self._is_first_of_round:
            self._lonely = 0
        else:
            self._lonely += 1
            self._is_first_of_round = False
            self._loop.call_soon(self._end_round)

    def _end_round(self) -> None:
        self._is_first_of_round = True

    def _hear(self) -> None:
        os.read(self._ears[0], _WAKE_BYTES)
        for ticket, key_hashes, statuses in self._queue.take():
            answer = self._waiting.pop(ticket)
            if not answer.done():
                answer.set_result((key_hashes, statuses))


def _open_ears() -> tuple[tuple[int, int], Callable[[], None]]:
    """Return what to read and what to write, and how to close both."""
    if hasattr(os, "eventfd"):
        event = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        return (event, event), lambda: os.close(event)
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)

    def close() -> None:
        os.close(reading)
        os.close(writing)

    return (reading, writing), close
