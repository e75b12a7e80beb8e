"""`chaindeck down`: stop everything, and return when all of it is gone."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from chaindeck.cli.output import DONE
from chaindeck.supervisor.control import shut_down
from chaindeck.supervisor.home import Home
from chaindeck.supervisor.settings import read_environment

if TYPE_CHECKING:
    from argparse import _SubParsersAction


def add_verb(verbs: _SubParsersAction[argparse.ArgumentParser]) -> None:
    verb = verbs.add_parser("down", help="stop everything that up started")
    verb.set_defaults(run=run)


def run(_: argparse.Namespace) -> int:
    home = Home(read_environment(os.environ).folder)
    print("stopped" if shut_down(home) else "nothing was running")
    return DONE
