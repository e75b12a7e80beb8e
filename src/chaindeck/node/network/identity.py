"""The node's own key: made at the first start, kept for its owner alone."""

from __future__ import annotations

import secrets
from pathlib import Path

from chaindeck.ledger.signatures import SigningKey
from chaindeck.node.errors import NodeKeyInvalid
from chaindeck.store.atomic import write_bytes

KEY_NAME = "node.key"
_SECRET_BYTES = 32


def load_node_key(folder: Path) -> SigningKey:
    """Return the key of a data directory, a new one if it has none; raise `NodeKeyInvalid`."""
    path = folder / KEY_NAME
    try:
        text = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        text = secrets.token_hex(_SECRET_BYTES)
        write_bytes(path, text.encode() + b"\n", private=True)
    except (OSError, UnicodeDecodeError) as error:
        raise NodeKeyInvalid(path=str(path), reason=str(error)) from error
    try:
        secret = bytes.fromhex(text)
        if len(secret) == _SECRET_BYTES:
            # Nought, and numbers beyond the curve's order, are no keys.
            return SigningKey(secret)
    except ValueError:
        pass
    raise NodeKeyInvalid(path=str(path), reason="not 64 hexadecimal digits of a private key")
