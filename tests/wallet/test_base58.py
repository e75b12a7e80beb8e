"""Base58 comes back as it went, and no typing error passes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaindeck.wallet.base58 import decode_base58, encode_base58
from chaindeck.wallet.errors import ExtendedKeyForm
from tests.wallet.samples import attempt


@given(st.binary(max_size=90))
def test_payload_comes_back(payload):
    assert decode_base58(encode_base58(payload)) == payload


@given(st.text(max_size=20))
def test_any_text_decodes_or_is_refused(text):
    payload, error = attempt(decode_base58, text)
    assert encode_base58(payload) == text if error is None else error.code == "key-extended"


def test_changed_character_is_noticed():
    text = encode_base58(b"payload")
    with pytest.raises(ExtendedKeyForm, match="checksum"):
        decode_base58(text[:-1] + ("2" if text[-1] != "2" else "3"))


def test_wrong_character_is_named_by_its_place_alone():
    with pytest.raises(ExtendedKeyForm, match="character 3 is"):
        decode_base58("110")


@pytest.mark.parametrize(("length", "reason"), [(200, "checksum"), (201, "too many")])
def test_length_is_bounded(length, reason):
    with pytest.raises(ExtendedKeyForm, match=reason):
        decode_base58("2" * length)
