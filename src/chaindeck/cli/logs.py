"""`chaindeck logs [PART]`: the last lines of what parts print, and what comes."""

from __future__ import annotations

import argparse
import os
import time
from typing import TYPE_CHECKING

from chaindeck.cli.output import DONE, FAILED, print_error
from chaindeck.supervisor.errors import PartUnknown
from chaindeck.supervisor.home import Home
from chaindeck.supervisor.limits import FOLLOW_POLL_S, MAX_LOG_LINES
from chaindeck.supervisor.logs import LogFollower, read_tail
from chaindeck.supervisor.settings import read_environment

if TYPE_CHECKING:
    from argparse import _SubParsersAction

_DEFAULT_LINES = 20


def add_verb(verbs: _SubParsersAction[argparse.ArgumentParser]) -> None:
    verb = verbs.add_parser("logs", help="show what parts print")
    verb.add_argument("part", nargs="?", metavar="PART", help="one part (default: all)")
    verb.add_argument("-f", "--follow", action="store_true", help="go on until Ctrl-C")
    verb.add_argument(
        "-n",
        "--lines",
        type=_line_count,
        default=_DEFAULT_LINES,
        metavar="N",
        help=f"how many of the last lines of each (default: {_DEFAULT_LINES})",
    )
    verb.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    home = Home(read_environment(os.environ).folder)
    known = sorted(path.stem for path in home.logs.glob("*.log"))
    if not known:
        print_error(
            f"there are no logs in {home.folder} yet; `chaindeck up` starts what writes them"
        )
        return FAILED
    names = known if options.part is None else [options.part]
    if options.part is not None and options.part not in known:
        raise PartUnknown(name=options.part, names=", ".join(known))
    followers = {name: LogFollower(home.log(name)) for name in names}
    for name in names:
        _show(name, read_tail(home.log(name), options.lines), is_alone=len(names) == 1)
    while options.follow:
        for name, follower in followers.items():
            _show(name, list(follower.read()), is_alone=len(names) == 1)
        time.sleep(FOLLOW_POLL_S)
    return DONE


def _show(name: str, lines: list[str], *, is_alone: bool) -> None:
    for line in lines:
        print(line if is_alone else f"{name:<12} {line}", flush=True)


def _line_count(text: str) -> int:
    if not text.isdecimal() or int(text) > MAX_LOG_LINES:
        raise argparse.ArgumentTypeError(f"a number from 0 to {MAX_LOG_LINES}, not {text!r}")
    return int(text)
