"""One private key in a file of its own, to carry it to another wallet or to a miner.

Sealed with a password unless hexadecimal is asked for by name. Such a file belongs to no network.
"""

from __future__ import annotations

import msgspec

from chaindeck.ledger.errors import RuleError
from chaindeck.ledger.strict_json import read_json
from chaindeck.wallet.envelope import decode_document, encode_document
from chaindeck.wallet.errors import KeystoreDamaged
from chaindeck.wallet.keys import KeySecret, key_secret_from_hex
from chaindeck.wallet.sealing import DEFAULT_COST, Cost, Sealed, seal, unseal

FORMAT = "chaindeck-key"

_SECRET = msgspec.json.Decoder(KeySecret)


class KeyFileForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a key file says, within its frame (`envelope`)."""

    sealed: Sealed


def export_key(secret: KeySecret, password: str, cost: Cost = DEFAULT_COST) -> bytes:
    """Return the sealed file of a key; raises `KeystorePasswordShort`."""
    sealed = seal(msgspec.json.encode(secret), password, FORMAT.encode(), cost)
    return encode_document(FORMAT, KeyFileForm(sealed))


def import_key(raw: bytes, password: str) -> KeySecret:
    """Read a sealed key file; raises a `KeystoreError`."""
    form = decode_document(raw, FORMAT, KeyFileForm)
    opened = unseal(form.sealed, password, FORMAT.encode())
    try:
        return key_secret_from_hex(read_json(opened, _SECRET).key)
    except RuleError:
        # The message could quote what was sealed.
        raise KeystoreDamaged(field="sealed", reason="what is sealed is no key") from None


def export_key_hex(secret: KeySecret) -> str:
    """Return the bare key, with which anybody can spend: only for who asked for just this."""
    return secret.key
