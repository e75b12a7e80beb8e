"""`chaindeck manage`: Django's own commands on the records of this home."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from chaindeck.cli.output import FAILED, print_error
from chaindeck.control.setup import configure
from chaindeck.supervisor.settings import read_environment

if TYPE_CHECKING:
    from argparse import _SubParsersAction


def add_verb(verbs: _SubParsersAction[argparse.ArgumentParser]) -> None:
    verb = verbs.add_parser(
        "manage",
        help="run a command of Django on the records",
        description="Run a command of Django on the records of CHAINDECK_HOME or DATABASE_URL."
        " `chaindeck manage help` lists them.",
        add_help=False,
    )
    verb.add_argument("words", nargs=argparse.REMAINDER, metavar="COMMAND")
    verb.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    configure(read_environment(os.environ).folder)
    # Only now: a command may import models as soon as it is known.
    from django.core.management import CommandError, ManagementUtility  # noqa: PLC0415 - not before configure

    try:
        ManagementUtility(["chaindeck manage", *options.words]).execute()
    except CommandError as error:
        print_error(str(error))
        return FAILED
    return 0
