"""Wallets on disk: one JSON file each, whole or not at all, its secret sealed with a password.

The file shows which addresses the wallet has, how far they are used and what they are called, so
that a balance needs no password. Network and keys are bound to the seal: nobody can put another
account before a sealed phrase unnoticed, once it is opened. Labels and progress are not bound,
since they change without the password; whoever can write the file can change them.

docs/wallet.md has the schema. Writing goes through `chaindeck.store.atomic`; a missing file or a
full disk is that room's error.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from chaindeck.ledger.errors import RuleError
from chaindeck.ledger.strict_json import read_json
from chaindeck.ledger.types import NetworkId
from chaindeck.store import atomic
from chaindeck.wallet.envelope import canonical_json, decode_document, encode_document
from chaindeck.wallet.errors import KeystoreDamaged, KeystoreExists, WatchOnly
from chaindeck.wallet.keys import PublicKeys, Secret, checked_secret
from chaindeck.wallet.sealing import DEFAULT_COST, Cost, Sealed, seal, unseal
from chaindeck.wallet.types import NetworkIdentity
from chaindeck.wallet.wallet import Progress, Wallet

FORMAT = "chaindeck-wallet"

_SECRET = msgspec.json.Decoder(Secret)
_MODE = 0o600


class NetworkForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The network that the wallet belongs to."""

    id: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    prefix: Annotated[str, Meta(pattern="^[a-z]{1,16}$")]


class KeystoreForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a wallet file says, within its frame (`envelope`)."""

    network: NetworkForm
    keys: PublicKeys
    progress: Progress
    labels: dict[str, str]
    sealed: Sealed | None = None


class Keystore:
    """A wallet and the sealed form of its secret: the content of one file."""

    def __init__(self, wallet: Wallet, sealed: Sealed | None) -> None:
        self.wallet = wallet
        self._sealed = sealed

    def unlock(self, password: str) -> Wallet:
        """Open the wallet and return it.

        Raises `KeystoreWrongPassword`, `KeystoreDamaged`, `KeystoreCost` or `WatchOnly`.
        """
        if self._sealed is None:
            raise WatchOnly
        raw = unseal(self._sealed, password, _bound(self.wallet))
        try:
            secret = checked_secret(read_json(raw, _SECRET))
        except RuleError:
            # The message could quote what was sealed.
            raise KeystoreDamaged(field="sealed", reason="what is sealed is no secret") from None
        self.wallet.unlock(secret)
        return self.wallet

    def change_password(self, old: str, new: str, cost: Cost = DEFAULT_COST) -> None:
        """Seal the secret anew; `store_keystore` makes it last. Raises as `unlock` and `seal`."""
        secret = self.unlock(old).secret()
        self._sealed = _seal(self.wallet, secret, new, cost)

    def encode(self) -> bytes:
        wallet = self.wallet
        network = NetworkForm(wallet.network.id.hex(), wallet.network.prefix)
        form = KeystoreForm(
            network, wallet.keys, wallet.progress, dict(wallet.labels), self._sealed
        )
        return encode_document(FORMAT, form)


def protect(wallet: Wallet, password: str, cost: Cost = DEFAULT_COST) -> Keystore:
    """Return the keystore of an unlocked wallet.

    Raises `KeystorePasswordShort`, `KeystoreCost`, `WalletLocked` or `WatchOnly`.
    """
    return Keystore(wallet, _seal(wallet, wallet.secret(), password, cost))


def watch(wallet: Wallet) -> Keystore:
    """Return the keystore of a wallet that only watches, which needs no password."""
    assert wallet.is_watch_only, "a wallet with keys is protected"
    return Keystore(wallet, None)


def decode_keystore(raw: bytes) -> Keystore:
    """Read a wallet file; raise `KeystoreDamaged` or `KeystoreVersion`."""
    form = decode_document(raw, FORMAT, KeystoreForm)
    network = NetworkIdentity(NetworkId(bytes.fromhex(form.network.id)), form.network.prefix)
    try:
        wallet = Wallet(network, form.keys, progress=form.progress, labels=form.labels)
    except RuleError as error:
        raise KeystoreDamaged(field=error.field, reason=str(error)) from None
    if wallet.is_watch_only != (form.sealed is None):
        raise KeystoreDamaged(field="sealed", reason="it fits no wallet of this kind")
    return Keystore(wallet, form.sealed)


def load_keystore(path: Path) -> Keystore:
    """Read a wallet file, locked."""
    return decode_keystore(atomic.read_bytes(path))


def create_keystore(path: Path, keystore: Keystore, *, replace: bool = False) -> None:
    """Write a new wallet file; raise `KeystoreExists` rather than lose a wallet, unless told to."""
    if not replace:
        _claim(path)
    try:
        store_keystore(path, keystore)
    except BaseException:
        if not replace:
            path.unlink(missing_ok=True)
        raise


def store_keystore(path: Path, keystore: Keystore) -> None:
    """Replace a wallet file, readable by its owner alone; a crash leaves the old or the new one."""
    atomic.write_bytes(path, keystore.encode(), private=True)


def _claim(path: Path) -> None:
    """Take the name with an empty file, so that of two programs at once only one succeeds."""
    with atomic.translated(path):
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE))
        except FileExistsError:
            raise KeystoreExists(field="path") from None


def _seal(wallet: Wallet, secret: Secret, password: str, cost: Cost) -> Sealed:
    return seal(msgspec.json.encode(secret), password, _bound(wallet), cost)


def _bound(wallet: Wallet) -> bytes:
    """What the seal is bound to: whose keys these are, and on which network."""
    network = {"id": wallet.network.id.hex(), "prefix": wallet.network.prefix}
    return canonical_json({"format": FORMAT, "keys": wallet.keys, "network": network})
