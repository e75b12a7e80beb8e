"""The verbs of the command line, and what becomes of their errors."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from chaindeck import __version__
from chaindeck.cli import chain, demo
from chaindeck.cli.output import FAILED, REFUSED, print_error
from chaindeck.ledger.errors import RuleError
from chaindeck.store.errors import StoreError, StoreLocked

_VERBS = (demo, chain)
_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.run(options)
    except StoreLocked as error:
        return _say(error, REFUSED)
    except (RuleError, StoreError) as error:
        return _say(error, FAILED)
    except OSError as error:
        print_error(f"{error.filename or 'system'}: {error.strerror}")
        return FAILED
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return _INTERRUPTED
    return code


def _say(error: RuleError | StoreError, code: int) -> int:
    field = getattr(error, "field", None)
    print_error(f"{error} ({error.code}{f', at {field}' if field else ''})")
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
