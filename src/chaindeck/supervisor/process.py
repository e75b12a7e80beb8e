"""The supervisor as a process: its lock, its signals, its note, and good order both ways."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path

import psutil

from chaindeck.node.logs import get_logger, set_up_logs
from chaindeck.rpc.access import supervisor_access
from chaindeck.rpc.contract import SUPERVISOR
from chaindeck.rpc.forms import Notification
from chaindeck.rpc.server import RpcServer
from chaindeck.store.atomic import sweep, write_json
from chaindeck.store.instance import InstanceLock
from chaindeck.supervisor.first_start import Installation
from chaindeck.supervisor.history import DEFAULT_PACE, Pace
from chaindeck.supervisor.home import Home
from chaindeck.supervisor.identity import read_running
from chaindeck.supervisor.notifications import Notebook
from chaindeck.supervisor.parts import Part
from chaindeck.supervisor.service import Desk
from chaindeck.supervisor.supervisor import Supervisor

_log = get_logger("supervisor")
_INSTANCE_BYTES = 8
_NOTIFY_SOCKET = "NOTIFY_SOCKET"


async def supervise(
    home: Home,
    parts: Sequence[Part],
    *,
    tell: Callable[[Notification], None],
    when_ready: Callable[[], None],
    pace: Pace = DEFAULT_PACE,
    installation: Installation | None = None,
) -> None:
    """Keep the parts until SIGTERM or SIGINT.

    Raises `StoreLocked` where another supervisor runs, and what kept a part from starting; in
    either case nothing that was started is left.
    """
    set_up_logs("info", "text")
    with _locked(home.supervisor):
        sweep(home.supervisor)
        stopping = _stop_on_signals()
        notebook = Notebook(home.notifications)
        notebook.listen(tell)
        supervisor = Supervisor(home, parts, notebook, pace)
        try:
            if await _start(supervisor, stopping):
                async with _announced(home, supervisor, stopping, installation):
                    when_ready()
                    _tell_systemd("READY=1")
                    await stopping.wait()
        finally:
            _tell_systemd("STOPPING=1")
            await supervisor.stop()


def forget(home: Home, pid: int) -> None:
    """Remove the note and the socket of a supervisor that ended, if they are its own."""
    running = read_running(home.supervisor)
    if running is not None and running.pid == pid:
        home.running.unlink(missing_ok=True)
        home.socket.unlink(missing_ok=True)


def is_systemd_listening() -> bool:
    """Answer whether a service manager started us, and waits for word that all is ready."""
    return bool(os.environ.get(_NOTIFY_SOCKET))


async def _start(supervisor: Supervisor, stopping: asyncio.Event) -> bool:
    """Start all parts; False where we were told to stop meanwhile."""
    starting = asyncio.create_task(supervisor.start())
    waiting = asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait([starting, waiting], return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
        return starting.done()
    finally:
        for task in (starting, waiting):
            task.cancel()
        await asyncio.wait([starting, waiting])


def _stop_on_signals() -> asyncio.Event:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, stopping.set)
    return stopping


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    lock = InstanceLock(folder)
    try:
        yield
    finally:
        lock.release()


@contextlib.asynccontextmanager
async def _announced(
    home: Home,
    supervisor: Supervisor,
    stopping: asyncio.Event,
    installation: Installation | None,
) -> AsyncIterator[None]:
    """Answer on the socket, and note where, until the block ends."""
    instance = secrets.token_hex(_INSTANCE_BYTES)
    started_at_ms = round(psutil.Process().create_time() * 1000)
    desk = Desk(
        supervisor,
        stopping,
        instance=instance,
        started_at_ms=started_at_ms,
        installation=installation,
    )
    access = supervisor_access(home.folder)
    server = await RpcServer.start(SUPERVISOR, desk, access, instance=instance)
    note = {
        "pid": os.getpid(),
        "started_at_ms": started_at_ms,
        "instance": instance,
        "address": server.address,
    }
    try:
        write_json(home.running, note, private=True)
        yield
    finally:
        await server.stop()
        home.running.unlink(missing_ok=True)


def _tell_systemd(message: str) -> None:
    """Tell the service manager that started us, if one did."""
    address = os.environ.get(_NOTIFY_SOCKET)
    if not address:
        return
    # A name that begins with @ is one of the kernel's own name space.
    target = f"\0{address[1:]}" if address.startswith("@") else address
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        try:
            channel.sendto(message.encode(), target)
        except OSError as error:
            _log.warning("the service manager was not told", reason=error.strerror or str(error))
