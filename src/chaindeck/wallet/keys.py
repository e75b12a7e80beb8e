"""What a wallet's keys are: the public side, which its file shows, and the secret side, sealed.

The public side says which addresses are the wallet's; the secret side signs for them, and hides
itself from every repr.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from coincurve import PrivateKey
from msgspec import Meta

from chaindeck.ledger.signatures import SigningKey
from chaindeck.ledger.types import KeyHash
from chaindeck.wallet.accounts import account_node
from chaindeck.wallet.errors import PrivateKeyForm
from chaindeck.wallet.hd import HARDENED, PrivateNode, master_node
from chaindeck.wallet.limits import MAX_WATCHED_ADDRESSES
from chaindeck.wallet.mnemonics import decode_phrase, normalize_phrase, phrase_seed

_KEY_BYTES = 32


class HdKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="hd"):
    """An account of a tree of keys; its phrase is sealed."""

    public: str
    """The account's extended public key."""

    account: Annotated[int, Meta(ge=0, lt=HARDENED)] = 0


class SingleKey(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="key"
):
    """One key, for a miner or a program; it is sealed."""

    address: str


class WatchedAccount(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="account"
):
    """Somebody's account, seen through its extended public key."""

    public: str


class WatchedAddresses(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="addresses"
):
    """Addresses, seen one by one."""

    addresses: Annotated[tuple[str, ...], Meta(min_length=1, max_length=MAX_WATCHED_ADDRESSES)]


PublicKeys = HdKeys | SingleKey | WatchedAccount | WatchedAddresses


class PhraseSecret(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="phrase"
):
    """A recovery phrase with its passphrase."""

    phrase: str
    passphrase: str = ""

    def __repr__(self) -> str:
        return "PhraseSecret(hidden)"

    def account(self, account: int) -> PrivateNode:
        return account_node(master_node(phrase_seed(self.phrase, self.passphrase)), account)


class KeySecret(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="key"
):
    """One private key, in hexadecimal."""

    key: str

    def __repr__(self) -> str:
        return "KeySecret(hidden)"

    @property
    def raw(self) -> bytes:
        return bytes.fromhex(self.key)

    @property
    def key_hash(self) -> KeyHash:
        return SigningKey(self.raw).key_hash


Secret = PhraseSecret | KeySecret


def phrase_secret(phrase: str, passphrase: str = "") -> PhraseSecret:
    """Check a phrase and keep it; raises a `PhraseError`."""
    decode_phrase(phrase)
    return PhraseSecret(normalize_phrase(phrase), passphrase)


def key_secret(raw: bytes) -> KeySecret:
    """Check a private key and keep it; raises `PrivateKeyForm`."""
    if len(raw) != _KEY_BYTES:
        raise PrivateKeyForm(field="key", reason=f"it has {_KEY_BYTES} bytes")
    try:
        PrivateKey(raw)
    except ValueError:
        raise PrivateKeyForm(field="key", reason="it is zero or above the curve's order") from None
    return KeySecret(raw.hex())


def key_secret_from_hex(text: str) -> KeySecret:
    """Read a private key from 64 hexadecimal digits; raises `PrivateKeyForm`."""
    try:
        raw = bytes.fromhex(text.strip())
    except ValueError:
        raise PrivateKeyForm(field="key", reason="it is not hexadecimal") from None
    return key_secret(raw)


def checked_secret(secret: Secret) -> Secret:
    """Return a secret that was read from somewhere; raises a `WalletError` for one of no use."""
    if isinstance(secret, KeySecret):
        return key_secret_from_hex(secret.key)
    return phrase_secret(secret.phrase, secret.passphrase)
