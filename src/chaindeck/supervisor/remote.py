"""Asking the supervisor of a home from another process that has no event loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

from chaindeck.rpc import forms
from chaindeck.rpc.access import supervisor_access
from chaindeck.rpc.channel import RpcChannel
from chaindeck.rpc.client import SupervisorClient
from chaindeck.rpc.errors import PartUnreachable
from chaindeck.supervisor.control import find_supervisor
from chaindeck.supervisor.errors import NotRunning, SupervisorSilent
from chaindeck.supervisor.first_start import Installation
from chaindeck.supervisor.home import Home
from chaindeck.supervisor.parts import list_parts
from chaindeck.supervisor.settings import load_config

R = TypeVar("R")


def ask(home: Home, question: Callable[[SupervisorClient], Awaitable[R]]) -> R:
    """Return the answer. Raises `NotRunning`, `SupervisorSilent`, or the supervisor's own word."""
    pid = find_supervisor(home)
    if pid is None:
        raise NotRunning(path=str(home.folder))
    try:
        return asyncio.run(_ask(home, question))
    except PartUnreachable:
        if find_supervisor(home) is None:
            raise NotRunning(path=str(home.folder)) from None
        raise SupervisorSilent(pid=pid, path=str(home.folder)) from None


def find_states(home: Home) -> tuple[forms.Part, ...]:
    """Return how all parts are; without a supervisor, that all are stopped."""
    try:
        return ask(home, SupervisorClient.get_state).parts
    except NotRunning:
        return _stopped(home)


async def _ask(home: Home, question: Callable[[SupervisorClient], Awaitable[R]]) -> R:
    async with contextlib.AsyncExitStack() as stack:
        channel = await stack.enter_async_context(RpcChannel(supervisor_access(home.folder)))
        return await question(SupervisorClient(channel))


def _stopped(home: Home) -> tuple[forms.Part, ...]:
    """Return what `up` would start; nothing for a home that is none yet."""
    if not home.config.exists():
        return ()
    parts = list_parts(Installation(home, load_config(home), payee=""))
    return tuple(
        forms.Part(
            name=part.name,
            kind=part.kind,
            state="stopped",
            pid=None,
            since_ms=0,
            restarts=0,
            reason="nothing supervises it",
            address="",
        )
        for part in parts
    )
