"""What views may ask of the process around them: the coordinator, and the lines of open pages.

Views run in threads; the channel to the coordinator and all sockets belong to the event loop. A
view hands over what it wants to have done there, and waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

import msgspec

from chaindeck.rpc.client import CoordinatorClient

T = TypeVar("T")


class EndsLines(Protocol):
    """Closes sockets of somebody who may no longer listen, or no longer in this way."""

    def end_lines(self, *, person_id: int, session_key: str = "") -> None: ...


class Wiring(msgspec.Struct, frozen=True):
    """One web process, as its views see it."""

    instance: str
    loop: asyncio.AbstractEventLoop
    coordinator: CoordinatorClient
    lines: EndsLines
    report: Callable[[], None]
    """Rings for whoever sends waiting reports."""


_current: list[Wiring] = []


def wire(wiring: Wiring) -> None:
    """Say what this process is made of; once, before anything is answered."""
    _current[:] = [wiring]


def instance() -> str:
    return _current[0].instance if _current else ""


def ask(question: Callable[[CoordinatorClient], Awaitable[T]]) -> T:
    """Return what the coordinator answers. Raises an `RpcError`. In a view's thread."""
    wiring = _current[0]

    async def put() -> T:
        return await question(wiring.coordinator)

    # It has a deadline of its own, as every call has.
    return asyncio.run_coroutine_threadsafe(put(), wiring.loop).result()


def end_lines(*, person_id: int, session_key: str = "") -> None:
    """Close the lines of a session, or all of a person; the records say so already."""
    for wiring in _current:

        def end(lines: EndsLines = wiring.lines) -> None:
            lines.end_lines(person_id=person_id, session_key=session_key)

        wiring.loop.call_soon_threadsafe(end)


def ring() -> None:
    """There is a report to send."""
    for wiring in _current:
        wiring.loop.call_soon_threadsafe(wiring.report)
