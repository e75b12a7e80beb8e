"""What is made when `up` finds it missing: configuration, secrets, the operator's wallet.

Everything that is there stays as it is, and is checked.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from chaindeck.ledger import profiles
from chaindeck.ledger.genesis import build_network
from chaindeck.rpc.access import Secrets
from chaindeck.supervisor.home import Home, make_home
from chaindeck.supervisor.settings import (
    DEFAULT_NODES,
    DEFAULT_WEB_PORT,
    Config,
    Wishes,
    check_nodes,
    load_config,
    load_home_secrets,
    resize,
    store_config,
)
from chaindeck.wallet.keys import phrase_secret
from chaindeck.wallet.keystore import create_keystore, load_keystore, protect
from chaindeck.wallet.mnemonics import generate_phrase
from chaindeck.wallet.types import NetworkIdentity
from chaindeck.wallet.wallet import Wallet, hd_wallet


class Installation(msgspec.Struct, frozen=True):
    """A home that is ready to be started."""

    home: Home
    config: Config
    payee: str
    """The operator's address, which mined blocks pay."""


def prepare(wishes: Wishes, *, nodes: int | None = None, demo: bool | None = None) -> Installation:
    """Make what is missing and return what is to run; the command line wins over the environment.

    Raises `SettingInvalid`, `HomeUnusable`, or an error of the store or the wallet.
    """
    count = check_nodes("--nodes", nodes) if nodes is not None else wishes.nodes
    home = make_home(wishes.folder)
    with _one_at_a_time(home):
        config = _config(home, count, wishes.web_port, is_demo=demo)
        secrets = load_home_secrets(home)
        return Installation(home, config, _payee(home, secrets))


def local_network() -> NetworkIdentity:
    """Return the network that new installations are on."""
    network = build_network(profiles.local())
    return NetworkIdentity(network.id, network.genesis.address_prefix)


def new_wallet(network: NetworkIdentity) -> Wallet:
    """Return an unlocked wallet with a new phrase, and one address handed out."""
    wallet = hd_wallet(network, phrase_secret(generate_phrase(24)))
    wallet.next_receive()
    return wallet


def _config(home: Home, count: int | None, web_port: int | None, *, is_demo: bool | None) -> Config:
    """Return the configuration with what was asked for; written only where that changes it."""
    before = load_config(home) if home.config.exists() else None
    after = before or Config(nodes=())
    after = msgspec.structs.replace(
        after,
        web_port=web_port or (after.web_port if before else DEFAULT_WEB_PORT),
        demo=after.demo if is_demo is None else is_demo,
    )
    if count is not None or not before:
        after = resize(after, count or DEFAULT_NODES)
    if after != before:
        store_config(home, after)
    return after


def open_or_make(path: Path, secrets: Secrets) -> Wallet:
    """Return a wallet; made, and sealed with the home's password, if its file is missing."""
    # An empty file is what a crash leaves of one that was being made.
    is_torn = path.exists() and not path.stat().st_size
    if path.exists() and not is_torn:
        return load_keystore(path).wallet
    wallet = new_wallet(local_network())
    create_keystore(path, protect(wallet, secrets.wallet_password), replace=is_torn)
    return wallet


def _payee(home: Home, secrets: Secrets) -> str:
    wallet = open_or_make(home.operator_wallet, secrets)
    return wallet.address(wallet.key_hashes()[0])


@contextlib.contextmanager
def _one_at_a_time(home: Home) -> Iterator[None]:
    """Let two first starts make one home between them; the lock is on the folder itself."""
    descriptor = os.open(home.supervisor, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
