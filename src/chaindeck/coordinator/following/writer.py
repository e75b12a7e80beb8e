"""One thread that does all the writing of a process, in the order in which it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Self, TypeVar

from django.db import connections

from chaindeck.records.connecting import connected

Result = TypeVar("Result")


class WriterThread:
    """Use it in a `with` block: leaving it waits for what is under way."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="records")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.submit(connections.close_all)
        self._thread.shutdown(wait=True)

    async def run(self, work: Callable[[], Result]) -> Result:
        """Run work in the thread; when cancelled, wait for the end of what has begun."""
        running = asyncio.get_running_loop().run_in_executor(self._thread, _with_connection, work)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            await asyncio.wait([running])
            raise


def _with_connection(work: Callable[[], Result]) -> Result:
    """A connection that broke is made anew for the next work."""
    with connected():
        return work()
