"""Base58 with a checksum: how extended keys are written since BIP 32. Addresses use bech32m."""

from __future__ import annotations

from chaindeck.kernel import hash256
from chaindeck.wallet.errors import ExtendedKeyForm

_DIGITS = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_DIGIT_VALUES = {character: value for value, character in enumerate(_DIGITS)}
_CHECKSUM_BYTES = 4
_MAX_CHARACTERS = 200
"""An extended key has 111; decoding takes quadratic time."""


def encode_base58(payload: bytes) -> str:
    """Return the payload and its checksum in digits, with a `1` for each leading zero byte."""
    data = payload + hash256(payload)[:_CHECKSUM_BYTES]
    number = int.from_bytes(data, "big")
    digits = []
    while number:
        number, digit = divmod(number, 58)
        digits.append(_DIGITS[digit])
    return _DIGITS[0] * _leading(data, 0) + "".join(reversed(digits))


def decode_base58(text: str) -> bytes:
    """Return the payload, or raise `ExtendedKeyForm` for a wrong digit, length or checksum."""
    if len(text) > _MAX_CHARACTERS:
        raise ExtendedKeyForm(reason=f"{len(text)} characters are too many")
    number = 0
    for position, character in enumerate(text, start=1):
        if character not in _DIGIT_VALUES:
            raise ExtendedKeyForm(reason=f"character {position} is not one of its digits")
        number = number * 58 + _DIGIT_VALUES[character]
    data = bytes(_leading(text, _DIGITS[0])) + number.to_bytes(
        (number.bit_length() + 7) // 8, "big"
    )
    payload, checksum = data[:-_CHECKSUM_BYTES], data[-_CHECKSUM_BYTES:]
    if len(data) < _CHECKSUM_BYTES or hash256(payload)[:_CHECKSUM_BYTES] != checksum:
        raise ExtendedKeyForm(reason="it has a typing error: its checksum does not match")
    return payload


def _leading(items: bytes | str, item: int | str) -> int:
    return next((place for place, here in enumerate(items) if here != item), len(items))
