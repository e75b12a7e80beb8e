"""`chaindeck coordinator`: run the coordinator in the foreground until it is told to stop."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from chaindeck.coordinator.process import run_coordinator
from chaindeck.coordinator.settings import read_settings

if TYPE_CHECKING:
    from argparse import _SubParsersAction

_ABOUT = """Run the coordinator in the foreground. It watches the nodes of config.json and of
NODE_URL, keeps records, and tells the control room what happens. Its settings are the variables
CHAINDECK_HOME, DATABASE_URL, REDIS_URL (or REDIS_HOST and REDIS_PORT), NODE_URL, CHAINDECK_GRPC,
LOG_LEVEL and LOG_FORMAT."""


def add_verb(verbs: _SubParsersAction[argparse.ArgumentParser]) -> None:
    verb = verbs.add_parser(
        "coordinator", help="run what stands behind the control room", description=_ABOUT
    )
    verb.set_defaults(run=run)


def run(_: argparse.Namespace) -> int:
    return run_coordinator(read_settings(os.environ))
