"""The JSON schemas of the wallet's files, for other programs. docs/wallet.md prints them."""

from __future__ import annotations

from typing import Any

import msgspec

from chaindeck.wallet import key_files, keystore
from chaindeck.wallet.drafts import FORMAT as DRAFT_FORMAT
from chaindeck.wallet.drafts import DraftDocument
from chaindeck.wallet.envelope import VERSION


def file_schemas() -> dict[str, dict[str, Any]]:
    """Return the schema of each file format, by the name that its `format` field has."""
    return {
        keystore.FORMAT: _framed(keystore.FORMAT, keystore.KeystoreForm),
        key_files.FORMAT: _framed(key_files.FORMAT, key_files.KeyFileForm),
        DRAFT_FORMAT: msgspec.json.schema(DraftDocument),
    }


def _framed(file_format: str, form: type[msgspec.Struct]) -> dict[str, Any]:
    """Add what `envelope` adds."""
    schema = msgspec.json.schema(form)
    content = schema["$defs"][form.__name__]
    frame: dict[str, Any] = {
        "checksum": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
        "format": {"enum": [file_format]},
        "version": {"enum": [VERSION]},
    }
    content["properties"] = {**frame, **content["properties"]}
    content["required"] = [*frame, *content["required"]]
    return schema
