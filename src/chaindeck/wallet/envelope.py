"""The frame of the wallet's own files: JSON with a format, a version and a checksum.

    {"checksum": sha256 of the rest in canonical JSON, "format": ..., "version": ..., ...}

The checksum is no secret and stops nobody; it tells a torn or damaged file from a wrong password,
and from a file of a later version. Canonical means sorted names and no spaces.
"""

from __future__ import annotations

import hashlib
from typing import Any, TypeVar

import msgspec

from chaindeck.ledger.errors import RuleError
from chaindeck.ledger.strict_json import read_json
from chaindeck.wallet.errors import KeystoreDamaged, KeystoreVersion
from chaindeck.wallet.limits import MAX_KEYSTORE_BYTES

Form = TypeVar("Form")
VERSION = 1

_DOCUMENT = msgspec.json.Decoder(dict[str, Any])


def canonical_json(value: object) -> bytes:
    return msgspec.json.encode(value, order="sorted")


def encode_document(file_format: str, form: msgspec.Struct) -> bytes:
    """Return the file, indented for people, with its frame."""
    rest = {"format": file_format, "version": VERSION, **msgspec.to_builtins(form)}
    document = {"checksum": _checksum(rest), **rest}
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def decode_document(raw: bytes, file_format: str, form: type[Form]) -> Form:
    """Read what `encode_document` wrote; raise `KeystoreDamaged` or `KeystoreVersion`."""
    if len(raw) > MAX_KEYSTORE_BYTES:
        raise KeystoreDamaged(reason=f"it has {len(raw)} bytes, at most {MAX_KEYSTORE_BYTES}")
    try:
        rest = read_json(raw, _DOCUMENT)
        checksum = rest.pop("checksum", None)
        actual = _checksum(rest)
    except RuleError as error:
        raise KeystoreDamaged(reason=str(error)) from None
    if checksum != actual:
        raise KeystoreDamaged(field="checksum", reason="its checksum does not match")
    _check_version(rest, file_format)
    try:
        return msgspec.convert(rest, form)
    except msgspec.ValidationError as error:
        raise KeystoreDamaged(reason=str(error)) from None


def _check_version(rest: dict[str, Any], file_format: str) -> None:
    actual, version = rest.pop("format", None), rest.pop("version", None)
    if (actual, version) != (file_format, VERSION):
        raise KeystoreVersion(
            actual=f"{actual} version {version}"[:100], expected=f"{file_format} version {VERSION}"
        )


def _checksum(rest: dict[str, Any]) -> str:
    return hashlib.sha256(canonical_json(rest)).hexdigest()
