"""Accounts have their path, and a scan finds what was used and asks no more than it has to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaindeck.ledger.types import KeyHash
from chaindeck.wallet.accounts import AddressChain, account_node, account_path, scan_chain
from chaindeck.wallet.hd import format_path, master_node
from chaindeck.wallet.limits import GAP_LIMIT, MAX_CHAIN_ADDRESSES


def number_hash(index):
    return KeyHash(index.to_bytes(20, "big"))


def scan(used, gap_limit=GAP_LIMIT):
    asked = []

    def is_used(key_hash):
        asked.append(int.from_bytes(key_hash, "big"))
        return asked[-1] in used

    return scan_chain(number_hash, is_used, gap_limit), asked


def test_path_of_an_account_is_what_the_documents_say():
    assert format_path(account_path(3)) == "m/44'/9333'/3'"


def test_chain_derives_the_children_of_its_side():
    account = account_node(master_node(bytes(16)))
    for change in (0, 1):
        chain = AddressChain(account.public, change)
        assert chain.key_hash(5) == account.derive([change, 5]).public.key_hash
        assert chain.key_hash(5) is chain.key_hash(5)


@given(st.sets(st.integers(0, 60)), st.integers(1, 25))
def test_scan_finds_the_last_index_before_a_whole_gap(used, gap_limit):
    taken, asked = scan(used, gap_limit)
    assert asked == list(range(taken + gap_limit))
    assert taken == 0 or taken - 1 in used
    assert not used & set(range(taken, taken + gap_limit))


@pytest.mark.parametrize(("index", "found"), [(GAP_LIMIT - 1, GAP_LIMIT), (GAP_LIMIT, 0)])
def test_gap_ends_the_scan_on_both_sides_of_its_limit(index, found):
    assert scan({index})[0] == found


def test_scan_of_a_node_that_says_yes_to_everything_ends():
    assert scan_chain(number_hash, lambda _: True) == MAX_CHAIN_ADDRESSES
