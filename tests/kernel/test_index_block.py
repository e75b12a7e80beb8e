"""Indexing a block: ids, root, places, and which coins it needs from outside."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaindeck.kernel import MalformedError, twin
from tests.kernel.build import (
    Spent,
    carry,
    coinbase,
    encode_body,
    encode_full,
    pay,
    payment,
    txid_of,
)

FIELDS = ("txids", "full_ids", "merkle_root", "spent_outpoints", "signature_count", "offsets")
COINBASE = coinbase(5, [pay(10), carry(b"x")])
OUTSIDE = Spent(b"\x77" * 32, 258)


def as_dict(index):
    return {name: getattr(index, name) for name in FIELDS}


def outcome(kernel, data, offset, count):
    try:
        return as_dict(kernel.index_block(data, offset, count))
    except MalformedError as error:
        return error.code, error.offset


def unsigned(outpoints, outputs):
    return encode_full(encode_body(outpoints, outputs), b"", [b""] * len(outpoints))


def spent_outpoints(kernel, *transactions):
    return kernel.index_block(b"".join(transactions), 0, len(transactions)).spent_outpoints


@st.composite
def tangled_blocks(draw):
    """Draw blocks whose inputs name outputs of the block itself, before and after, and others."""
    transactions = [COINBASE]
    for _ in range(draw(st.integers(0, 6))):
        known = [*map(txid_of, transactions), b"\x01" * 32, bytes(32)]
        outpoints = draw(st.lists(st.tuples(st.sampled_from(known), st.integers(0, 3)), max_size=4))
        outputs = draw(st.lists(st.sampled_from([pay(1), carry(b"d")]), max_size=3))
        transactions.append(unsigned(outpoints, outputs))
    order = draw(st.permutations(transactions)) if draw(st.booleans()) else transactions
    return b"".join(order), len(order)


class TestIndex:
    def test_block_of_two_is_described(self, kernel):
        second = payment([OUTSIDE], [pay(1)])
        index = kernel.index_block(b"head" + COINBASE + second, 4, 2)
        assert as_dict(index) == {
            "txids": [txid_of(COINBASE), txid_of(second)],
            "full_ids": [twin.hash256(COINBASE), twin.hash256(second)],
            "merkle_root": twin.merkle_root([COINBASE, second]),
            "spent_outpoints": [b"\x77" * 32 + b"\x00\x00\x01\x02"],
            "signature_count": 1,
            "offsets": [4, 4 + len(COINBASE), 4 + len(COINBASE) + len(second)],
        }

    def test_no_transactions_at_the_end_of_the_data_are_an_empty_index(self, kernel):
        index = kernel.index_block(b"head", 4, 0)
        assert index.offsets == [4]
        assert index.merkle_root == twin.merkle_root([])

    def test_output_of_an_earlier_transaction_is_not_asked_for(self, kernel):
        first = unsigned([(OUTSIDE.txid, 1)], [pay(1), carry(b"d"), pay(2)])
        txid = txid_of(first)
        second = unsigned([(txid, 0), (txid, 1), (txid, 2), (txid, 3)], [pay(1)])
        assert spent_outpoints(kernel, COINBASE, first, second) == [
            OUTSIDE.txid + b"\x00\x00\x00\x01",
            txid + b"\x00\x00\x00\x01",  # carries data
            txid + b"\x00\x00\x00\x03",  # is not there
        ]

    def test_output_of_the_same_or_a_later_transaction_is_asked_for(self, kernel):
        later = unsigned([(OUTSIDE.txid, 1)], [pay(1)])
        earlier = unsigned([(txid_of(later), 0)], [pay(1)])
        assert spent_outpoints(kernel, COINBASE, earlier, later)[0] == txid_of(later) + bytes(4)

    def test_outpoint_spent_twice_is_listed_twice(self, kernel):
        twice = unsigned([(OUTSIDE.txid, 1), (OUTSIDE.txid, 1)], [pay(1)])
        assert len(spent_outpoints(kernel, COINBASE, twice)) == 2

    def test_inputs_of_the_first_transaction_are_left_out(self, kernel):
        assert spent_outpoints(kernel, COINBASE) == []

    @pytest.mark.parametrize(
        ("data", "offset", "count", "code", "place"),
        [
            (COINBASE, 0, 0, "encoding-trailing", 0),
            (COINBASE + b"\x00", 0, 1, "encoding-trailing", len(COINBASE)),
            (COINBASE, 0, 2, "encoding-truncated", len(COINBASE)),
            (COINBASE, 0, len(COINBASE) // 12 + 1, "encoding-count", 0),
            (COINBASE, 0, 2**40, "encoding-count", 0),
            (COINBASE, len(COINBASE) + 1, 0, "encoding-truncated", len(COINBASE) + 1),
            (COINBASE + b"\x02" + bytes(30), 0, 2, "encoding-version", len(COINBASE)),
        ],
    )
    def test_each_fault_has_its_code_and_place(self, kernel, data, offset, count, code, place):
        assert outcome(kernel, data, offset, count) == (code, place)

    @pytest.mark.parametrize(("offset", "count"), [(-1, 1), (0, -1)])
    def test_negative_arguments_are_misuse(self, kernel, offset, count):
        with pytest.raises(ValueError, match="negative"):
            kernel.index_block(COINBASE, offset, count)

    def test_index_outlives_the_name_of_its_bytes(self, kernel):
        index = kernel.index_block(bytes(bytearray(COINBASE)), 0, 1)
        assert index.txids == [txid_of(COINBASE)]

    @given(block=tangled_blocks())
    def test_random_blocks_agree_with_twin(self, kernel, block):
        data, count = block
        assert outcome(kernel, data, 0, count) == outcome(twin, data, 0, count)

    @given(block=tangled_blocks(), data=st.data())
    def test_spoiled_blocks_agree_with_twin(self, kernel, block, data):
        raw, count = block
        spoiled = bytearray(raw)
        for _ in range(data.draw(st.integers(0, 2))):
            spoiled[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
        size = data.draw(st.sampled_from([len(raw), len(raw) - 1]))
        assert outcome(kernel, bytes(spoiled[:size]), 0, count) == outcome(
            twin, bytes(spoiled[:size]), 0, count
        )
