"""The coordinator as a process: its lock, its records made ready, and its signals."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

from django.db import connections

from chaindeck.coordinator.settings import Settings
from chaindeck.node.logs import get_logger, set_up_logs
from chaindeck.records import setup
from chaindeck.records.connecting import log_kept
from chaindeck.store.instance import InstanceLock

if TYPE_CHECKING:
    from chaindeck.coordinator.daemon import Coordinator

_log = get_logger("coordinator")


def run_coordinator(settings: Settings) -> int:
    """Run until SIGTERM or SIGINT; return the exit code. Once in a process.

    Raises `StoreLocked` where another runs, and a `RecordsError` without a database.
    """
    set_up_logs(settings.log_level, settings.log_format)
    folder = settings.home / "coordinator"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = InstanceLock(folder)
    try:
        setup.configure(settings.home, {"DATABASE_URL": settings.database_url})
        setup.migrate(settings.home)
        connections.close_all()
        with log_kept():
            return asyncio.run(_run(settings))
    finally:
        lock.release()


async def _run(settings: Settings) -> int:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    coordinator = _make(settings)
    async with coordinator.serving():
        await stopping.wait()
        _log.info("stopping")
    _log.info("stopped", events=coordinator.hub.last)
    return 0


def _make(settings: Settings) -> Coordinator:
    from chaindeck.coordinator.daemon import Coordinator  # noqa: PLC0415 - models need a database

    return Coordinator(settings)
