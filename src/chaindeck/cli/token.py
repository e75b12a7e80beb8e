"""`chaindeck token`: tokens for a node's API, made, listed and taken back where the node's data is.

A running node goes by what is written here from its next request on; a stopped one need not run.
"""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from chaindeck.cli.output import DONE, print_fields, print_table
from chaindeck.cli.places import add_data_option, data_directory
from chaindeck.node.api.tokens import SCOPES, TokenBook, check_label
from chaindeck.node.errors import TokenForm
from chaindeck.store.errors import FileMissing

if TYPE_CHECKING:
    from argparse import _SubParsersAction

_KEEP = (
    "Keep it where nobody else comes: it is shown once, and whoever has it may do as its holder."
)


def add_verb(verbs: _SubParsersAction[argparse.ArgumentParser]) -> None:
    verb = verbs.add_parser(
        "token",
        help="make, list and take back tokens for a node's API",
        description="Tokens for a node's API. The node may be running; it notices at once.",
    )
    actions = verb.add_subparsers(title="actions", metavar="ACTION", required=True)
    making = _add(actions, "new", "make a token and show it, once")
    making.add_argument("name", type=_name, metavar="NAME", help="whom or what it is for")
    making.add_argument(
        "--scope",
        action="append",
        choices=SCOPES,
        required=True,
        help="what its holder may do; repeat for more, as none contains another",
    )
    _add(actions, "list", "list the tokens, without what is secret")
    revoking = _add(actions, "revoke", "take a token back")
    revoking.add_argument("name", metavar="NAME")


def _add(
    actions: _SubParsersAction[argparse.ArgumentParser], name: str, about: str
) -> argparse.ArgumentParser:
    action = actions.add_parser(name, help=about, description=about[0].upper() + about[1:] + ".")
    add_data_option(action)
    action.add_argument("--json", action="store_true", help="write the result as JSON")
    action.set_defaults(run=_ACTIONS[name])
    return action


def _new(options: argparse.Namespace) -> int:
    token = _open(options).create_token(options.scope, options.name)
    if not options.json:
        print(_KEEP, file=sys.stderr)
    scopes = _ordered(options.scope)
    shown = scopes if options.json else " ".join(scopes)
    fields = {"name": options.name, "scopes": shown, "token": token}
    print_fields(fields, as_json=options.json)
    return DONE


def _list(options: argparse.Namespace) -> int:
    rows = [
        {
            "name": record.label,
            "scopes": list(record.scopes) if options.json else " ".join(record.scopes),
            "made": datetime.fromtimestamp(record.created_ms // 1000, UTC).isoformat(),
        }
        for record in _open(options).records()
    ]
    print_table(("name", "scopes", "made"), rows, as_json=options.json)
    return DONE


def _revoke(options: argparse.Namespace) -> int:
    record = _open(options).revoke(options.name)
    print_fields({"name": record.label, "token": "revoked"}, as_json=options.json)
    return DONE


def _open(options: argparse.Namespace) -> TokenBook:
    folder: Path = data_directory(options)
    if not folder.is_dir():
        raise FileMissing(path=str(folder))
    return TokenBook(folder)


def _name(text: str) -> str:
    try:
        check_label(text)
    except TokenForm as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def _ordered(scopes: list[str]) -> list[str]:
    return [scope for scope in SCOPES if scope in scopes]


_ACTIONS = {"new": _new, "list": _list, "revoke": _revoke}
