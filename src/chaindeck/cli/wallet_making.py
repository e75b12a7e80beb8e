"""Making wallets and taking secrets out of them: new, import, export, password."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from chaindeck.cli.output import DONE, FAILED, print_error, print_fields
from chaindeck.cli.wallet_files import holding, open_wallet, wallet_path
from chaindeck.cli.wallet_node import NodeView, open_client
from chaindeck.cli.wallet_passwords import (
    ask_secret,
    confirm,
    read_new_password,
    read_password,
    read_secret_file,
)
from chaindeck.client import ClientError
from chaindeck.ledger.genesis import build_network, decode_genesis
from chaindeck.store.atomic import write_bytes
from chaindeck.wallet.errors import KeystoreExists
from chaindeck.wallet.key_files import export_key, export_key_hex, import_key
from chaindeck.wallet.keys import (
    HdKeys,
    PhraseSecret,
    Secret,
    WatchedAccount,
    key_secret_from_hex,
    phrase_secret,
)
from chaindeck.wallet.keystore import (
    Keystore,
    create_keystore,
    load_keystore,
    protect,
    store_keystore,
    watch,
)
from chaindeck.wallet.mnemonics import generate_phrase
from chaindeck.wallet.payments import recover_addresses
from chaindeck.wallet.types import NetworkIdentity
from chaindeck.wallet.wallet import Wallet, hd_wallet, key_wallet, watch_account, watch_addresses

_WRITE_DOWN = """\
Write these words down on paper, in this order, and keep them where nobody else comes. Whoever
has them has the money; without them, a lost file or password cannot be replaced. They are shown
once."""


def new(options: argparse.Namespace) -> int:
    """Make a wallet, and show its recovery phrase once."""
    _check_new(options.wallet)
    network = _network(options)
    phrase = generate_phrase(options.words)
    wallet = hd_wallet(network, phrase_secret(phrase))
    keystore = protect(wallet, read_new_password(options))
    address = wallet.address(wallet.next_receive())
    _create(options.wallet, keystore)
    if not options.json:
        print(_WRITE_DOWN, file=sys.stderr)
    fields = {"wallet": options.wallet, "address": address, "recovery_phrase": phrase}
    print_fields(fields, as_json=options.json)
    return DONE


def bring_in(options: argparse.Namespace) -> int:
    """Make a wallet of a phrase, a key, or something to watch."""
    _check_new(options.wallet)
    network = _network(options)
    wallet = _imported(options, network)
    keystore = (
        watch(wallet) if wallet.is_watch_only else protect(wallet, read_new_password(options))
    )
    if options.genesis is None:
        with open_client(options) as client:
            recover_addresses(wallet, NodeView(client))
    _create(options.wallet, keystore)
    fields = {
        "wallet": options.wallet,
        "received_addresses": wallet.progress.received,
        "address": wallet.address(wallet.key_hashes()[0]),
    }
    print_fields(fields, as_json=options.json)
    return DONE


def export(options: argparse.Namespace) -> int:
    """Show or write a secret, after asking again; an account's public key needs no question."""
    keystore = open_wallet(options)
    if options.public:
        return _export_public(options, keystore.wallet)
    what = "recovery phrase" if options.phrase else f"private key of {options.key}"
    if not confirm(options, f"Whoever sees the {what} can spend. Go on?"):
        print_error("nothing was exported")
        return FAILED
    password = read_password(options, f"Password of {options.wallet}, again: ")
    wallet = keystore.unlock(password)
    if options.phrase:
        return _export_phrase(options, wallet.secret())
    secret = wallet.reveal_key(options.key)
    if options.file is None:
        print_fields({"private_key": export_key_hex(secret)}, as_json=options.json)
        return DONE
    write_bytes(options.file, export_key(secret, password), private=True)
    print_fields({"file": str(options.file)}, as_json=options.json)
    return DONE


def change_password(options: argparse.Namespace) -> int:
    """Seal a wallet anew under another password."""
    with holding(options.wallet) as path:
        keystore = open_wallet(options)
        old = read_password(options, "Old password: ")
        keystore.unlock(old)
        if options.new_password_file is not None:
            replacement = read_secret_file(options, options.new_password_file)
        else:
            options.password_file = None
            replacement = read_new_password(options)
        keystore.change_password(old, replacement)
        store_keystore(path, keystore)
    print_fields({"wallet": options.wallet, "password": "changed"}, as_json=options.json)
    return DONE


def _check_new(name: str) -> None:
    """Raise before anything is asked, rather than after."""
    if wallet_path(name).exists():
        raise KeystoreExists(field=str(wallet_path(name)))


def _create(name: str, keystore: Keystore) -> None:
    """Write the wallet, and read it back: what was just shown must not be for nothing."""
    with holding(name) as path:
        create_keystore(path, keystore)
        load_keystore(path)


def _network(options: argparse.Namespace) -> NetworkIdentity:
    """Return the network of a genesis file, else that of the node."""
    document: Path | None = options.genesis
    if document is not None:
        network = build_network(decode_genesis(document.read_bytes()))
        return NetworkIdentity(network.id, network.genesis.address_prefix)
    try:
        with open_client(options) as client:
            return NodeView(client).status().network
    except ClientError:
        print_error("a wallet belongs to a network: start a node, or name one with --genesis FILE")
        raise


def _imported(options: argparse.Namespace, network: NetworkIdentity) -> Wallet:
    if options.watch is not None:
        return watch_account(network, options.watch)
    if options.address:
        return watch_addresses(network, options.address)
    if options.key_file is not None:
        raw = options.key_file.read_bytes()
        prompt = f"Password of {options.key_file}: "
        return key_wallet(network, import_key(raw, read_password(options, prompt)))
    if options.key:
        return key_wallet(network, key_secret_from_hex(_read_secret(options, "Private key: ")))
    phrase = _read_secret(options, "Recovery phrase: ")
    passphrase = ask_secret(options, "Passphrase: ", "a terminal") if options.passphrase else ""
    return hd_wallet(network, phrase_secret(phrase, passphrase), options.account)


def _read_secret(options: argparse.Namespace, prompt: str) -> str:
    if options.secret_file is not None:
        return read_secret_file(options, options.secret_file)
    return ask_secret(options, prompt, "--secret-file FILE")


def _export_public(options: argparse.Namespace, wallet: Wallet) -> int:
    parser: argparse.ArgumentParser = options.parser
    keys = wallet.keys
    if not isinstance(keys, HdKeys | WatchedAccount):
        parser.error(f"{options.wallet} has no account, so it has no public account key")
    print_fields({"public_account_key": keys.public}, as_json=options.json)
    return DONE


def _export_phrase(options: argparse.Namespace, secret: Secret) -> int:
    parser: argparse.ArgumentParser = options.parser
    if not isinstance(secret, PhraseSecret):
        parser.error(f"{options.wallet} has one key and no phrase; use --key ADDRESS")
    fields = {"recovery_phrase": secret.phrase}
    if secret.passphrase:
        fields["passphrase"] = secret.passphrase
    print_fields(fields, as_json=options.json)
    return DONE
