"""`chaindeck status`: what runs, and whether it is well; exit code 0 only when all of it is."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from chaindeck.cli.output import DONE, FAILED, print_error, print_json, print_table
from chaindeck.rpc.forms import Part
from chaindeck.supervisor.control import find_supervisor
from chaindeck.supervisor.errors import NotRunning
from chaindeck.supervisor.home import Home
from chaindeck.supervisor.measures import Usage, measure
from chaindeck.supervisor.remote import find_states
from chaindeck.supervisor.settings import read_environment

if TYPE_CHECKING:
    from argparse import _SubParsersAction

_COLUMNS = ("part", "state", "pid", "since", "restarts", "cpu", "memory", "address")
_UNITS = (("d", 86_400), ("h", 3_600), ("m", 60))


def add_verb(verbs: _SubParsersAction[argparse.ArgumentParser]) -> None:
    verb = verbs.add_parser("status", help="show what runs, and whether it is well")
    verb.add_argument("--json", action="store_true", help="write JSON")
    verb.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    home = Home(read_environment(os.environ).folder)
    parts = find_states(home)
    usages = measure([part.pid for part in parts if part.pid])
    if options.json:
        print_json([_fields(part, usages) for part in parts])
    elif parts:
        print_table(_COLUMNS, [_row(part, usages) for part in parts], as_json=False)
    for line in _problems(home, parts):
        print_error(line)
    return DONE if parts and all(part.state == "ready" for part in parts) else FAILED


def _problems(home: Home, parts: Sequence[Part]) -> list[str]:
    """Say once what is wrong with all of it, else what is wrong with each."""
    if not parts:
        return [f"there is nothing in {home.folder} yet; `chaindeck up` makes it"]
    if find_supervisor(home) is None:
        return [str(NotRunning(path=str(home.folder)))]
    return [
        f"{part.name}: {part.reason}" for part in parts if part.reason and part.state != "ready"
    ]


def _fields(part: Part, usages: dict[int, Usage]) -> dict[str, Any]:
    usage = usages.get(part.pid or 0)
    return {
        **msgspec.structs.asdict(part),
        "cpu_percent": usage.cpu_percent if usage else None,
        "memory_bytes": usage.memory_bytes if usage else None,
    }


def _row(part: Part, usages: dict[int, Usage]) -> dict[str, Any]:
    usage = usages.get(part.pid or 0)
    return {
        "part": part.name,
        "state": part.state,
        "pid": part.pid or "-",
        "since": show_age(time.time() - part.since_ms / 1000) if part.since_ms else "-",
        "restarts": part.restarts,
        "cpu": f"{usage.cpu_percent:.1f} %" if usage else "-",
        "memory": f"{usage.memory_bytes / 2**20:.0f} MB" if usage else "-",
        "address": part.address or "-",
    }


def show_age(seconds: float) -> str:
    """Return a time in its two largest units: 3 d 4 h, 12 m 5 s."""
    left, shown = max(0, round(seconds)), []
    for unit, length in _UNITS:
        if left >= length:
            shown.append(f"{left // length} {unit}")
            left %= length
    return " ".join([*shown, f"{left} s"][:2])
