"""The web as a process: from its settings to answering, and down again in good order.

Ready means that `GET /health` answers and `web/running.json` says where. Requests that are under
way when it is told to stop may finish for three seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import os
import signal
import socket
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

import uvicorn

from chaindeck.control.asgi import Application, Site
from chaindeck.control.assets import assets
from chaindeck.control.config import WebConfig
from chaindeck.control.errors import WebPortTaken
from chaindeck.control.limits import (
    BACKLOG,
    KEEP_ALIVE_S,
    LIVE_PING_S,
    MAX_CONNECTIONS,
    STOP_TIMEOUT_S,
    WEBSOCKET_MESSAGE_BYTES,
)
from chaindeck.control.live.protocol import LiveProtocol
from chaindeck.control.setup import configure
from chaindeck.control.threads import with_database
from chaindeck.node.logs import get_logger, set_up_logs
from chaindeck.records.connecting import log_kept
from chaindeck.rpc.access import coordinator_access
from chaindeck.rpc.channel import RpcChannel
from chaindeck.rpc.client import CoordinatorClient
from chaindeck.store.atomic import write_bytes, write_json

if TYPE_CHECKING:
    from chaindeck.control.live.sockets import Sockets
    from chaindeck.control.people.reports import ReportSender

RUNNING_NAME = "running.json"
FIRST_PASSWORD_NAME = "first-password"  # noqa: S105 - the name of a file
_log = get_logger("web")


class House(NamedTuple):
    """What answers, and what runs beside it."""

    site: Site
    sockets: Sockets
    reports: ReportSender


async def run_web(home: Path, config: WebConfig) -> int:
    """Run until SIGTERM or SIGINT; return the exit code."""
    set_up_logs(config.log_level, config.log_format)
    assets()
    configure(home, origins=config.origins)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    # Taken before all else: whoever comes second must not touch the records.
    with _listen(config) as listener, contextlib.ExitStack() as stack:
        await asyncio.to_thread(with_database(_migrate), home)
        stack.enter_context(log_kept())
        instance = uuid.uuid4().hex
        heard_ms = await asyncio.to_thread(with_database(_heard_ms))
        async with RpcChannel(coordinator_access(home, config.grpc)) as channel:
            house = _build(CoordinatorClient(channel), instance, config, heard_ms)
            settle()
            server = WebServer(_server_config(house.site))
            serving = asyncio.create_task(server.serve([listener]))
            await server.is_ready.wait()
            try:
                address = f"http://{_shown(config.host)}:{listener.getsockname()[1]}"
                with _running(home, address, instance):
                    await _run_until(stopping, house)
            finally:
                server.should_exit = True
                await serving
    _log.info("stopped")
    return 0


async def _run_until(stopping: asyncio.Event, house: House) -> None:
    async with asyncio.TaskGroup() as group, house.sockets.running():
        sending = group.create_task(house.reports.run())
        await stopping.wait()
        _log.info("stopping")
        sending.cancel()


def _build(
    coordinator: CoordinatorClient, instance: str, config: WebConfig, heard_ms: int | None
) -> House:
    # Django's own modules can be imported only now that it is configured.
    from django.core.handlers.asgi import ASGIHandler  # noqa: PLC0415 - not before configure

    from chaindeck.control.live.hub import LiveHub  # noqa: PLC0415 - not before configure
    from chaindeck.control.live.sockets import Sockets  # noqa: PLC0415 - not before configure
    from chaindeck.control.people.reports import ReportSender  # noqa: PLC0415 - not before configure
    from chaindeck.control.wiring import Wiring, wire  # noqa: PLC0415 - not before configure

    sockets = Sockets(LiveHub(coordinator, heard_ms), instance, config.origins)
    reports = ReportSender(coordinator)
    loop = asyncio.get_running_loop()
    wire(Wiring(instance, loop, coordinator, sockets, reports.ring))
    return House(Site(cast("Application", ASGIHandler()), sockets), sockets, reports)


def settle() -> None:
    """Import what the first request would, and have the collector leave all that is here alone.

    It is here for good, and going through it took 60 ms of the processor, in somebody's request.
    """
    from django.urls import get_resolver  # noqa: PLC0415 - not before configure

    assert get_resolver().url_patterns, "every view is imported with them"
    gc.collect()
    gc.freeze()


def _migrate(home: Path) -> None:
    """Bring the tables up to date, and at the very first start make somebody who can sign in."""
    from chaindeck.records.selectors.people import is_first_password_open  # noqa: PLC0415 - see `_build`
    from chaindeck.records.services.people import admin_ensure  # noqa: PLC0415 - see `_build`
    from chaindeck.records.setup import migrate  # noqa: PLC0415 - see `_build`

    migrate(home)
    password = admin_ensure()
    path = home / "web" / FIRST_PASSWORD_NAME
    if password is not None:
        # Whoever started this shows it once and removes the file.
        path.parent.mkdir(mode=0o700, exist_ok=True)
        write_bytes(path, password.encode(), private=True)
    elif not is_first_password_open():
        path.unlink(missing_ok=True)


def _heard_ms() -> int | None:
    """Return when the coordinator wrote anything down last, None where it never did."""
    from chaindeck.records.selectors.standing import status_find  # noqa: PLC0415 - see `_build`

    found = status_find()
    return found["last_updated_ms"] if found else None


def _server_config(site: Site) -> uvicorn.Config:
    return uvicorn.Config(
        site,
        loop="none",
        http="httptools",
        ws=LiveProtocol,
        ws_ping_interval=LIVE_PING_S,
        ws_ping_timeout=LIVE_PING_S,
        lifespan="off",
        interface="asgi3",
        access_log=False,
        log_config=None,
        log_level="error",
        proxy_headers=False,
        server_header=False,
        backlog=BACKLOG,
        limit_concurrency=MAX_CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=STOP_TIMEOUT_S,
        ws_max_size=WEBSOCKET_MESSAGE_BYTES,
        ws_per_message_deflate=False,
    )


class WebServer(uvicorn.Server):
    """A server that says when it answers, and leaves signals to the process."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.is_ready.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.contextmanager
def _listen(config: WebConfig) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    try:
        listener = socket.create_server((config.host, config.port), family=family, backlog=BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise WebPortTaken(port=config.port) from None
        raise
    with listener:
        yield listener


@contextlib.contextmanager
def _running(home: Path, address: str, instance: str) -> Iterator[None]:
    """Say where the web answers, for as long as it does."""
    path = home / "web" / RUNNING_NAME
    path.parent.mkdir(mode=0o700, exist_ok=True)
    started_at_ms = time.time_ns() // 1_000_000
    write_json(
        path,
        {
            "pid": os.getpid(),
            "started_at_ms": started_at_ms,
            "instance": instance,
            "address": address,
        },
    )
    _log.info("ready", address=address, pid=os.getpid(), instance=instance)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
