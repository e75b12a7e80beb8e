"""`chaindeck replay`: live through a capture of a node's network side, and say if it matches."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from chaindeck.cli.output import DONE, FAILED, print_fields
from chaindeck.protocol.recording import replay
from chaindeck.protocol.records import read_records
from chaindeck.store.atomic import translated

if TYPE_CHECKING:
    from argparse import _SubParsersAction


def add_verb(verbs: _SubParsersAction[argparse.ArgumentParser]) -> None:
    verb = verbs.add_parser(
        "replay",
        help="live through a capture of a node's network side",
        description="Give a new machine all that a captured one was told, step by step, and name"
        " the first step in which it does something else. Ends with 1 if there is one.",
    )
    verb.add_argument("file", type=Path, metavar="FILE", help="what a node wrote to captures/")
    verb.add_argument("--json", action="store_true", help="write the result as JSON")
    verb.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    with translated(options.file), options.file.open("rb") as file:
        result = replay(read_records(file.read))
    fields: dict[str, object] = {"steps": result.steps, "verdict": "it matches"}
    if result.difference is not None:
        fields |= {
            "verdict": result.difference.reason,
            "differs_at_step": result.difference.step,
            "input": result.difference.input,
            "time_ms": result.difference.now_ms,
        }
    print_fields(fields, as_json=options.json)
    return DONE if result.difference is None else FAILED
