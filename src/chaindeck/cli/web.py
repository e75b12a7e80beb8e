"""`chaindeck web`: run the control room in the foreground until it is told to stop."""

from __future__ import annotations

import argparse
import asyncio
import os
from typing import TYPE_CHECKING

import uvloop

from chaindeck.control.config import LOOPBACK, read_config
from chaindeck.control.process import run_web
from chaindeck.supervisor.settings import read_environment

if TYPE_CHECKING:
    from argparse import _SubParsersAction


def add_verb(verbs: _SubParsersAction[argparse.ArgumentParser]) -> None:
    verb = verbs.add_parser(
        "web",
        help="run the control room",
        description="Run the control room in the foreground. Settings come from the environment:"
        " CHAINDECK_HOME, CHAINDECK_PORT, DATABASE_URL, ALLOWED_ORIGINS, LOG_LEVEL, LOG_FORMAT.",
    )
    verb.add_argument(
        "--host",
        default=LOOPBACK,
        help="where to listen; elsewhere than on this machine needs https in ALLOWED_ORIGINS",
    )
    verb.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    home = read_environment(os.environ).folder
    config = read_config(os.environ, options.host)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(run_web(home, config))
