"""Secrets are checked when they come in and hide themselves afterwards."""

import pytest

from chaindeck.wallet import keys
from chaindeck.wallet.errors import PhraseChecksum, PhraseWord, PrivateKeyForm
from tests.wallet.samples import KEY, PHRASE

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def test_no_repr_shows_a_secret():
    shown = repr([PHRASE, KEY, {"secret": PHRASE}]) + str(PHRASE) + f"{KEY}"
    assert KEY.key not in shown
    assert PHRASE.phrase.split()[0] not in shown


@pytest.mark.parametrize("number", [1, ORDER - 1])
def test_keys_inside_the_order_are_taken(number):
    assert keys.key_secret(number.to_bytes(32, "big")).raw == number.to_bytes(32, "big")


@pytest.mark.parametrize("raw", [bytes(32), ORDER.to_bytes(32, "big"), bytes(31), b"\1" * 33, b""])
def test_keys_outside_are_refused(raw):
    with pytest.raises(PrivateKeyForm) as raised:
        keys.key_secret(raw)
    assert raised.value.code == "key-private"


def test_hexadecimal_key_is_read_with_spaces_around_and_never_repeated():
    assert keys.key_secret_from_hex(f" {KEY.key.upper()}\n") == KEY
    with pytest.raises(PrivateKeyForm) as raised:
        keys.key_secret_from_hex("private!")
    assert "private!" not in str(raised.value)


def test_phrase_is_checked_and_kept_in_one_spelling():
    assert keys.phrase_secret(PHRASE.phrase.upper()) == PHRASE
    with pytest.raises(PhraseWord):
        keys.phrase_secret("zzz " * 12)


def test_secret_from_elsewhere_is_checked_again():
    assert keys.checked_secret(PHRASE) == PHRASE
    assert keys.checked_secret(KEY) == KEY
    with pytest.raises(PhraseChecksum):
        keys.checked_secret(keys.PhraseSecret("abandon " * 12))
    with pytest.raises(PrivateKeyForm):
        keys.checked_secret(keys.KeySecret("00" * 32))
