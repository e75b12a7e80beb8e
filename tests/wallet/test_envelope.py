"""The frame around the wallet's files."""

import msgspec
import pytest

from chaindeck.wallet.envelope import canonical_json, decode_document, encode_document
from chaindeck.wallet.errors import KeystoreDamaged, KeystoreVersion


class Form(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str


RAW = encode_document("sample", Form("x"))


def test_content_comes_back():
    assert decode_document(RAW, "sample", Form) == Form("x")


def test_spaces_and_order_do_not_matter():
    document = msgspec.json.decode(RAW)
    backwards = msgspec.json.encode(dict(reversed(document.items())))
    assert decode_document(backwards, "sample", Form) == Form("x")


def test_canonical_form_is_sorted_and_without_spaces():
    assert canonical_json({"b": 1, "a": [1, 2]}) == b'{"a":[1,2],"b":1}'


def test_other_format_is_named():
    with pytest.raises(KeystoreVersion, match="sample version 1"):
        decode_document(RAW, "other", Form)


def test_missing_checksum_is_damage():
    with pytest.raises(KeystoreDamaged, match="checksum"):
        decode_document(b'{"format":"sample","version":1,"name":"x"}', "sample", Form)


def test_unknown_field_is_damage():
    class Wider(msgspec.Struct):
        name: str
        more: int

    with pytest.raises(KeystoreDamaged, match="more"):
        decode_document(encode_document("sample", Wider("x", 1)), "sample", Form)


@pytest.mark.parametrize("depth", [*range(900, 1_100), 5_000])
def test_hostile_nesting_is_damage_at_any_depth(depth):
    """Reading gives up before writing the canonical form could."""
    raw = b'{"a":' + b"[" * depth + b"]" * depth + b"}"
    with pytest.raises(KeystoreDamaged):
        decode_document(raw, "sample", Form)
