"""`chaindeck doctor`: what keeps this installation from working, and what to do about it."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

import msgspec

from chaindeck.cli.output import DONE, FAILED, print_table
from chaindeck.supervisor.doctor import examine
from chaindeck.supervisor.home import Home
from chaindeck.supervisor.settings import read_environment

if TYPE_CHECKING:
    from argparse import _SubParsersAction


def add_verb(verbs: _SubParsersAction[argparse.ArgumentParser]) -> None:
    verb = verbs.add_parser("doctor", help="look for what is wrong here, and say what to do")
    verb.add_argument("--json", action="store_true", help="write JSON")
    verb.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Exit with 1 where something is bad; warnings alone are no failure."""
    findings = examine(Home(read_environment(os.environ).folder))
    rows = [msgspec.structs.asdict(finding) for finding in findings]
    print_table(("check", "verdict", "detail", "remedy"), rows, as_json=options.json)
    return FAILED if any(finding.verdict == "bad" for finding in findings) else DONE
