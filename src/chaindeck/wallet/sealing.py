"""Secrets under a password: scrypt makes the key, AES-256-GCM seals, a check value tells why not.

    64 bytes = scrypt(password, salt, n, r, p)        first half: encryption key, second: check key
    key_check = HMAC-SHA256(check key, "chaindeck/key-check")[:16]
    ciphertext = AES-256-GCM(encryption key, nonce, secret, associated data = bound + parameters)

The check value says that the password is wrong before anything is decrypted, so that a seal that
then fails was changed. It costs an attacker one scrypt to test a guess by, as the seal itself does.
Salt and nonce are new at every sealing.
"""

from __future__ import annotations

import hmac
import secrets
import unicodedata
from typing import Annotated, Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from msgspec import Meta

from chaindeck.wallet.errors import (
    KeystoreCost,
    KeystoreDamaged,
    KeystorePasswordShort,
    KeystoreWrongPassword,
)
from chaindeck.wallet.limits import (
    MAX_SCRYPT_BYTES,
    MAX_SCRYPT_P,
    MIN_PASSWORD_CHARACTERS,
    SCRYPT_N,
    SCRYPT_P,
    SCRYPT_R,
)

_SALT_BYTES = 16
_NONCE_BYTES = 12
_CHECK_BYTES = 16
_KEY_BYTES = 32
_CHECK_TEXT = b"chaindeck/key-check"


class Cost(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How hard a guess at the password is."""

    n: int = SCRYPT_N
    r: int = SCRYPT_R
    p: int = SCRYPT_P


DEFAULT_COST: Final = Cost()


class Sealed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A sealed secret; all but the cost is hexadecimal."""

    scrypt: Cost
    salt: Annotated[str, Meta(pattern=f"^[0-9a-f]{{{2 * _SALT_BYTES}}}$")]
    nonce: Annotated[str, Meta(pattern=f"^[0-9a-f]{{{2 * _NONCE_BYTES}}}$")]
    key_check: Annotated[str, Meta(pattern=f"^[0-9a-f]{{{2 * _CHECK_BYTES}}}$")]
    ciphertext: Annotated[str, Meta(pattern="^([0-9a-f]{2})+$")]


def seal(secret: bytes, password: str, bound: bytes, cost: Cost = DEFAULT_COST) -> Sealed:
    """Seal a secret so that it opens only with this password and beside the same `bound` bytes.

    Raises `KeystorePasswordShort`. Takes as long as `cost` says.
    """
    if len(password) < MIN_PASSWORD_CHARACTERS:
        raise KeystorePasswordShort(field="password", least=MIN_PASSWORD_CHARACTERS)
    salt, nonce = secrets.token_bytes(_SALT_BYTES), secrets.token_bytes(_NONCE_BYTES)
    key, check = _stretch(password, salt, cost)
    ciphertext = AESGCM(key).encrypt(nonce, secret, _associated(bound, cost, salt, check))
    return Sealed(cost, salt.hex(), nonce.hex(), check.hex(), ciphertext.hex())


def unseal(sealed: Sealed, password: str, bound: bytes) -> bytes:
    """Return the secret; raise `KeystoreWrongPassword`, `KeystoreCost` or `KeystoreDamaged`."""
    salt, nonce = bytes.fromhex(sealed.salt), bytes.fromhex(sealed.nonce)
    key, check = _stretch(password, salt, sealed.scrypt)
    if not hmac.compare_digest(check, bytes.fromhex(sealed.key_check)):
        raise KeystoreWrongPassword(field="password")
    associated = _associated(bound, sealed.scrypt, salt, check)
    try:
        return AESGCM(key).decrypt(nonce, bytes.fromhex(sealed.ciphertext), associated)
    except InvalidTag:
        raise KeystoreDamaged(
            field="sealed", reason="what is sealed, or what it is bound to, was changed"
        ) from None


def _stretch(password: str, salt: bytes, cost: Cost) -> tuple[bytes, bytes]:
    """Return the encryption key and the check value."""
    _check_cost(cost)
    # The same password must come out of every keyboard: accents are composed or apart.
    typed = unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
    keys = Scrypt(salt=salt, length=2 * _KEY_BYTES, n=cost.n, r=cost.r, p=cost.p).derive(typed)
    check = hmac.digest(keys[_KEY_BYTES:], _CHECK_TEXT, "sha256")
    return keys[:_KEY_BYTES], check[:_CHECK_BYTES]


def _check_cost(cost: Cost) -> None:
    n, r, p = cost.n, cost.r, cost.p
    is_power = n > 1 and n & (n - 1) == 0
    if not is_power or r < 1 or not 1 <= p <= MAX_SCRYPT_P or 128 * n * r > MAX_SCRYPT_BYTES:
        raise KeystoreCost(field="sealed.scrypt", n=n, r=r, p=p)


def _associated(bound: bytes, cost: Cost, salt: bytes, check: bytes) -> bytes:
    parameters = f"scrypt {cost.n} {cost.r} {cost.p} {salt.hex()} {check.hex()}\n"
    return parameters.encode() + bound
