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


class Lines(Protocol):
    """The sockets of open pages, and the stream of events that feeds them."""

    @property
    def place(self) -> tuple[str, int]:
        """Epoch and number of the last event that came."""

    @property
    def is_away(self) -> bool:
        """Whether the coordinator does not answer."""

    @property
    def heard_ms(self) -> int | None:
        """When it told anything last, None where it never did."""

    def end_lines(self, *, person_id: int, session_key: str = "") -> None:
        """Close those of somebody who may no longer listen, or no longer in this way."""


class Wiring(msgspec.Struct, frozen=True):
    """One web process, as its views see it."""

    instance: str
    loop: asyncio.AbstractEventLoop
    coordinator: CoordinatorClient
    lines: Lines
    report: Callable[[], None]
    """Rings for whoever sends waiting reports."""


_current: list[Wiring] = []


def wire(wiring: Wiring) -> None:
    """Say what this process is made of; once, before anything is answered."""
    _current[:] = [wiring]


def instance() -> str:
    return _current[0].instance if _current else ""


def place() -> tuple[str, int]:
    """Return where the stream of events stands; without an epoch nothing came yet."""
    return _current[0].lines.place if _current else ("", 0)


def is_away() -> bool:
    """Whether nobody tells how things are now."""
    return bool(_current) and _current[0].lines.is_away


def heard_ms() -> int | None:
    """Return when the coordinator told anything last, None where it never did."""
    return _current[0].lines.heard_ms if _current else None


def ask(question: Callable[[CoordinatorClient], Awaitable[T]], limit_s: float | None = None) -> T:
    """Return what the coordinator answers. In a view's thread.

    Raises an `RpcError`, and `TimeoutError` where it takes longer than a view has.
    """
    wiring = _current[0]

    async def put() -> T:
        async with asyncio.timeout(limit_s):
            return await question(wiring.coordinator)

    # It has a deadline of its own, as every call has.
    return asyncio.run_coroutine_threadsafe(put(), wiring.loop).result()


def end_lines(*, person_id: int, session_key: str = "") -> None:
    """Close the lines of a session, or all of a person; the records say so already."""
    for wiring in _current:

        def end(lines: Lines = wiring.lines) -> None:
            lines.end_lines(person_id=person_id, session_key=session_key)

        wiring.loop.call_soon_threadsafe(end)


def ring() -> None:
    """There is a report to send."""
    for wiring in _current:
        wiring.loop.call_soon_threadsafe(wiring.report)
