"""Looking into wallets: list, address, balance, history, label, rescan. None needs a password."""

from __future__ import annotations

import argparse
import itertools
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from chaindeck.cli.output import DONE, print_fields, print_table
from chaindeck.cli.wallet_files import holding, open_wallet, wallet_names, wallet_path
from chaindeck.cli.wallet_node import NodeView, open_client
from chaindeck.client import NodeClient
from chaindeck.ledger.errors import CodedError
from chaindeck.wallet.amounts import show_coins
from chaindeck.wallet.errors import AddressGap
from chaindeck.wallet.keys import HdKeys, SingleKey, WatchedAccount
from chaindeck.wallet.keystore import load_keystore, store_keystore
from chaindeck.wallet.payments import find_balance, recover_addresses
from chaindeck.wallet.wallet import Wallet

_KINDS = {HdKeys: "phrase", SingleKey: "key", WatchedAccount: "watches an account"}

_PAGE_ROWS = 1_000
"""What a node gives of one address at once, and of its payments that wait at all."""


def list_wallets(options: argparse.Namespace) -> int:
    """List all wallets; one that cannot be read is listed with what is wrong."""
    names = ("name", "kind", "network", "addresses", "state")
    print_table(names, [_row(name) for name in wallet_names()], as_json=options.json)
    return DONE


def address(options: argparse.Namespace) -> int:
    """Hand out an address nobody has seen, or list those that were."""
    if options.all:
        return _list_addresses(options, open_wallet(options).wallet)
    with holding(options.wallet) as path:
        keystore = open_wallet(options)
        wallet = keystore.wallet
        try:
            key_hash = wallet.next_receive()
        except AddressGap:
            # Some of them may have been paid since.
            with open_client(options) as client:
                recover_addresses(wallet, NodeView(client))
            key_hash = wallet.next_receive()
        shown = wallet.address(key_hash)
        if options.label:
            wallet.set_label(shown, options.label)
        store_keystore(path, keystore)
    print_fields({"address": shown}, as_json=options.json)
    return DONE


def balance(options: argparse.Namespace) -> int:
    wallet = open_wallet(options).wallet
    with open_client(options) as client:
        found = find_balance(wallet, NodeView(client))
        pending = _pending(client, wallet)
    if options.json:
        fields = {"spendable": found.spendable, "immature": found.immature, "pending": pending}
        print_fields(fields, as_json=True)
        return DONE
    amounts = {"spendable": found.spendable, "immature": found.immature, "pending": pending}
    print_fields({name: show_coins(units) for name, units in amounts.items()}, as_json=False)
    return DONE


def history(options: argparse.Namespace) -> int:
    """List what waits for a block, and what blocks did to the wallet, the newest first."""
    wallet = open_wallet(options).wallet
    with open_client(options) as client:
        tip = client.status().height
        places, waiting = _changes(client, wallet)
    rows: list[dict[str, Any]] = [
        {
            "height": None if options.json else "waiting",
            "confirmations": 0,
            "amount": units if options.json else show_coins(units),
            "transaction": tx_id,
        }
        for tx_id, units in sorted(waiting.items())
    ]
    rows += [
        {
            "height": height,
            "confirmations": tip - height + 1,
            "amount": units if options.json else show_coins(units),
            "transaction": tx_id,
        }
        for (height, _, tx_id), units in sorted(places.items(), reverse=True)
    ]
    names = ("height", "confirmations", "amount", "transaction")
    print_table(names, rows[: options.limit], as_json=options.json)
    return DONE


def label(options: argparse.Namespace) -> int:
    """Name an address, own or not; an empty text takes the name away."""
    with holding(options.wallet) as path:
        keystore = open_wallet(options)
        keystore.wallet.set_label(options.address, options.text)
        store_keystore(path, keystore)
    fields = {"address": options.address, "label": options.text}
    print_fields(fields, as_json=options.json)
    return DONE


def rescan(options: argparse.Namespace) -> int:
    """Find out from the node how far the wallet's addresses are in use."""
    with holding(options.wallet) as path, open_client(options) as client:
        keystore = open_wallet(options)
        recover_addresses(keystore.wallet, NodeView(client))
        store_keystore(path, keystore)
    progress = keystore.wallet.progress
    fields = {"received": progress.received, "change": progress.changed}
    print_fields(fields, as_json=options.json)
    return DONE


def _row(name: str) -> dict[str, Any]:
    try:
        wallet = load_keystore(wallet_path(name)).wallet
    except CodedError as error:
        return {
            "name": name, "kind": "", "network": "", "addresses": 0, "state": str(error.code),
        }  # fmt: skip
    kind = _KINDS.get(type(wallet.keys), "watches addresses")
    count = wallet.progress.handed or 1
    return {
        "name": name, "kind": kind, "network": wallet.network.prefix, "addresses": count,
        "state": "good",
    }  # fmt: skip


def _list_addresses(options: argparse.Namespace, wallet: Wallet) -> int:
    reach = max(wallet.progress.handed, wallet.progress.received)
    own = [wallet.address(key_hash) for key_hash in _handed_out(wallet, reach)]
    rows = [{"address": item, "label": wallet.labels.get(item, "")} for item in own]
    print_table(("address", "label"), rows, as_json=options.json)
    return DONE


def _handed_out(wallet: Wallet, reach: int) -> Iterator[Any]:
    """Yield receiving key hashes that somebody may know; all of a wallet that lists its own."""
    is_listed = not isinstance(wallet.keys, HdKeys | WatchedAccount)
    for key_hash in wallet.key_hashes():
        change, index = wallet.place_of(key_hash) or (0, 0)
        if is_listed or (not change and index < reach):
            yield key_hash


def _pending(client: NodeClient, wallet: Wallet) -> int:
    """Return what waiting transactions pay to the wallet, change included, unless spent again."""
    pages = (client.address(wallet.address(item), limit=_PAGE_ROWS) for item in wallet.key_hashes())
    coins = itertools.chain.from_iterable(page.pending for page in pages)
    return sum(coin.amount for coin in coins if coin.spent_by is None)


def _changes(
    client: NodeClient, wallet: Wallet
) -> tuple[dict[tuple[int, int, str], int], dict[str, int]]:
    """Return by transaction what it brought or took, over all addresses: in blocks, and waiting."""
    changes: dict[tuple[int, int, str], int] = defaultdict(int)
    waiting: dict[str, int] = defaultdict(int)
    for key_hash in wallet.key_hashes():
        text = wallet.address(key_hash)
        page = client.address(text, limit=_PAGE_ROWS)
        for row in client.history(text) if page.history_cursor else page.history:
            changes[row.height, row.index, row.tx_id] += row.received - row.spent
        for coin in page.pending:
            waiting[coin.tx_id] += coin.amount
        # Coins are many where payments wait are few, so they are not always walked.
        is_long = page.coins_cursor and page.balance.pending_out
        held = client.coins(text) if is_long else page.coins
        for spent in (*held, *page.pending):
            if spent.spent_by is not None:
                waiting[spent.spent_by] -= spent.amount
    # A block may have come while pages were asked for.
    for _, _, tx_id in changes:
        waiting.pop(tx_id, None)
    return changes, waiting
