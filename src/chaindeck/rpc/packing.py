"""Between protobuf messages and frozen values, by the names of their fields.

Protobuf stays behind this module: no other room sees a message.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from chaindeck.rpc.errors import RequestInvalid

F = TypeVar("F", bound=msgspec.Struct)
_JSON_END = "_json"


def write_message(form: msgspec.Struct, kind: type[Message]) -> Message:
    """Return a value as a message."""
    message = kind()
    _fill(message, form)
    return message


def read_message(message: Message, shape: type[F]) -> F:
    """Return a message as a value; raise `RequestInvalid` where a field says nothing sensible."""
    try:
        return msgspec.convert(_read(message), shape)
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RequestInvalid(reason=str(error)) from None


def _fill(message: Message, form: msgspec.Struct) -> None:
    for field in message.DESCRIPTOR.fields:
        name = field.name
        if name.endswith(_JSON_END):
            data = msgspec.json.encode(getattr(form, name.removesuffix(_JSON_END)))
            setattr(message, name, data)
            continue
        value = getattr(form, name)
        if value is None:
            continue
        if field.type != FieldDescriptor.TYPE_MESSAGE:
            _set_plain(message, field, value)
        elif field.is_repeated:
            repeated = getattr(message, name)
            for item in value:
                _fill(repeated.add(), item)
        else:
            inner = getattr(message, name)
            inner.SetInParent()
            _fill(inner, value)


def _set_plain(message: Message, field: Any, value: Any) -> None:  # noqa: ANN401 - any scalar
    if field.is_repeated:
        getattr(message, field.name).extend(value)
    else:
        setattr(message, field.name, value)


def _read(message: Message) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for field in message.DESCRIPTOR.fields:
        name, value = field.name, getattr(message, field.name)
        if name.endswith(_JSON_END):
            values[name.removesuffix(_JSON_END)] = msgspec.json.decode(value) if value else {}
        elif field.is_repeated:
            is_plain = field.type != FieldDescriptor.TYPE_MESSAGE
            values[name] = tuple(value) if is_plain else tuple(map(_read, value))
        elif field.has_presence and not message.HasField(name):
            values[name] = None
        else:
            values[name] = _read(value) if field.type == FieldDescriptor.TYPE_MESSAGE else value
    return values
