"""A private key in a file of its own: 64 hexadecimal digits, for its owner alone.

For keys that machines use without a person beside them, to seal blocks or to be known by peers.
Keys that hold money belong in a wallet, under a password.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from chaindeck.ledger.signatures import SigningKey
from chaindeck.store.atomic import create_bytes, read_bytes
from chaindeck.store.errors import FileInvalid

SECRET_BYTES: Final = 32


def load_key(path: Path) -> SigningKey:
    """Return the key of a file; raise `FileMissing`, `FileInvalid` or `InputOutput`."""
    try:
        secret = bytes.fromhex(read_bytes(path).decode("ascii").strip())
        if len(secret) == SECRET_BYTES:
            # Nought, and numbers beyond the curve's order, are no keys.
            return SigningKey(secret)
    except ValueError:
        # What was read is not told: it may be most of a key.
        pass
    raise FileInvalid(path=str(path), reason="not 64 hexadecimal digits of a private key") from None


def create_key(path: Path, secret: bytes) -> SigningKey:
    """Write a key and return it; raise `FileTaken` rather than lose one."""
    create_bytes(path, encode_key(secret), private=True)
    return load_key(path)


def encode_key(secret: bytes) -> bytes:
    return secret.hex().encode() + b"\n"
