"""All parts in their order: started one after the other, stopped the other way round.

It is the whole of what can be asked of a supervisor; `service` offers it to other processes. An
order that concerns one part leaves all others alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import psutil

from chaindeck.node.logs import get_logger
from chaindeck.rpc.forms import Part as PartState
from chaindeck.supervisor.errors import PartUnknown, SupervisorError
from chaindeck.supervisor.history import DEFAULT_PACE, Pace
from chaindeck.supervisor.home import Home
from chaindeck.supervisor.keeper import Keeper, Surroundings
from chaindeck.supervisor.limits import LOG_CHECK_S
from chaindeck.supervisor.logs import rotate_logs
from chaindeck.supervisor.notifications import Notebook
from chaindeck.supervisor.parts import Part
from chaindeck.supervisor.reaper import Reaper
from chaindeck.supervisor.tree import find_marked

_log = get_logger("supervisor")


class Supervisor:
    """Made on the main thread's loop. `start`, then anything, then `stop` in any case."""

    def __init__(
        self, home: Home, parts: Sequence[Part], notebook: Notebook, pace: Pace = DEFAULT_PACE
    ) -> None:
        self.home = home
        self.notebook = notebook
        self._reaper = Reaper()
        self._around = Surroundings(home, pace, self._reaper, notebook, self._first_pids)
        self._keepers = {part.name: Keeper(part, self._around) for part in parts}
        self._rotating: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Return when all parts are ready; raise what kept one from it. The caller then stops."""
        self._reaper.install()
        self._rotating = asyncio.create_task(self._rotate())
        keepers = list(self._keepers.values())
        # A stranger is better met before anything was started.
        found = [await keeper.find() for keeper in keepers]
        self._end_leftovers({running.pid for running, _ in filter(None, found)})
        for keeper, running in zip(keepers, found, strict=True):
            if running is None:
                keeper.check_ports()
        for keeper in keepers:
            async with keeper.turn:
                await keeper.start()

    async def stop(self) -> None:
        """Return when nothing that we started is left."""
        for keeper in reversed(list(self._keepers.values())):
            async with keeper.turn:
                await keeper.stop()
        if self._rotating is not None:
            self._rotating.cancel()
        self._kill_strays()

    def states(self) -> list[PartState]:
        return [keeper.state() for keeper in self._keepers.values()]

    def state_of(self, name: str) -> PartState:
        """Return what is known of one part; raise `PartUnknown`."""
        return self._keeper(name).state()

    @property
    def is_well(self) -> bool:
        return all(keeper.is_ready for keeper in self._keepers.values())

    async def start_part(self, name: str) -> None:
        """Start a part that does not run; one that is ready stays as it is. Raises as `start`."""

        async def start(keeper: Keeper) -> None:
            if not keeper.is_ready:
                await keeper.stop()
                await keeper.start()

        await self._order(name, start)

    async def stop_part(self, name: str) -> None:
        """Stop a part until it is started by an order. Raises `PartUnknown`."""
        await self._order(name, partial(Keeper.stop, reason="stopped by order"))

    async def restart_part(self, name: str) -> None:
        """Stop and start a part, also one that was given up. Raises as `start`."""

        async def restart(keeper: Keeper) -> None:
            await keeper.stop()
            await keeper.start()

        await self._order(name, restart)

    async def add_part(self, part: Part) -> None:
        """Start a part that was not known. Raises as `start`; then it is not known either."""
        keeper = Keeper(part, self._around)
        assert part.name not in self._keepers, "the caller names a new part"
        self._keepers[part.name] = keeper
        try:
            async with keeper.turn:
                await keeper.start()
        except SupervisorError:
            del self._keepers[part.name]
            raise

    async def remove_part(self, name: str) -> None:
        """Stop and forget a part; its data directory stays. Raises `PartUnknown`."""
        await self._order(name, Keeper.stop)
        del self._keepers[name]

    async def _order(self, name: str, order: Callable[[Keeper], Awaitable[None]]) -> None:
        keeper = self._keeper(name)
        async with keeper.turn:
            await order(keeper)

    def _keeper(self, name: str) -> Keeper:
        keeper = self._keepers.get(name)
        if keeper is None:
            raise PartUnknown(name=name, names=", ".join(self._keepers))
        return keeper

    def _first_pids(self) -> set[int]:
        return {keeper.pid for keeper in self._keepers.values() if keeper.pid is not None}

    async def _rotate(self) -> None:
        while True:
            await asyncio.sleep(LOG_CHECK_S)
            await asyncio.to_thread(rotate_logs, self.home.logs)

    def _end_leftovers(self, kept: set[int]) -> None:
        """Kill what an earlier supervisor, killed with its guard, left; not what is adopted."""
        for process in find_marked(self.home.folder):
            with contextlib.suppress(psutil.Error):
                if kept.isdisjoint([process.pid, *(item.pid for item in process.parents())]):
                    message = f"killed a leftover, process {process.pid}"
                    self.notebook.note("supervisor", "warning", message)
                    process.kill()

    def _kill_strays(self) -> None:
        """Nothing is left by now; if something is, it goes with us."""
        for process in psutil.Process(os.getpid()).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if process.status() != psutil.STATUS_ZOMBIE:
                    _log.warning("left behind, and killed", pid=process.pid)
                    process.kill()
