"""Recovery phrases (BIP 39): 12 or 24 English words that hold a whole wallet, checksum included.

The words encode 128 or 256 random bits. All keys come from the seed, which a further passphrase
may salt: another passphrase is another wallet, never an error.
"""

from __future__ import annotations

import functools
import hashlib
import secrets
import unicodedata
from typing import Literal

from mnemonic import Mnemonic

from chaindeck.wallet.errors import PhraseChecksum, PhraseLength, PhraseWord

_ENTROPY_BYTES = {12: 16, 24: 32}
_BITS_PER_WORD = 11
_SEED_ROUNDS = 2048


def generate_phrase(words: Literal[12, 24] = 24) -> str:
    """Draw a new phrase from the system's random source."""
    return encode_phrase(secrets.token_bytes(_ENTROPY_BYTES[words]))


def encode_phrase(entropy: bytes) -> str:
    """Return the words for 16 or 32 bytes of entropy."""
    assert len(entropy) in _ENTROPY_BYTES.values(), "only lengths that decode are encoded"
    checksum_bits = len(entropy) // 4
    number = int.from_bytes(entropy, "big") << checksum_bits | _checksum(entropy)
    count = (8 * len(entropy) + checksum_bits) // _BITS_PER_WORD
    words = _words()
    return " ".join(
        words[number >> _BITS_PER_WORD * place & 2047] for place in reversed(range(count))
    )


def decode_phrase(phrase: str) -> bytes:
    """Return the entropy of a phrase, whatever its spaces and capitals.

    Raises `PhraseLength`, `PhraseWord` with the position of the first unknown word, or
    `PhraseChecksum`. None of them repeats a word.
    """
    words = normalize_phrase(phrase).split(" ")
    entropy_bytes = _ENTROPY_BYTES.get(len(words))
    if entropy_bytes is None:
        raise PhraseLength(field="phrase", count=len(words))
    places, number = _places(), 0
    for position, word in enumerate(words, start=1):
        if word not in places:
            raise PhraseWord(field="phrase", position=position)
        number = number << _BITS_PER_WORD | places[word]
    checksum_bits = entropy_bytes // 4
    entropy = (number >> checksum_bits).to_bytes(entropy_bytes, "big")
    if number & (1 << checksum_bits) - 1 != _checksum(entropy):
        raise PhraseChecksum(field="phrase")
    return entropy


def normalize_phrase(phrase: str) -> str:
    """Return the one spelling that the seed is made from."""
    return " ".join(unicodedata.normalize("NFKD", phrase).lower().split())


def phrase_seed(phrase: str, passphrase: str = "") -> bytes:
    """Return the 64-byte seed of a phrase that `decode_phrase` accepts."""
    salt = unicodedata.normalize("NFKD", "mnemonic" + passphrase)
    return hashlib.pbkdf2_hmac(
        "sha512",
        normalize_phrase(phrase).encode(),
        salt.encode("utf-8", "surrogatepass"),
        _SEED_ROUNDS,
    )


def _checksum(entropy: bytes) -> int:
    """The first bits of the entropy's hash, one for each four bytes."""
    return hashlib.sha256(entropy).digest()[0] >> 8 - len(entropy) // 4


@functools.cache
def _words() -> list[str]:
    return Mnemonic("english").wordlist


@functools.cache
def _places() -> dict[str, int]:
    return {word: place for place, word in enumerate(_words())}
