"""One thread writes to records, and some read: none holds up the loop.

What is written reaches the hub by one way alone: after each piece of work the writer reads from the
journal what is committed and was not handed on yet. So an event whose transaction was undone is
never told, and one whose commit was in doubt when the line broke is told once the line is back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from chaindeck.coordinator.hub import Hub
from chaindeck.coordinator.limits import READER_THREADS, REPLAY_EVENTS, WRITER_QUEUE
from chaindeck.coordinator.ports import Journal
from chaindeck.rpc.forms import Event

T = TypeVar("T")


class Writer:
    """Runs functions in its thread, one after the other, in the order in which they came."""

    def __init__(self, journal: Journal, hub: Hub) -> None:
        self._journal = journal
        self._hub = hub
        self._handed_on = 0
        self._room = asyncio.Semaphore(WRITER_QUEUE)
        self._thread = ThreadPoolExecutor(1, "writer")
        self._loop = asyncio.get_running_loop()

    async def open(self) -> None:
        """Fill the hub with what the journal holds."""
        await self._loop.run_in_executor(self._thread, self._load)

    async def submit(self, work: Callable[[], T]) -> T:
        """Return what the function returns; raise what it raises, or `RecordsAway`.

        Where many wait already, wait for room first.
        """
        async with self._room:
            running = self._loop.run_in_executor(self._thread, self._run, work)
            try:
                return await asyncio.shield(running)
            except asyncio.CancelledError:
                # Work that began is finished, whoever has gone meanwhile.
                await asyncio.wait([running])
                raise

    def close(self) -> None:
        """Wait for what is under way; everything that waited is run first."""
        self._thread.shutdown(wait=True)

    def _load(self) -> None:
        with self._journal.session():
            bounds = self._journal.bounds()
            start = max(bounds.first - 1, bounds.last - self._hub.capacity)
            loaded: list[Event] = []
            while start < bounds.last:
                page = self._journal.after(start, REPLAY_EVENTS)
                loaded += page
                start = page[-1].seq
        self._handed_on = start
        self._loop.call_soon_threadsafe(self._hub.open, bounds.epoch, start, loaded)

    def _run(self, work: Callable[[], T]) -> T:
        with self._journal.session():
            try:
                return work()
            finally:
                self._pull()

    def _pull(self) -> None:
        while True:
            page = self._journal.after(self._handed_on, REPLAY_EVENTS)
            if not page:
                return
            assert page[0].seq == self._handed_on + 1, "numbers have no gap"
            self._handed_on = page[-1].seq
            self._loop.call_soon_threadsafe(self._hub.take, page)
            if len(page) < REPLAY_EVENTS:
                return


class Readers:
    """Runs functions that read, some at a time."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._threads = ThreadPoolExecutor(READER_THREADS, "reader")

    async def read(self, work: Callable[[], T]) -> T:
        """Return what the function returns; raise what it raises, or `RecordsAway`."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._run, work)

    def close(self) -> None:
        self._threads.shutdown(wait=True)

    def _run(self, work: Callable[[], T]) -> T:
        with self._journal.session():
            return work()
