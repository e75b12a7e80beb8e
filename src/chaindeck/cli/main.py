"""The verbs of the command line, and what becomes of their errors."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from chaindeck import __version__
from chaindeck.cli.output import FAILED, MISUSE, REFUSED, print_error
from chaindeck.cli.parser import Parser
from chaindeck.control.errors import WebPortTaken, WebSettingInvalid
from chaindeck.coordinator.errors import SettingInvalid as CoordinatorSettingInvalid
from chaindeck.ledger.errors import CodedError
from chaindeck.node.errors import ConfigError, PortTaken
from chaindeck.records.errors import DatabaseUrlInvalid
from chaindeck.rpc.errors import AddressInvalid, AddressTaken
from chaindeck.store.errors import StoreLocked
from chaindeck.supervisor.errors import Refused, SettingInvalid

_VERBS = (
    "up",
    "down",
    "status",
    "restart",
    "logs",
    "doctor",
    "systemd",
    "payments",
    "node",
    "token",
    "coordinator",
    "web",
    "manage",
    "wallet",
    "chain",
    "verify",
    "simulate",
    "replay",
    "bench",
    "demo",
)
"""Each is the name of a module here. Only the one that was asked for is imported: a node has no use
for what the others need, and starts in a third of the time."""

_INTERRUPTED = 130
_UNHEARD = 141
"""What a shell says of a program that the signal of a broken pipe ended."""

_MISUSED = (
    AddressInvalid,
    ConfigError,
    CoordinatorSettingInvalid,
    DatabaseUrlInvalid,
    SettingInvalid,
    WebSettingInvalid,
)
_REFUSED = (AddressTaken, PortTaken, Refused, StoreLocked, WebPortTaken)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        return _run(given)
    except _MISUSED as error:
        return _say(error, MISUSE)
    except _REFUSED as error:
        return _say(error, REFUSED)
    except CodedError as error:
        return _say(error, FAILED)
    except BrokenPipeError:
        # Whoever reads has seen enough, as `head` does.
        _let_go_of_output()
        return _UNHEARD
    except OSError as error:
        print_error(f"{error.filename or 'system'}: {error.strerror}")
        _let_go_of_output()
        return FAILED
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return _INTERRUPTED


def _run(given: Sequence[str]) -> int:
    try:
        options = _parser(given[:1]).parse_args(given)
        code: int = options.run(options)
        return code
    finally:
        # What cannot be written is told of while there is somebody to tell it.
        sys.stdout.flush()


def _let_go_of_output() -> None:
    """Leave nothing in a buffer that nobody takes, or the interpreter tries again as it ends."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _say(error: CodedError, code: int) -> int:
    where = f", at {error.field}" if error.field else ""
    print_error(f"{error} ({error.code}{where})")
    return code


def _parser(first: Sequence[str]) -> argparse.ArgumentParser:
    """Return a parser of the verb that the first argument names, else of all verbs."""
    parser = Parser(
        prog="chaindeck",
        description="Run, watch and prove a private or consortium blockchain with one command.",
    )
    parser.add_argument("--version", action="version", version=f"chaindeck {__version__}")
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name in [verb for verb in _VERBS if verb in first] or _VERBS:
        importlib.import_module(f"chaindeck.cli.{name}").add_verb(verbs)
    return parser
