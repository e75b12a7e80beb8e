"""`chaindeck systemd install`: write the unit by which systemd keeps everything."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from chaindeck.cli.output import DONE
from chaindeck.store.atomic import write_bytes
from chaindeck.supervisor.home import make_private
from chaindeck.supervisor.parts import own_command
from chaindeck.supervisor.settings import read_environment
from chaindeck.supervisor.systemd import plan_unit

if TYPE_CHECKING:
    from argparse import _SubParsersAction


def add_verb(verbs: _SubParsersAction[argparse.ArgumentParser]) -> None:
    verb = verbs.add_parser("systemd", help="let systemd start everything")
    actions = verb.add_subparsers(title="actions", metavar="ACTION", required=True)
    install = actions.add_parser(
        "install",
        help="write the unit",
        description="Write a unit that starts everything at boot, with 1 GB of memory, half a core,"
        " and no access to the rest of the machine. It is not started.",
    )
    install.add_argument("--user", action="store_true", help="for your own systemd, without root")
    install.add_argument("--print", action="store_true", help="only show the unit")
    install.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    folder = read_environment(os.environ).folder
    plan = plan_unit(folder, own_command(), for_user=options.user)
    if options.print:
        print(plan.text, end="")
        return DONE
    # What lies in it is made by `up`, as its owner: this may run as root.
    make_private(folder)
    plan.path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(plan.path, plan.text.encode())
    print(f"wrote {plan.path}, for {folder}: 1 GB of memory, half a core; both are set in it")
    print("to start it now and at every boot:")
    for command in plan.commands:
        print(f"    {command}")
    return DONE
