"""Coins pack into 33 bytes, and a set of them has one hash."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from chaindeck.kernel import merkle_root
from chaindeck.ledger.coins import (
    COIN_BYTES,
    Coin,
    coins_hash,
    coins_hash_of,
    decode_coin,
    encode_coin,
)

coins = st.builds(
    Coin,
    st.binary(min_size=20, max_size=20),
    st.integers(0, (1 << 64) - 1),
    st.integers(0, (1 << 32) - 1),
    st.booleans(),
)


@given(coins)
def test_unpacking_gives_back_what_was_packed(coin: Coin) -> None:
    assert decode_coin(encode_coin(coin)) == coin
    assert len(encode_coin(coin)) == COIN_BYTES == 33


def test_fields_stand_where_the_docs_say() -> None:
    packed = encode_coin(Coin(b"\x01" * 20, 2, 3, is_reward=True))
    assert packed == b"\x01" * 20 + b"\x02" + bytes(7) + b"\x03\x00\x00\x00" + b"\x01"


def test_hash_of_a_set_is_the_tree_over_its_sorted_coins() -> None:
    first, second = (b"\x01" * 36, b"a" * 33), (b"\x02" * 36, b"b" * 33)
    expected = merkle_root([first[0] + first[1], second[0] + second[1]])
    assert coins_hash([first, second]) == expected
    assert coins_hash_of(dict([second, first])) == expected
    assert coins_hash([]) == hashlib.sha256(b"").digest()
