"""One part, for as long as it is wanted: started, watched, replaced when it is sick, ended.

It has one task at a time, which watches; orders end that task first, so that nothing is ever done
to a part twice at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Container
from pathlib import Path
from typing import Literal

import msgspec

from chaindeck.node.logs import get_logger
from chaindeck.rpc.forms import Part as PartState
from chaindeck.supervisor.errors import (
    HomeUnusable,
    PartFailed,
    PartHindered,
    PartUnwell,
    PortHeld,
    StrangerRuns,
    SupervisorError,
)
from chaindeck.supervisor.history import History, Pace
from chaindeck.supervisor.home import Home, make_private
from chaindeck.supervisor.identity import (
    RUNNING_NAME,
    Running,
    describe_process,
    find_process,
    is_recognisable,
    read_running,
    remove_note,
)
from chaindeck.supervisor.limits import READY_POLL_S, TAIL_LINES
from chaindeck.supervisor.listeners import describe_holder, is_held
from chaindeck.supervisor.logs import read_tail
from chaindeck.supervisor.notifications import Level, Notebook
from chaindeck.supervisor.parts import Part
from chaindeck.supervisor.probes import check_health
from chaindeck.supervisor.processes import Run, adopt_run, describe_end, start_run
from chaindeck.supervisor.reaper import Reaper
from chaindeck.supervisor.tree import end_run

State = Literal[
    "stopped", "starting", "ready", "sick", "backing_off", "stopping", "given_up", "foreign"
]
"""`foreign`: somebody else is in its place, and was left alone."""

_LEVELS: dict[State, Level] = {
    "stopped": "info",
    "starting": "info",
    "ready": "info",
    "sick": "warning",
    "backing_off": "warning",
    "stopping": "info",
    "given_up": "error",
    "foreign": "error",
}
_log = get_logger("supervisor")


class Surroundings(msgspec.Struct, frozen=True):
    """What all keepers share."""

    home: Home
    pace: Pace
    reaper: Reaper
    notebook: Notebook
    first_pids: Callable[[], Container[int]]
    """The first processes of all parts that run."""


class Keeper:
    """See the module. `start` and `stop` are for one caller at a time (`turn`)."""

    def __init__(self, part: Part, surroundings: Surroundings) -> None:
        self.part = part
        self.turn = asyncio.Lock()
        self._around = surroundings
        self._history = History(surroundings.pace)
        self._state: State = "stopped"
        self._reason = ""
        self._since_ms = time.time_ns() // 1_000_000
        self._restarts = 0
        self._run: Run | None = None
        self._running: Running | None = None
        self._watching: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        return self._run.pid if self._run and not self._run.is_over else None

    @property
    def is_ready(self) -> bool:
        return self._state == "ready"

    def state(self) -> PartState:
        """Return what is known of the part; `restarts` are those that nobody ordered."""
        return PartState(
            name=self.part.name,
            kind=self.part.kind,
            state=self._state,
            pid=self.pid,
            since_ms=self._since_ms,
            restarts=self._restarts,
            reason=self._reason,
            address=self._running.address if self._running and self.pid else "",
        )

    async def start(self) -> None:
        """Return when the part is ready. Raises `PartFailed`, `PortHeld` or `StrangerRuns`."""
        await self._end_watching()
        self._history.clear()
        self._reason = ""
        try:
            await self._begin()
        except (PartFailed, PortHeld, StrangerRuns) as error:
            await self._clear()
            self._fail(error)
            raise
        self._watching = asyncio.create_task(self._watch())
        self._watching.add_done_callback(self._tell_fault)

    async def stop(self, reason: str = "") -> None:
        """Return when nothing of the part is left. Without a reason the last trouble stays it."""
        await self._end_watching()
        if self._run is not None:
            self._set("stopping")
        await self._clear()
        if self._state != "stopped":
            self._set("stopped", reason or self._reason, reason or "stopped")

    def check_ports(self) -> None:
        """Raise `PortHeld` if somebody else listens where this part will."""
        for port in self.part.ports:
            if is_held(port):
                raise PortHeld(
                    port=port,
                    part=self.part.name,
                    holder=describe_holder(port),
                    path=str(self._around.home.config),
                )

    async def find(self) -> tuple[Running, bool] | None:
        """Return the process of this part that runs already, and whether it is well.

        A note that lies is removed. Raises `StrangerRuns`.
        """
        running = read_running(self.part.folder)
        process = find_process(running) if running else None
        if running is None or process is None:
            remove_note(self.part.folder, running.pid if running else 0)
            return None
        try:
            await self._check_patiently(running)
        except PartHindered:
            return running, True
        except PartUnwell:
            if not is_recognisable(process, self.part.name, self.part.folder):
                raise StrangerRuns(
                    path=str(self.part.folder / RUNNING_NAME), holder=describe_process(running.pid)
                ) from None
            return running, False
        return running, True

    # Inside

    async def _watch(self) -> None:
        """Keep the part well until cancelled, or until there is no point in going on."""
        while True:
            reason = await self._wait_for_trouble()
            await self._clear()
            while True:
                wait_s = self._history.next_wait_s(time.monotonic())
                if wait_s is None:
                    pace = self._around.pace
                    count = f"{pace.give_up_after} restarts in {pace.give_up_window_s:g} s"
                    self._set("given_up", f"given up after {count}; the last time: {reason}")
                    return
                self._set("backing_off", reason, f"starting again in {wait_s:.1f} s: {reason}")
                await asyncio.sleep(wait_s)
                self._restarts += 1
                try:
                    await self._begin()
                    break
                except (PartFailed, PortHeld, StrangerRuns) as error:
                    reason = str(error.values.get("reason", error))
                    await self._clear()

    async def _begin(self) -> None:
        """Adopt what is well, replace what is sick, or start afresh; return when it is ready."""
        found = await self.find()
        if found is not None:
            running, is_well = found
            with contextlib.suppress(ProcessLookupError):
                self._run, self._running = adopt_run(running), running
                if is_well:
                    self._set("ready", "", f"runs already and was adopted, process {running.pid}")
                    return
                self._set("stopping", f"process {running.pid} is sick and is replaced")
            await self._clear()
        self.check_ports()
        self._set("starting", self._reason)
        started_s = time.monotonic()
        try:
            make_private(self.part.folder)
            run = start_run(self.part, self._log_path, self._around.reaper)
        except HomeUnusable as error:
            raise PartFailed(part=self.part.name, reason=str(error)) from None
        except OSError as error:
            reason = error.strerror or str(error)
            raise PartFailed(part=self.part.name, reason=reason) from None
        self._run, self._running = run, None
        self._running = await self._until_ready(run)
        self._set("ready", "", f"ready after {time.monotonic() - started_s:.1f} s")

    async def _until_ready(self, run: Run) -> Running:
        """Return the note of a run once it tells the truth; raise `PartFailed`."""
        limit_s = self.part.ready_timeout_s
        why = "it has not noted that it is ready"
        while time.monotonic() - run.started_s < limit_s:
            if run.is_over:
                raise self._failure(run, describe_end(run.ended.result()))
            running = read_running(self.part.folder)
            if running is not None and running.pid == run.pid:
                try:
                    await self._check(running)
                    return running
                except PartUnwell as error:
                    why = str(error)
            await asyncio.wait([run.ended], timeout=READY_POLL_S)
        raise self._failure(run, f"not ready after {limit_s:g} s: {why}")

    async def _wait_for_trouble(self) -> str:
        """Return what ended the run, or why it counts as sick."""
        run, running = self._run, self._running
        assert run is not None, "what is watched runs"
        assert running is not None, "what is watched was ready"
        pace, failures = self._around.pace, 0
        while True:
            await asyncio.wait([run.ended], timeout=pace.health_interval_s)
            if run.is_over:
                return describe_end(run.ended.result())
            try:
                await self._check(running)
            except PartHindered as error:
                failures = 0
                self._set("sick", str(error))
            except PartUnwell as error:
                failures += 1
                self._set("sick", str(error))
                if failures >= pace.sick_after:
                    return f"it was sick: {error}"
            else:
                if self._state == "sick":
                    self._set("ready", "", "well again")
                failures = 0

    async def _check(self, running: Running) -> None:
        await check_health(self.part.probe, running, self._around.pace.health_deadline_s)

    async def _check_patiently(self, running: Running) -> None:
        """Ask as often as it takes to call somebody sick; raise `PartUnwell`."""
        pace = self._around.pace
        for attempt in range(1, pace.sick_after + 1):
            try:
                await self._check(running)
                return
            except PartUnwell:
                if attempt == pace.sick_after or find_process(running) is None:
                    raise
            await asyncio.sleep(pace.health_interval_s / pace.sick_after)

    async def _clear(self) -> None:
        """End what runs and all that it started; remove its note."""
        run = self._run
        if run is None:
            return
        left = await end_run(run, self._around.pace.stop_grace_s, self._around.first_pids())
        if left:
            _log.warning("processes hang in the kernel", part=self.part.name, pids=left)
        remove_note(self.part.folder, run.pid)
        self._run = self._running = None

    async def _end_watching(self) -> None:
        task, self._watching = self._watching, None
        if task is None:
            return
        task.cancel()
        await asyncio.wait([task])

    def _tell_fault(self, task: asyncio.Task[None]) -> None:
        """A fault of ours leaves the part unwatched; nobody must take it for well."""
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("watching ended", error, part=self.part.name)
            self._set("given_up", f"nobody watches it, by a fault of the supervisor: {error}")

    def _failure(self, run: Run, reason: str) -> PartFailed:
        lines = read_tail(self._log_path, TAIL_LINES, start=run.log_offset)
        shown = "".join(f"\n    {line}" for line in lines)
        end = f"; its log ends:{shown}" if shown else "; its log is empty"
        return PartFailed(part=self.part.name, reason=reason + end)

    def _fail(self, error: SupervisorError) -> None:
        is_foreign = isinstance(error, PortHeld | StrangerRuns)
        reason = str(error.values.get("reason", error))
        self._set("foreign" if is_foreign else "given_up", reason)

    def _set(self, state: State, reason: str = "", message: str = "") -> None:
        """Take up a state; whoever listens hears of it once, or of each `message`."""
        is_news = state != self._state or bool(message)
        if state != self._state:
            self._since_ms = time.time_ns() // 1_000_000
        self._state, self._reason = state, reason
        if is_news:
            self._around.notebook.note(self.part.name, _LEVELS[state], message or reason or state)

    @property
    def _log_path(self) -> Path:
        return self._around.home.log(self.part.name)
