"""The verbs of the command line, and what becomes of their errors."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from chaindeck import __version__
from chaindeck.cli import bench, chain, demo, node, replay, simulate, wallet
from chaindeck.cli.output import FAILED, MISUSE, REFUSED, print_error
from chaindeck.ledger.errors import CodedError
from chaindeck.node.errors import ConfigError, PortTaken
from chaindeck.store.errors import StoreLocked

_VERBS = (node, wallet, chain, simulate, replay, bench, demo)
_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.run(options)
    except ConfigError as error:
        return _say(error, MISUSE)
    except (StoreLocked, PortTaken) as error:
        return _say(error, REFUSED)
    except CodedError as error:
        return _say(error, FAILED)
    except OSError as error:
        print_error(f"{error.filename or 'system'}: {error.strerror}")
        return FAILED
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return _INTERRUPTED
    return code


def _say(error: CodedError, code: int) -> int:
    where = f", at {error.field}" if error.field else ""
    print_error(f"{error} ({error.code}{where})")
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="chaindeck",
        description="Run, watch and prove a private or consortium blockchain with one command.",
    )
    parser.add_argument("--version", action="version", version=f"chaindeck {__version__}")
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for verb in _VERBS:
        verb.add_verb(verbs)
    return parser
