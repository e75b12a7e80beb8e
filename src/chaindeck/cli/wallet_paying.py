"""Paying: choose coins, show, confirm, sign, post, follow. Also in parts, for keys kept offline.

send NAME ADDRESS AMOUNT --draft FILE     on a machine with a network, from a watching wallet
sign NAME FILE                            on the machine with the keys
send NAME --signed FILE                   on the first one again
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from chaindeck.cli.output import DONE, FAILED, print_error, print_fields, progress_bar
from chaindeck.cli.wallet_amounts import parse_coins
from chaindeck.cli.wallet_files import holding, open_wallet
from chaindeck.cli.wallet_node import NodeView, open_client
from chaindeck.cli.wallet_passwords import confirm, read_password
from chaindeck.client import NodeClient
from chaindeck.ledger.addresses import decode_address
from chaindeck.ledger.types import Amount, Output, Payment, Transaction
from chaindeck.store.atomic import read_bytes, write_bytes
from chaindeck.wallet.amounts import show_coins
from chaindeck.wallet.drafts import Draft, draft_from_json, draft_to_json
from chaindeck.wallet.keystore import Keystore, store_keystore
from chaindeck.wallet.payments import draft_consolidation, draft_payment, draft_sweep, submit_draft
from chaindeck.wallet.signing import Preview, preview_draft, sign_draft
from chaindeck.wallet.wallet import Wallet

_POLL_S = 0.5


def send(options: argparse.Namespace) -> int:
    """Pay, write a draft of it, or post one that was signed elsewhere."""
    _check_arguments(options)
    with open_client(options) as client:
        with holding(options.wallet) as path:
            keystore = open_wallet(options)
            draft = _find_draft(options, keystore.wallet, NodeView(client))
            if options.draft is not None:
                return _write_draft(options, keystore.wallet, draft)
            transaction = _pay(options, keystore, draft, NodeView(client))
            if transaction is None:
                return FAILED
            store_keystore(path, keystore)
        fields = {"transaction": transaction.id.hex(), "fee": draft.fee, "status": "sent"}
        if options.wait:
            fields["status"] = _follow(options, client, transaction.id.hex())
        print_fields(fields, as_json=options.json)
    return DONE if fields["status"] in ("sent", "confirmed") else FAILED


def sign(options: argparse.Namespace) -> int:
    """Show what a draft would do, and add this wallet's signatures to its file."""
    keystore = open_wallet(options)
    draft = draft_from_json(read_bytes(options.file))
    _show(_preview(keystore.wallet, draft))
    if not confirm(options, "Sign it?"):
        print_error("nothing was signed")
        return FAILED
    signed = _sign(options, keystore, draft)
    target: Path = options.out or options.file
    write_bytes(target, draft_to_json(signed))
    missing = _preview(keystore.wallet, signed).missing
    fields = {"file": str(target), "missing_signatures": missing}
    print_fields(fields, as_json=options.json)
    return DONE


def _check_arguments(options: argparse.Namespace) -> None:
    """Exit with 2 unless it is said once what is to be paid."""
    wishes = [bool(options.payments), options.signed is not None, options.consolidate]
    if sum(wishes) != 1:
        options.parser.error("say what to pay: ADDRESS AMOUNT, --consolidate, or --signed FILE")
    if options.signed is not None and options.draft is not None:
        options.parser.error("--signed posts a draft and --draft writes one; take one of them")
    if options.all and len(options.payments) != 1:
        options.parser.error("--all pays everything to one ADDRESS, without an amount")
    if not options.all and len(options.payments) % 2:
        options.parser.error("each ADDRESS is followed by an AMOUNT in coins, such as 12.5")


def _find_draft(options: argparse.Namespace, wallet: Wallet, node: NodeView) -> Draft:
    if options.signed is not None:
        return draft_from_json(read_bytes(options.signed))
    now_s = int(time.time())
    rate = options.fee_per_kb
    if options.consolidate:
        return draft_consolidation(wallet, node, timestamp_s=now_s, fee_per_kb=rate)
    if options.all:
        to = decode_address(options.payments[0], wallet.network.prefix, field="address")
        return draft_sweep(wallet, node, to, timestamp_s=now_s, fee_per_kb=rate)
    outputs = _outputs(options, wallet.network.prefix)
    return draft_payment(wallet, node, outputs, timestamp_s=now_s, fee_per_kb=rate)


def _outputs(options: argparse.Namespace, prefix: str) -> list[Output]:
    outputs: list[Output] = []
    words = options.payments
    for address, text in zip(words[::2], words[1::2], strict=True):
        try:
            amount = parse_coins(text)
        except argparse.ArgumentTypeError as error:
            options.parser.error(str(error))
        outputs.append(Payment(decode_address(address, prefix, field="address"), Amount(amount)))
    return outputs


def _write_draft(options: argparse.Namespace, wallet: Wallet, draft: Draft) -> int:
    _show(_preview(wallet, draft))
    write_bytes(options.draft, draft_to_json(draft))
    fields = {"file": str(options.draft), "fee": draft.fee, "status": "to be signed"}
    print_fields(fields, as_json=options.json)
    return DONE


def _pay(
    options: argparse.Namespace, keystore: Keystore, draft: Draft, node: NodeView
) -> Transaction | None:
    """Show, confirm, sign unless it is signed, and post; None where the person said no."""
    _show(_preview(keystore.wallet, draft))
    if not confirm(options, "Pay this?"):
        print_error("nothing was paid")
        return None
    signed = draft if options.signed is not None else _sign(options, keystore, draft)
    return submit_draft(keystore.wallet, node, signed)


def _sign(options: argparse.Namespace, keystore: Keystore, draft: Draft) -> Draft:
    if keystore.wallet.is_locked and not keystore.wallet.is_watch_only:
        keystore.unlock(read_password(options, f"Password of {options.wallet}: "))
    return sign_draft(draft, keystore.wallet.network, keystore.wallet.signer)


def _preview(wallet: Wallet, draft: Draft) -> Preview:
    return preview_draft(draft, lambda key_hash: wallet.place_of(key_hash) is not None)


def _show(preview: Preview) -> None:
    """Write what signing would do, on standard error so that results stay alone."""
    for line in preview.payments:
        print(f"pays      {show_coins(line.amount):>20}  to {line.to}", file=sys.stderr)
    for line in preview.change:
        print(f"comes back{show_coins(line.amount):>20}  to {line.to}", file=sys.stderr)
    for text in preview.data:
        print(f"writes    {len(text) // 2:>20,}  bytes of data", file=sys.stderr)
    rate = f"{preview.fee_per_kb:,} base units a kilobyte"
    print(f"fee       {show_coins(preview.fee):>20}  ({rate})", file=sys.stderr)


def _follow(options: argparse.Namespace, client: NodeClient, tx_id: str) -> str:
    """Wait until the payment is deep enough; return its state then or when the time is over."""
    draw = progress_bar("waiting", "confirmations")
    deadline = time.monotonic() + options.wait_seconds
    while True:
        state = client.transaction(tx_id)
        depth = state.confirmations or 0
        draw(min(depth, options.wait), options.wait)
        if state.status == "confirmed" and depth >= options.wait:
            return "confirmed"
        if state.status == "dropped":
            print_error(f"the payment was dropped: {state.detail or state.reason}")
            return "dropped"
        if time.monotonic() > deadline:
            print_error(f"{depth} of {options.wait} confirmations after {options.wait_seconds:g} s")
            return "pooled" if not depth else "confirming"
        time.sleep(_POLL_S)
