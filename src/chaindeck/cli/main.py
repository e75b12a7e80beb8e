"""The verbs of the command line and their options."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from chaindeck import __version__
from chaindeck.cli import demo


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = _parser().parse_args(arguments)
    code: int = options.run(options)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="chaindeck",
        description="Run, watch and prove a private or consortium blockchain with one command.",
    )
    parser.add_argument("--version", action="version", version=f"chaindeck {__version__}")
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    demo.add_verb(verbs)
    return parser
