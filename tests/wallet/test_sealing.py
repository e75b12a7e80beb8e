"""What is sealed comes back with its password alone, and says which of the two was wrong."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaindeck.wallet import sealing
from chaindeck.wallet.errors import (
    KeystoreCost,
    KeystoreDamaged,
    KeystorePasswordShort,
    KeystoreWrongPassword,
)
from chaindeck.wallet.limits import MAX_SCRYPT_BYTES, MAX_SCRYPT_P
from chaindeck.wallet.sealing import Cost, seal, unseal
from tests.wallet.samples import CHEAP, PASSWORD

SEALED = seal(b"secret", PASSWORD, b"bound", CHEAP)
replace = msgspec.structs.replace


@given(
    st.binary(min_size=0, max_size=200), st.text(min_size=8, max_size=30), st.binary(max_size=50)
)
def test_secret_comes_back(secret, password, bound):
    assert unseal(seal(secret, password, bound, CHEAP), password, bound) == secret


def test_default_cost_is_the_documented_one_and_works():
    sealed = seal(b"secret", PASSWORD, b"")
    assert sealed.scrypt == Cost(n=32768, r=8, p=1)
    assert unseal(sealed, PASSWORD, b"") == b"secret"


def test_sealing_twice_shares_no_salt_nonce_or_text():
    again = seal(b"secret", PASSWORD, b"bound", CHEAP)
    for name in ("salt", "nonce", "key_check", "ciphertext"):
        assert getattr(again, name) != getattr(SEALED, name)


@pytest.mark.parametrize("password", ["", "correct hors", "correct horse ", "Correct horse"])
def test_wrong_password_is_told_apart(password):
    with pytest.raises(KeystoreWrongPassword) as raised:
        unseal(SEALED, password, b"bound")
    assert raised.value.code == "keystore-password"


def test_password_is_the_same_from_every_keyboard():
    sealed = seal(b"secret", "caf\u00e9-caf\u00e9", b"", CHEAP)
    assert unseal(sealed, "cafe\u0301-cafe\u0301", b"") == b"secret"
    assert unseal(seal(b"x", "\ud800" * 8, b"", CHEAP), "\ud800" * 8, b"") == b"x"


@pytest.mark.parametrize(
    ("sealed", "bound"),
    [
        (SEALED, b"other"),
        (replace(SEALED, nonce="00" * 12), b"bound"),
        (replace(SEALED, ciphertext="00" + SEALED.ciphertext[2:]), b"bound"),
        (replace(SEALED, ciphertext=SEALED.ciphertext[:-2]), b"bound"),
        (replace(SEALED, ciphertext="00"), b"bound"),
    ],
)
def test_changed_seal_is_told_apart(sealed, bound):
    with pytest.raises(KeystoreDamaged) as raised:
        unseal(sealed, PASSWORD, bound)
    assert raised.value.code == "keystore-damaged"


@pytest.mark.parametrize("cost", [Cost(n=4, r=1, p=1), Cost(n=2, r=2, p=1), Cost(n=2, r=1, p=2)])
def test_cost_cannot_be_lowered_or_raised_in_the_file(cost):
    with pytest.raises(KeystoreWrongPassword):
        unseal(replace(SEALED, scrypt=cost), PASSWORD, b"bound")


@pytest.mark.parametrize(("length", "is_enough"), [(7, False), (8, True)])
def test_short_password_is_refused(length, is_enough):
    if is_enough:
        assert seal(b"", "p" * length, b"", CHEAP)
        return
    with pytest.raises(KeystorePasswordShort) as raised:
        seal(b"", "p" * length, b"", CHEAP)
    assert raised.value.code == "keystore-password-short"


LARGEST_N = MAX_SCRYPT_BYTES // 128


@pytest.mark.parametrize("cost", [Cost(2, 1, 1), Cost(LARGEST_N, 1, 1), Cost(2, 1, MAX_SCRYPT_P)])
def test_costs_at_the_limits_are_taken(cost):
    sealing._check_cost(cost)


@pytest.mark.parametrize(
    "cost",
    [
        Cost(0, 1, 1), Cost(1, 1, 1), Cost(-2, 1, 1), Cost(3, 1, 1), Cost(2, 0, 1), Cost(2, 1, 0),
        Cost(2 * LARGEST_N, 1, 1), Cost(LARGEST_N, 2, 1), Cost(2, 1, MAX_SCRYPT_P + 1),
    ],
)  # fmt: skip
def test_costs_beyond_are_refused_before_anything_runs(cost):
    with pytest.raises(KeystoreCost) as raised:
        unseal(replace(SEALED, scrypt=cost), PASSWORD, b"bound")
    assert raised.value.code == "keystore-cost"
