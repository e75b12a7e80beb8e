"""Looks for what keeps an installation from working, and says what to do about each.

It changes nothing, starts nothing, and needs nothing to run.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
import time
from collections.abc import Callable, Iterator
from typing import Literal

import msgspec

from chaindeck.kernel.errors import KernelMismatchError
from chaindeck.kernel.selftest import run_selftest
from chaindeck.ledger.errors import CodedError
from chaindeck.supervisor.control import find_supervisor
from chaindeck.supervisor.home import Home, is_read_only
from chaindeck.supervisor.identity import RUNNING_NAME, describe_process, find_process, read_running
from chaindeck.supervisor.limits import CLOCK_MIN_MS, LEAST_FREE_BYTES, LEAST_FREE_BYTES_AT_ALL
from chaindeck.supervisor.listeners import find_holder, is_held
from chaindeck.supervisor.settings import Config, load_config
from chaindeck.supervisor.tree import find_marked

Verdict = Literal["good", "warning", "bad"]
_OLDEST_PYTHON = (3, 11)
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_BYTES_IN_MB = 1024 * 1024


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at."""

    check: str
    verdict: Verdict
    detail: str
    remedy: str = ""


def examine(home: Home) -> list[Finding]:
    """Look at everything; raise nothing of what is wrong with it."""
    return [finding for check in _CHECKS for finding in check(home)]


def _python(_: Home) -> Iterator[Finding]:
    version = sys.version_info[:3]
    shown = ".".join(map(str, version))
    if version < _OLDEST_PYTHON:
        yield Finding("python", "bad", shown, "install Python 3.11 or newer")
    else:
        yield Finding("python", "good", shown)


def _kernel(_: Home) -> Iterator[Finding]:
    try:
        run_selftest()
    except KernelMismatchError as error:
        yield Finding("native code", "bad", str(error), "reinstall chaindeck for this machine")
    else:
        yield Finding("native code", "good", "agrees with its twin")


def _clock(_: Home) -> Iterator[Finding]:
    now_ms = time.time_ns() // 1_000_000
    shown = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now_ms / 1000))
    if now_ms < CLOCK_MIN_MS:
        yield Finding(
            "clock", "bad", shown, "set the clock: today's blocks look as from the future"
        )
    else:
        yield Finding("clock", "good", shown)


def _home(home: Home) -> Iterator[Finding]:
    folder = home.folder
    if not folder.exists():
        yield Finding("home", "good", f"{folder} is not there yet", "chaindeck up makes it")
        return
    status = folder.stat()
    if status.st_uid != os.getuid():
        remedy = "run chaindeck as the user whose it is"
        yield Finding("home", "bad", f"{folder} belongs to user {status.st_uid}", remedy)
    elif is_read_only(folder):
        remedy = "mount it for writing, or choose another CHAINDECK_HOME"
        yield Finding("home", "bad", f"{folder} is on a read-only disk", remedy)
    elif not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        yield Finding("home", "bad", f"{folder} cannot be written", f"chmod 700 {folder}")
    elif status.st_mode & _OTHERS:
        yield Finding("home", "warning", f"others can enter {folder}", f"chmod 700 {folder}")
    else:
        yield Finding("home", "good", str(folder))


def _disk(home: Home) -> Iterator[Finding]:
    folder = next(path for path in (home.folder, *home.folder.parents) if path.exists())
    free = shutil.disk_usage(folder).free
    shown = f"{free // _BYTES_IN_MB:,} MB free"
    remedy = f"make room on the disk of {folder}; nodes can keep fewer blocks (prune_mb)"
    if free < LEAST_FREE_BYTES_AT_ALL:
        yield Finding("disk", "bad", shown, remedy)
    elif free < LEAST_FREE_BYTES:
        yield Finding("disk", "warning", shown, remedy)
    else:
        yield Finding("disk", "good", shown)


def _secrets(home: Home) -> Iterator[Finding]:
    private = [home.secrets, *home.wallets.glob("*.json"), *home.nodes.glob("*/node.key")]
    open_ones = [path for path in private if path.exists() and path.stat().st_mode & _OTHERS]
    for path in open_ones:
        yield Finding("secrets", "bad", f"others can read {path}", f"chmod 600 {path}")
    if not open_ones:
        yield Finding("secrets", "good", "no other user can read them")


def _configuration(home: Home) -> Iterator[Finding]:
    if not home.config.exists():
        return
    try:
        config = load_config(home)
    except CodedError as error:
        yield Finding("configuration", "bad", str(error), f"correct {home.config}, or remove it")
        return
    yield Finding("configuration", "good", f"{len(config.nodes)} nodes")
    yield from _ports(home, config)


def _ports(home: Home, config: Config) -> Iterator[Finding]:
    ours = {process.pid for process in find_marked(home.folder)}
    wanted = {port: node.name for node in config.nodes for port in (node.api_port, node.p2p_port)}
    for port, part in {**wanted, config.web_port: "web"}.items():
        if not is_held(port):
            continue
        holder = find_holder(port)
        if holder in ours:
            continue
        detail = f"{port}, which {part} needs, is held by {describe_process(holder)}"
        yield Finding("port", "bad", detail, f"stop it, or choose another port in {home.config}")


def _notes(home: Home) -> Iterator[Finding]:
    """Notes that name processes which are gone: harmless, and a sign that something was killed."""
    for path in sorted(
        [*home.folder.glob(f"*/{RUNNING_NAME}"), *home.nodes.glob(f"*/{RUNNING_NAME}")]
    ):
        running = read_running(path.parent)
        if running is None:
            yield Finding("note", "warning", f"{path} cannot be read", f"rm {path}")
        elif find_process(running) is None:
            detail = f"{path} names process {running.pid}, which has ended"
            yield Finding("note", "warning", detail, "chaindeck up removes it")


def _supervisor(home: Home) -> Iterator[Finding]:
    pid = find_supervisor(home)
    leftovers = [] if pid is not None else find_marked(home.folder)
    for process in leftovers:
        detail = f"{describe_process(process.pid)} was left behind by a supervisor that was killed"
        yield Finding("leftover", "bad", detail, "chaindeck down ends it")
    yield Finding("supervisor", "good", f"process {pid}" if pid else "none runs")


_CHECKS: tuple[Callable[[Home], Iterator[Finding]], ...] = (
    _python,
    _kernel,
    _clock,
    _home,
    _disk,
    _secrets,
    _configuration,
    _notes,
    _supervisor,
)
