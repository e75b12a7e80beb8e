"""Single keys travel sealed, or bare for whoever asks for exactly that."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaindeck.wallet.envelope import encode_document
from chaindeck.wallet.errors import KeystoreDamaged, KeystoreWrongPassword
from chaindeck.wallet.key_files import (
    FORMAT,
    KeyFileForm,
    export_key,
    export_key_hex,
    import_key,
)
from chaindeck.wallet.keys import KeySecret, key_secret_from_hex
from chaindeck.wallet.sealing import seal
from tests.wallet.samples import CHEAP, KEY, PASSWORD, attempt

RAW = export_key(KEY, PASSWORD, CHEAP)


def test_key_comes_back_with_its_password():
    assert import_key(RAW, PASSWORD) == KEY
    assert KEY.key.encode() not in RAW
    with pytest.raises(KeystoreWrongPassword):
        import_key(RAW, "wrong horse")


def test_bare_key_comes_back():
    assert key_secret_from_hex(export_key_hex(KEY)) == KEY


@given(st.integers(0, len(RAW) - 1), st.integers(0, 255))
def test_changed_byte_is_noticed_or_changes_nothing(place, value):
    changed = RAW[:place] + bytes([value]) + RAW[place + 1 :]
    key, error = attempt(import_key, changed, PASSWORD)
    assert key == KEY if error is None else error.code == "keystore-damaged"


@pytest.mark.parametrize("wrong", [b"{}", msgspec.json.encode(KeySecret("00" * 32))])
def test_sealed_text_that_is_no_key_is_damage(wrong):
    sealed = seal(wrong, PASSWORD, FORMAT.encode(), CHEAP)
    with pytest.raises(KeystoreDamaged, match="no key"):
        import_key(encode_document(FORMAT, KeyFileForm(sealed)), PASSWORD)
