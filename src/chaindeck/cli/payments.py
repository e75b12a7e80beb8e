"""`chaindeck payments`: the demonstration's owners pay each other until it is told to stop."""

from __future__ import annotations

import argparse
import asyncio
import os
from typing import TYPE_CHECKING

from chaindeck.cli.output import DONE
from chaindeck.supervisor.home import Home
from chaindeck.supervisor.payments import run_payments
from chaindeck.supervisor.settings import read_environment

if TYPE_CHECKING:
    from argparse import _SubParsersAction


def add_verb(verbs: _SubParsersAction[argparse.ArgumentParser]) -> None:
    verb = verbs.add_parser(
        "payments",
        help="let a few wallets pay each other, for a demonstration",
        description="Let a few wallets of the home pay each other about once a second, funded by"
        " the operator's. `chaindeck up --demo` runs it.",
    )
    verb.set_defaults(run=run)


def run(_: argparse.Namespace) -> int:
    asyncio.run(run_payments(Home(read_environment(os.environ).folder)))
    return DONE
