"""Reading JSON into a declared shape, with errors that name the field by its path."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from chaindeck.ledger.errors import JsonShape, JsonSyntax

Form = TypeVar("Form")


def read_json(raw: bytes, decoder: msgspec.json.Decoder[Form]) -> Form:
    """Return what the bytes say, or raise `JsonSyntax` or `JsonShape`."""
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `$")
        raise JsonShape(field=path.lstrip(".").rstrip("`") or None, reason=reason) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise JsonSyntax(reason=str(error)) from None
