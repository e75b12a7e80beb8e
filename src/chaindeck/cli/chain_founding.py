"""`chaindeck chain genesis` and `chaindeck chain key`: what a network needs before its first node.

A genesis document holds every rule of its network, which is known by the document's hash: whoever
changes one figure founds another network. So it is written once, and handed to all.
"""

from __future__ import annotations

import argparse
import secrets
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from chaindeck.cli.output import DONE, MISUSE, print_error, print_fields
from chaindeck.cli.wallet_amounts import parse_coins
from chaindeck.cli.wallet_files import open_wallet, wallet_name
from chaindeck.cli.wallet_passwords import add_password_option, read_password
from chaindeck.ledger import profiles
from chaindeck.ledger.addresses import encode_address
from chaindeck.ledger.errors import RuleError
from chaindeck.ledger.genesis import (
    PREFIX,
    Allocation,
    DifficultyRule,
    Genesis,
    build_network,
    encode_genesis,
)
from chaindeck.store.atomic import create_bytes
from chaindeck.store.key_file import SECRET_BYTES, create_key
from chaindeck.wallet.amounts import show_coins

if TYPE_CHECKING:
    from argparse import _SubParsersAction


def _bits(text: str) -> int:
    """Read a compact target as it is always written."""
    try:
        return int(text, 16)
    except ValueError:
        raise argparse.ArgumentTypeError(f"a target looks like 1e0fffff, not {text!r}") from None


def _reward(text: str) -> int:
    """Read an amount that may be none at all."""
    return 0 if text == "0" else parse_coins(text)


def _rule(text: str) -> str:
    rules = get_args(DifficultyRule)
    if text not in rules:
        raise argparse.ArgumentTypeError(f"one of {', '.join(rules)}, not {text!r}")
    return text


def _prefix(text: str) -> str:
    if not PREFIX.fullmatch(text):
        raise argparse.ArgumentTypeError(f"1 to 16 small letters, not {text!r}")
    return text


_PARAMETERS: tuple[tuple[str, str, Callable[[str], object], str], ...] = (
    ("address_prefix", "TEXT", _prefix, "what addresses begin with (default: deck)"),
    ("time_ms", "MS", int, "the moment of the first block (default: now)"),
    ("block_interval_ms", "MS", int, "the time between blocks (default: 10000)"),
    ("difficulty", "RULE", _rule, "how work adapts: step100, lwma60 or none (default: step100)"),
    ("easiest_bits", "HEX", _bits, "the easiest target, which it begins with (default: 1e0fffff)"),
    ("subsidy", "COINS", _reward, "the first block's reward (default: 25)"),
    ("halving_interval", "BLOCKS", int, "after which rewards halve (default: 1576800)"),
    ("maturity", "BLOCKS", int, "after which rewards may be spent (default: 100, local 10)"),
    ("max_block_bytes", "BYTES", int, "(default: 8000000)"),
    ("max_block_signatures", "N", int, "(default: 50000)"),
    (
        "mining_diversity_permille",
        "N",
        int,
        "of the miners, how many thousandths seal before one may again (default: 500)",
    ),
    ("checkpoint_quorum", "N", int, "signers that fix a block (default: a majority)"),
)
"""Fields of the document that a founder may choose beside who takes part."""


def add_actions(actions: _SubParsersAction[argparse.ArgumentParser]) -> None:
    _add_genesis(actions)
    _add_key(actions)


def _add_genesis(actions: _SubParsersAction[argparse.ArgumentParser]) -> None:
    action = actions.add_parser(
        "genesis",
        help="found a network: write its genesis document",
        description="Write the genesis document of a new network, for chaindeck node --genesis.",
    )
    action.add_argument("file", type=Path, metavar="FILE", help="must not be there yet")
    action.add_argument("--name", required=True, help="the network's name, like plant-7")
    action.add_argument(
        "--profile",
        choices=("consortium", "local"),
        default="consortium",
        help="listed miners in turns, or whoever mines (default: consortium)",
    )
    action.add_argument(
        "--miner", action="append", default=[], metavar="ADDRESS", help="may seal blocks; repeat"
    )
    action.add_argument(
        "--signer", action="append", default=[], metavar="ADDRESS", help="of checkpoints; repeat"
    )
    action.add_argument(
        "--allocate",
        action="append",
        nargs=2,
        default=[],
        metavar=("ADDRESS", "COINS"),
        help="coins that are there from the first block on; repeat",
    )
    for name, shown, reads, about in _PARAMETERS:
        action.add_argument(f"--{name.replace('_', '-')}", type=reads, metavar=shown, help=about)
    action.add_argument("--json", action="store_true", help="write the result as JSON")
    action.set_defaults(run=_genesis, parser=action)


def _add_key(actions: _SubParsersAction[argparse.ArgumentParser]) -> None:
    action = actions.add_parser(
        "key",
        help="make a key that seals blocks or signs checkpoints",
        description="Write a private key to a file for its owner alone, and show its address.",
    )
    action.add_argument("file", type=Path, metavar="FILE", help="must not be there yet")
    action.add_argument(
        "--address-prefix", type=_prefix, default="deck", metavar="TEXT", help="(default: deck)"
    )
    action.add_argument(
        "--wallet", type=wallet_name, metavar="NAME", help="take the key out of this wallet"
    )
    action.add_argument("--address", metavar="ADDRESS", help="whose key; by default its first")
    add_password_option(action)
    action.add_argument("--json", action="store_true", help="write the result as JSON")
    action.set_defaults(run=_key, parser=action)


def _genesis(options: argparse.Namespace) -> int:
    try:
        genesis = _document(options)
    except RuleError as error:
        print_error(f"{error} ({error.code}, at {error.field})")
        return MISUSE
    network = build_network(genesis)
    create_bytes(options.file, encode_genesis(genesis) + b"\n")
    allocated = sum(allocation.amount for allocation in genesis.allocations)
    fields = {
        "file": str(options.file),
        "name": genesis.name,
        "network_id": network.id.hex(),
        "miners": len(genesis.miners),
        "seal_window": network.seal_window,
        "checkpoint_signers": len(genesis.checkpoint_signers),
        "checkpoint_quorum": genesis.checkpoint_quorum,
        "allocated": allocated if options.json else show_coins(allocated),
    }
    print_fields(fields, as_json=options.json)
    return DONE


def _document(options: argparse.Namespace) -> Genesis:
    """Return the checked document; raise the `RuleError` that names the field."""
    chosen: dict[str, Any] = {name: getattr(options, name) for name, *_ in _PARAMETERS}
    fields = {name: value for name, value in chosen.items() if value is not None}
    fields.setdefault("time_ms", time.time_ns() // 1_000_000)
    fields["name"] = options.name
    fields["allocations"] = [Allocation(to, _coins(options, text)) for to, text in options.allocate]
    if options.profile == "local":
        _check_open(options)
        return profiles.local(**fields)
    if not options.miner:
        options.parser.error("a consortium has miners: name each with --miner ADDRESS")
    return profiles.consortium(**fields, miners=options.miner, checkpoint_signers=options.signer)


def _check_open(options: argparse.Namespace) -> None:
    given: Sequence[str] = options.miner or options.signer
    if given:
        options.parser.error("miners and signers are listed by --profile consortium alone")


def _coins(options: argparse.Namespace, text: str) -> int:
    """Read an amount that argparse cannot, because its option takes two words."""
    parser: argparse.ArgumentParser = options.parser
    try:
        return parse_coins(text)
    except argparse.ArgumentTypeError as error:
        parser.error(f"argument --allocate: {error}")


def _key(options: argparse.Namespace) -> int:
    prefix = options.address_prefix
    if options.wallet is None:
        secret = secrets.token_bytes(SECRET_BYTES)
    else:
        keystore = open_wallet(options)
        prefix = keystore.wallet.network.prefix
        address = options.address or keystore.wallet.address(keystore.wallet.key_hashes()[0])
        secret = keystore.unlock(read_password(options)).reveal_key(address).raw
    key = create_key(options.file, secret)
    fields = {"file": str(options.file), "address": encode_address(key.key_hash, prefix)}
    print_fields(fields, as_json=options.json)
    return DONE
