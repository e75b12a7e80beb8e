"""Addresses: bech32m (BIP 350) of a network's prefix, the version 0 and a key hash.

A checksum over prefix and digits catches every change of up to four characters, and an address of
another network is told apart from a typing error.
"""

from __future__ import annotations

import functools
import operator

from chaindeck.ledger.errors import (
    AddressChecksum,
    AddressError,
    AddressForm,
    AddressPrefix,
    AddressVersion,
)
from chaindeck.ledger.limits import MAX_ADDRESSES_KNOWN
from chaindeck.ledger.types import KeyHash

_DIGITS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_DIGIT_VALUES = {character: value for value, character in enumerate(_DIGITS)}
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_FOLDED = tuple(
    functools.reduce(operator.xor, (_GENERATOR[place] for place in range(5) if top >> place & 1), 0)
    for top in range(32)
)
"""What the five bits that leave the checksum fold back into it."""

_BECH32M = 0x2BC830A3
_CHECKSUM_DIGITS = 6
_KEY_HASH_BYTES = 20
_KEY_HASH_DIGITS = 32
_VERSION = 0
_MAX_CHARACTERS = 90


def encode_address(key_hash: KeyHash, prefix: str) -> str:
    """Return the address of a key hash on the network with this prefix."""
    digits = [_VERSION, *_to_digits(key_hash)]
    checksum = _polymod([*_expand(prefix), *digits, *bytes(_CHECKSUM_DIGITS)]) ^ _BECH32M
    digits += [(checksum >> 5 * (5 - place)) & 31 for place in range(_CHECKSUM_DIGITS)]
    return prefix + "1" + "".join(_DIGITS[digit] for digit in digits)


def decode_address(address: str, prefix: str, *, field: str | None = None) -> KeyHash:
    """Return the key hash of an address, which may be written in capitals.

    Raises `AddressForm`, `AddressChecksum`, `AddressPrefix` or `AddressVersion`, naming `field`.
    """
    try:
        return _decode(address, prefix)
    except AddressError as error:
        error.field = field
        raise


@functools.lru_cache(MAX_ADDRESSES_KNOWN)
def _decode(address: str, prefix: str) -> KeyHash:
    actual_prefix, digits = _split(address)
    if _polymod([*_expand(actual_prefix), *digits]) != _BECH32M:
        raise AddressChecksum
    if actual_prefix != prefix:
        raise AddressPrefix(actual=actual_prefix, expected=prefix)
    payload = digits[:-_CHECKSUM_DIGITS]
    if not payload or payload[0] != _VERSION:
        raise AddressVersion(version=payload[0] if payload else -1)
    if len(payload) != 1 + _KEY_HASH_DIGITS:
        raise AddressForm(reason=f"{len(address)} characters are not its length")
    return KeyHash(_from_digits(payload[1:]))


def _split(address: str) -> tuple[str, list[int]]:
    if len(address) > _MAX_CHARACTERS:
        raise AddressForm(reason=f"{len(address)} characters are too many")
    if address not in (address.lower(), address.upper()):
        raise AddressForm(reason="it mixes capitals and small letters")
    prefix, separator, rest = address.lower().rpartition("1")
    if not separator or not prefix or len(rest) < _CHECKSUM_DIGITS:
        raise AddressForm(reason="it has no prefix, the digit 1 and a checksum")
    if not all("!" <= character <= "~" for character in prefix):
        raise AddressForm(reason="its prefix has a character outside ASCII")
    unknown = next((character for character in rest if character not in _DIGIT_VALUES), None)
    if unknown is not None:
        raise AddressForm(reason=f"{unknown!r} is not one of its digits")
    return prefix, [_DIGIT_VALUES[character] for character in rest]


def _expand(prefix: str) -> list[int]:
    codes = prefix.encode()
    return [*(code >> 5 for code in codes), 0, *(code & 31 for code in codes)]


def _polymod(values: list[int]) -> int:
    checksum = 1
    for value in values:
        checksum = (checksum & 0x1FFFFFF) << 5 ^ value ^ _FOLDED[checksum >> 25]
    return checksum


def _to_digits(key_hash: bytes) -> list[int]:
    number = int.from_bytes(key_hash, "big")
    return [number >> 5 * place & 31 for place in reversed(range(_KEY_HASH_DIGITS))]


def _from_digits(digits: list[int]) -> bytes:
    number = 0
    for digit in digits:
        number = number << 5 | digit
    return number.to_bytes(_KEY_HASH_BYTES, "big")
