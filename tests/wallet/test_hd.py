"""Trees of keys: the published vectors, both ways to a public child, and what is refused."""

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaindeck.ledger.signatures import SigningKey
from chaindeck.wallet import hd
from chaindeck.wallet.errors import (
    DerivationPath,
    ExtendedKeyForm,
    HardenedFromPublic,
    NoSuchChild,
)
from tests.wallet.samples import vectors

VECTORS = vectors("bip32.json")
CHAIN = [
    (vector["seed"], link) for vector in VECTORS["valid"] for link in vector["chain"]
]  # fmt: skip
ROOT = hd.master_node(bytes(range(16)))


@pytest.mark.parametrize(("seed", "link"), CHAIN, ids=lambda item: str(item)[:40])
def test_published_vector_holds(seed, link):
    node = hd.master_node(bytes.fromhex(seed)).derive(hd.parse_path(link["path"]))
    assert node.reveal() == link["private"]
    assert node.public.encode() == link["public"]


@pytest.mark.parametrize(("seed", "link"), CHAIN, ids=lambda item: str(item)[:40])
def test_extended_keys_come_back_as_they_were_written(seed, link):
    assert hd.decode_private_node(link["private"]).reveal() == link["private"]
    assert hd.decode_public_node(link["public"]).encode() == link["public"]


@pytest.mark.parametrize("vector", VECTORS["invalid"], ids=lambda vector: vector["why"])
def test_published_invalid_key_is_refused_and_not_repeated(vector):
    for decode in (hd.decode_private_node, hd.decode_public_node):
        with pytest.raises(ExtendedKeyForm) as raised:
            decode(vector["key"])
        assert vector["key"] not in str(raised.value)


@given(st.lists(st.integers(0, hd.HARDENED - 1), max_size=3))
def test_public_derivation_reaches_the_same_keys(path):
    node = ROOT.derive(path)
    public = ROOT.public.derive(path)
    assert public.encode() == node.public.encode()
    assert public.key_hash == SigningKey(node.secret).key_hash


def test_public_node_derives_no_hardened_child():
    assert ROOT.public.child(hd.HARDENED - 1)
    with pytest.raises(HardenedFromPublic) as raised:
        ROOT.public.child(hd.HARDENED)
    assert raised.value.code == "key-hardened"


def test_index_without_a_key_is_named(monkeypatch):
    monkeypatch.setattr(hmac, "digest", lambda *_: b"\xff" * 64)
    for derive in (ROOT.child, ROOT.public.child):
        with pytest.raises(NoSuchChild) as raised:
            derive(3)
        assert (raised.value.code, raised.value.values) == ("key-index", {"index": 3})
    with pytest.raises(NoSuchChild):
        hd.master_node(bytes(16))


def test_depth_ends_at_255():
    node = ROOT.public.derive([0] * 255)
    assert hd.decode_public_node(node.encode()).depth == 255
    with pytest.raises(DerivationPath):
        node.child(0)


@given(st.lists(st.integers(0, 2**32 - 1), max_size=5))
def test_path_comes_back(path):
    assert hd.parse_path(hd.format_path(path)) == path


def test_hardened_mark_has_three_spellings():
    marks = {tuple(hd.parse_path(f"m/44{mark}/0")) for mark in "'hH"}
    assert marks == {(hd.HARDENED + 44, 0)}


@pytest.mark.parametrize(
    "path",
    ["", "44'/0", "m/", "m//1", "m/-1", "m/01", "m/1''", "m/x", "m/2147483648", "m" + "/0" * 256],
)
def test_path_of_another_form_is_refused(path):
    with pytest.raises(DerivationPath) as raised:
        hd.parse_path(path)
    assert raised.value.code == "key-path"


def test_private_and_public_keys_are_not_taken_for_each_other():
    with pytest.raises(ExtendedKeyForm, match="private one"):
        hd.decode_public_node(ROOT.reveal())
    with pytest.raises(ExtendedKeyForm, match="public one"):
        hd.decode_private_node(ROOT.public.encode())


def test_repr_hides_the_key():
    assert ROOT.secret.hex() not in repr(ROOT)
    assert ROOT.reveal() not in repr(ROOT)
