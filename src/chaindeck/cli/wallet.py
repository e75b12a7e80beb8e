"""`chaindeck wallet`: keep keys, see what they hold, and pay."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from chaindeck.cli import wallet_looking, wallet_making, wallet_paying
from chaindeck.cli.wallet_files import wallet_name
from chaindeck.cli.wallet_node import add_node_options
from chaindeck.cli.wallet_passwords import add_password_option

if TYPE_CHECKING:
    from argparse import _SubParsersAction

Run = Callable[[argparse.Namespace], int]
_DEFAULT_ROWS = 50
_WAIT_S = 600.0


def add_verb(verbs: _SubParsersAction[argparse.ArgumentParser]) -> None:
    verb = verbs.add_parser(
        "wallet",
        help="make wallets, see what they hold, and pay",
        description="Wallets lie in $CHAINDECK_HOME/wallets, one file each.",
    )
    actions = verb.add_subparsers(title="actions", metavar="ACTION", required=True)
    _add_making(actions)
    _add_looking(actions)
    _add_paying(actions)


def _add_making(actions: _SubParsersAction[argparse.ArgumentParser]) -> None:
    making = _add(actions, "new", "make a wallet and show its recovery phrase", wallet_making.new)
    making.add_argument("--words", type=int, choices=(12, 24), default=24, help="(default: 24)")
    _add_genesis(making)
    add_password_option(making)
    bringing = _add(
        actions, "import", "make a wallet of a phrase, a key or an address", wallet_making.bring_in
    )
    _add_sources(bringing)
    _add_genesis(bringing)
    add_password_option(bringing)
    exporting = _add(actions, "export", "show what a wallet keeps secret", wallet_making.export)
    what = exporting.add_mutually_exclusive_group(required=True)
    what.add_argument("--phrase", action="store_true", help="the recovery phrase")
    what.add_argument("--key", metavar="ADDRESS", help="the private key of one address")
    what.add_argument(
        "--public", action="store_true", help="the account's public key, to watch it elsewhere"
    )
    exporting.add_argument(
        "--file", type=Path, metavar="FILE", help="write the key sealed, with the same password"
    )
    _add_yes(exporting)
    add_password_option(exporting)
    changing = _add(actions, "password", "change the password", wallet_making.change_password)
    changing.add_argument("--new-password-file", type=Path, metavar="FILE", help="the new one")
    add_password_option(changing)


def _add_sources(action: argparse.ArgumentParser) -> None:
    source = action.add_mutually_exclusive_group(required=True)
    source.add_argument("--phrase", action="store_true", help="a recovery phrase, asked for")
    source.add_argument("--key", action="store_true", help="a private key, asked for")
    source.add_argument("--key-file", type=Path, metavar="FILE", help="a sealed key file")
    source.add_argument("--watch", metavar="XPUB", help="an account's public key, only to watch")
    source.add_argument(
        "--address", action="append", metavar="ADDRESS", help="an address, only to watch"
    )
    action.add_argument(
        "--secret-file", type=Path, metavar="FILE", help="read phrase or key from this file"
    )
    action.add_argument("--passphrase", action="store_true", help="ask for a passphrase too")
    action.add_argument("--account", type=_count, default=0, metavar="N", help="(default: 0)")


def _add_looking(actions: _SubParsersAction[argparse.ArgumentParser]) -> None:
    listing = actions.add_parser("list", help="list all wallets", description="List all wallets.")
    listing.add_argument("--json", action="store_true", help="write the result as JSON")
    listing.set_defaults(run=wallet_looking.list_wallets, parser=listing)
    handing = _add(actions, "address", "hand out a new address", wallet_looking.address)
    handing.add_argument("--all", action="store_true", help="list those that were handed out")
    handing.add_argument("--label", metavar="TEXT", help="what to call it")
    _add(actions, "balance", "ask a node what the wallet holds", wallet_looking.balance)
    past = _add(actions, "history", "list past payments, the newest first", wallet_looking.history)
    past.add_argument(
        "--limit", type=_count, default=_DEFAULT_ROWS, metavar="N", help="rows (default: 50)"
    )
    naming = _add(actions, "label", "give an address a name", wallet_looking.label)
    naming.add_argument("address", metavar="ADDRESS")
    naming.add_argument("text", metavar="TEXT", help="empty to take the name away")
    _add(actions, "rescan", "find out how far the addresses are in use", wallet_looking.rescan)


def _add_paying(actions: _SubParsersAction[argparse.ArgumentParser]) -> None:
    sending = _add(actions, "send", "pay, now or in parts", wallet_paying.send)
    sending.add_argument(
        "payments", nargs="*", metavar="PAYMENT", help="ADDRESS AMOUNT, the amount in coins; repeat"
    )
    sending.add_argument("--all", action="store_true", help="pay all there is to one ADDRESS")
    sending.add_argument("--consolidate", action="store_true", help="merge small coins")
    sending.add_argument(
        "--fee-per-kb", type=_count, metavar="UNITS", help="(default: as the moment asks for)"
    )
    sending.add_argument(
        "--draft", type=Path, metavar="FILE", help="write the payment to sign elsewhere"
    )
    sending.add_argument("--signed", type=Path, metavar="FILE", help="post a draft that is signed")
    sending.add_argument(
        "--wait", type=_count, default=0, metavar="N", help="wait for so many confirmations"
    )
    sending.add_argument(
        "--wait-seconds", type=float, default=_WAIT_S, metavar="S", help="but no longer"
    )
    _add_yes(sending)
    add_password_option(sending)
    signing = _add(actions, "sign", "sign a draft; needs no node", wallet_paying.sign)
    signing.add_argument("file", type=Path, metavar="FILE")
    signing.add_argument("--out", type=Path, metavar="FILE", help="(default: the same file)")
    _add_yes(signing)
    add_password_option(signing)


def _add(
    actions: _SubParsersAction[argparse.ArgumentParser], name: str, about: str, run: Run
) -> argparse.ArgumentParser:
    action = actions.add_parser(name, help=about, description=about[0].upper() + about[1:] + ".")
    action.add_argument("wallet", type=wallet_name, metavar="NAME", help="the wallet's name")
    add_node_options(action)
    action.add_argument("--json", action="store_true", help="write the result as JSON")
    action.set_defaults(run=run, parser=action)
    return action


def _add_genesis(action: argparse.ArgumentParser) -> None:
    action.add_argument(
        "--genesis", type=Path, metavar="FILE", help="the network's document, instead of a node"
    )


def _add_yes(action: argparse.ArgumentParser) -> None:
    action.add_argument("--yes", action="store_true", help="do not ask to confirm")


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"a number from 0 up, not {text!r}")
    return int(text)
