"""The node's own key: made at the first start, kept for its owner alone."""

from __future__ import annotations

import secrets
from pathlib import Path

from chaindeck.ledger.signatures import SigningKey
from chaindeck.node.errors import NodeKeyInvalid
from chaindeck.store.atomic import write_bytes
from chaindeck.store.errors import FileInvalid, FileMissing, InputOutput
from chaindeck.store.key_file import SECRET_BYTES, encode_key, load_key

KEY_NAME = "node.key"


def load_node_key(folder: Path) -> SigningKey:
    """Return the key of a data directory, a new one if it has none; raise `NodeKeyInvalid`."""
    path = folder / KEY_NAME
    try:
        return load_key(path)
    except FileMissing:
        # Whole or not at all: an empty file would stop the next start.
        write_bytes(path, encode_key(secrets.token_bytes(SECRET_BYTES)), private=True)
        return load_key(path)
    except (FileInvalid, InputOutput) as error:
        raise NodeKeyInvalid(path=str(path), reason=error.values["reason"]) from error
