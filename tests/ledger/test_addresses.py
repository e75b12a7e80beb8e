"""Addresses survive typing errors by refusing them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaindeck.ledger import errors
from chaindeck.ledger.addresses import decode_address, encode_address
from chaindeck.ledger.types import KeyHash

KEY_HASH = KeyHash(bytes(range(20)))
ADDRESS = "deck1qqqqsyqcyq5rqwzqfpg9scrgwpugpzysnqamrha"

key_hashes = st.binary(min_size=20, max_size=20).map(KeyHash)


def test_known_address_stays_what_it_is() -> None:
    assert encode_address(KEY_HASH, "deck") == ADDRESS
    assert decode_address(ADDRESS, "deck") == KEY_HASH


def test_bip350_valid_string_has_a_good_checksum() -> None:
    """A string from BIP 350 passes the checksum and fails only for its prefix."""
    with pytest.raises(errors.AddressPrefix):
        decode_address("a1lqfn3a", "deck")


def test_bech32_checksum_of_the_older_standard_is_refused() -> None:
    with pytest.raises(errors.AddressChecksum):
        decode_address("a12uel5l", "a")


@given(key_hashes, st.from_regex(r"[a-z]{1,16}", fullmatch=True))
def test_decoding_gives_back_the_key_hash(key_hash: KeyHash, prefix: str) -> None:
    address = encode_address(key_hash, prefix)
    assert decode_address(address, prefix) == key_hash
    assert decode_address(address.upper(), prefix) == key_hash


@given(key_hashes, st.data())
def test_up_to_three_wrong_characters_are_noticed(key_hash: KeyHash, data: st.DataObject) -> None:
    characters = list(encode_address(key_hash, "deck"))
    places = data.draw(
        st.sets(st.integers(5, len(characters) - 1), min_size=1, max_size=3).map(sorted)
    )
    for place in places:
        others = [
            digit for digit in "qpzry9x8gf2tvdw0s3jn54khce6mua7l" if digit != characters[place]
        ]
        characters[place] = data.draw(st.sampled_from(others))
    with pytest.raises(errors.AddressChecksum):
        decode_address("".join(characters), "deck")


@given(st.text(max_size=100))
def test_any_text_is_an_address_error(text: str) -> None:
    with pytest.raises(errors.AddressError) as raised:
        decode_address(text, "deck", field="to")
    assert raised.value.field == "to"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", errors.AddressForm),
        ("deck", errors.AddressForm),
        ("1qqqqqq", errors.AddressForm),
        ("deck1qqqqq", errors.AddressForm),
        ("d\u00e9ck1qqqqqq", errors.AddressForm),
        ("Deck" + ADDRESS[4:], errors.AddressForm),
        (ADDRESS[:-1] + "b", errors.AddressForm),
        (ADDRESS + "q" * 60, errors.AddressForm),
        (ADDRESS[:-1] + "q", errors.AddressChecksum),
        (ADDRESS.replace("deck", "dock"), errors.AddressChecksum),
    ],
)
def test_wrong_text_says_what_is_wrong(text: str, error: type[errors.AddressError]) -> None:
    with pytest.raises(error):
        decode_address(text, "deck")


def test_another_networks_address_is_told_apart() -> None:
    with pytest.raises(errors.AddressPrefix) as raised:
        decode_address(encode_address(KEY_HASH, "tdeck"), "deck")
    assert raised.value.values == {"actual": "tdeck", "expected": "deck"}


def test_later_versions_and_other_lengths_are_refused() -> None:
    assert _with_digits([0, *[0] * 32]) == encode_address(KeyHash(bytes(20)), "deck")
    with pytest.raises(errors.AddressVersion) as raised:
        decode_address(_with_digits([1, *[0] * 32]), "deck")
    assert raised.value.values == {"version": 1}
    with pytest.raises(errors.AddressVersion):
        decode_address(_with_digits([]), "deck")
    for length in (31, 33):
        with pytest.raises(errors.AddressForm):
            decode_address(_with_digits([0, *[0] * length]), "deck")


def test_longest_text_that_is_read_has_90_characters() -> None:
    long_prefix = "d" * 51
    assert len(encode_address(KEY_HASH, long_prefix)) == 91
    with pytest.raises(errors.AddressForm):
        decode_address(encode_address(KEY_HASH, long_prefix), long_prefix)
    assert decode_address(encode_address(KEY_HASH, "d" * 50), "d" * 50) == KEY_HASH


def _with_digits(digits: list[int]) -> str:
    """A well-formed bech32m string over any digits, by BIP 350's own formula."""
    alphabet, prefix = "qpzry9x8gf2tvdw0s3jn54khce6mua7l", "deck"

    def checksum(values: list[int]) -> int:
        state = 1
        for value in values:
            top = state >> 25
            state = (state & 0x1FFFFFF) << 5 ^ value
            for place, constant in enumerate(
                (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
            ):
                state ^= constant if top >> place & 1 else 0
        return state

    expanded = (
        [ord(letter) >> 5 for letter in prefix] + [0] + [ord(letter) & 31 for letter in prefix]
    )
    total = checksum(expanded + digits + [0] * 6) ^ 0x2BC830A3
    tail = [total >> 5 * (5 - place) & 31 for place in range(6)]
    return prefix + "1" + "".join(alphabet[digit] for digit in digits + tail)
