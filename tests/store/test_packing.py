"""Rows are read back as they were, and other bytes are told apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaindeck.ledger.chain import Mark
from chaindeck.ledger.headers import genesis_entry
from chaindeck.ledger.ports import Entry
from chaindeck.store.packing import (
    State,
    decode_history,
    decode_mark,
    decode_place,
    decode_state,
    decode_undo,
    encode_mark,
    encode_place,
    encode_state,
    encode_undo,
    pack_flow,
)
from tests.ledger.forge import dev_network

HEADER = genesis_entry(dev_network()).header
U32, U64 = st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1)


@given(
    st.builds(
        Mark,
        st.builds(
            Entry,
            st.just(HEADER),
            st.integers(0, 2**256 - 1),
            U32,
            st.none() | st.binary(min_size=20, max_size=20),
        ),
        st.none() | st.integers(-(2**63), 2**63 - 1),
        is_ready=st.booleans(),
        is_failed=st.booleans(),
        is_parked=st.booleans(),
        is_shut_out=st.booleans(),
    )
)
def test_marks(mark):
    assert decode_mark(encode_mark(mark)) == mark


@given(st.builds(State, st.binary(min_size=32, max_size=32), U32, U64, U64, U64, U32, U32, U64))
def test_states(state):
    assert decode_state(encode_state(state)) == state


@given(st.lists(st.binary(min_size=33, max_size=33)))
def test_undo_data(coins):
    assert decode_undo(encode_undo(coins)) == coins


@given(U32, U32, st.binary(min_size=32, max_size=32), U64, U64)
def test_history(height, position, tx_id, received, spent):
    place = encode_place(height, position)
    row = decode_history(place, pack_flow(tx_id, received, spent))
    assert (row.height, row.position, row.tx_id, row.received, row.spent) == (
        *decode_place(place),
        tx_id,
        received,
        spent,
    )
    assert row.cursor == place


@given(st.tuples(U32, U32), st.tuples(U32, U32))
def test_places_sort_as_the_chain_runs(one, other):
    assert (encode_place(*one) < encode_place(*other)) == (one < other)


GOOD_MARK = encode_mark(Mark(genesis_entry(dev_network())))


@pytest.mark.parametrize("packed", [b"", GOOD_MARK[:-1], GOOD_MARK + b"x", b"\2" + GOOD_MARK[1:]])
def test_other_bytes_are_no_mark(packed):
    with pytest.raises(ValueError, match="not a packed mark"):
        decode_mark(packed)


@pytest.mark.parametrize("packed", [b"", b"\2\0\0\0\0", b"\1\1\0\0\0", b"\1\0\0\0\0x"])
def test_other_bytes_are_no_undo_data(packed):
    with pytest.raises(ValueError, match="undo data"):
        decode_undo(packed)


def test_other_bytes_are_no_state():
    with pytest.raises(ValueError, match="not a packed state"):
        decode_state(b"")
