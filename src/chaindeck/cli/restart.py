"""`chaindeck restart [PART]`: stop and start one part, also one that was given up, or all."""

from __future__ import annotations

import argparse
import os
from functools import partial
from typing import TYPE_CHECKING

from chaindeck.cli.output import DONE
from chaindeck.rpc.client import SupervisorClient
from chaindeck.supervisor.home import Home
from chaindeck.supervisor.remote import ask
from chaindeck.supervisor.settings import read_environment

if TYPE_CHECKING:
    from argparse import _SubParsersAction


def add_verb(verbs: _SubParsersAction[argparse.ArgumentParser]) -> None:
    verb = verbs.add_parser("restart", help="restart one part, or all of them")
    verb.add_argument("part", nargs="?", metavar="PART", help="its name; see status")
    verb.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    home = Home(read_environment(os.environ).folder)
    names = [options.part]
    if options.part is None:
        names = [part.name for part in ask(home, SupervisorClient.get_state).parts]
    for name in names:
        part = ask(home, partial(SupervisorClient.restart_part, name=name))
        print(f"{part.name:<12} {part.state}, process {part.pid}", flush=True)
    return DONE
