"""The strict decoder of transactions: what it reads, and how exactly it refuses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaindeck.kernel import MALFORMED_CODES, MalformedError, twin
from tests.kernel.build import KEYS, carry, encode_body, encode_full, key_hash, pay, varint

TXID = bytes(range(32))
SIGNATURE = bytes(range(65))
BODY = encode_body([(TXID, 300)], [pay(1000), carry(b"anchor")], timestamp=77)
FULL = encode_full(BODY, SIGNATURE, [b""])
COUNT_AT = 9  # behind version and timestamp
INDEX_AT = 42  # behind the first input's txid
OUTPUTS_AT = INDEX_AT + 2


def outcome(kernel, data, offset=0):
    try:
        return kernel.parse_transaction(data, offset)
    except MalformedError as error:
        return error.code, error.offset


def spliced(at, removed, inserted):
    return FULL[:at] + inserted + FULL[at + removed :]


_inputs = st.lists(
    st.tuples(st.binary(min_size=32, max_size=32), st.integers(0, 2**32 - 1)), max_size=4
)
_outputs = st.lists(
    st.one_of(
        st.integers(0, 2**64 - 1).map(lambda amount: pay(amount, KEYS[1])),
        st.binary(max_size=256).map(carry),
    ),
    max_size=4,
)
_signature = st.sampled_from([b"", SIGNATURE])


@st.composite
def transactions(draw):
    inputs = draw(_inputs)
    body = encode_body(inputs, draw(_outputs), draw(st.integers(0, 2**64 - 1)))
    return encode_full(body, draw(_signature), [draw(_signature) for _ in inputs])


@st.composite
def spoiled_transactions(draw):
    data = bytearray(draw(transactions()))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(data) - 1))
        data[at] = draw(st.sampled_from([0, 1, 2, 65, 127, 128, 255]) | st.integers(0, 255))
    return bytes(data[: draw(st.integers(0, len(data)))])


class TestDecoding:
    def test_every_part_of_a_transaction_is_returned(self, kernel):
        assert kernel.parse_transaction(FULL) == (
            len(FULL),
            twin.hash256(BODY),
            twin.hash256(FULL),
            77,
            ((TXID, 300),),
            ((key_hash(KEYS[0]), 1000), (b"anchor", None)),
            SIGNATURE,
            (b"",),
        )

    def test_transaction_in_the_middle_of_other_bytes_is_decoded(self, kernel):
        parsed = kernel.parse_transaction(b"xyz" + FULL + b"more", 3)
        assert parsed[0] == 3 + len(FULL)
        assert parsed[1:] == kernel.parse_transaction(FULL)[1:]

    def test_each_input_may_have_its_own_signature(self, kernel):
        body = encode_body([(TXID, 0), (TXID, 1)], [])
        parsed = kernel.parse_transaction(encode_full(body, b"", [b"", SIGNATURE]))
        assert parsed[6:] == (b"", (b"", SIGNATURE))

    def test_every_prefix_is_refused_as_truncated_or_as_an_impossible_count(self, kernel):
        for size in range(len(FULL)):
            code, offset = outcome(kernel, FULL[:size])
            assert code in {"encoding-truncated", "encoding-count"}
            assert offset <= size

    def test_largest_values_are_read(self, kernel):
        body = encode_body([(TXID, 2**32 - 1)], [pay(2**64 - 1)], timestamp=2**64 - 1)
        parsed = kernel.parse_transaction(encode_full(body, b"", [b""]))
        assert (parsed[3], parsed[4][0][1], parsed[5][0][1]) == (2**64 - 1, 2**32 - 1, 2**64 - 1)

    def test_data_of_256_bytes_is_read_and_257_refused(self, kernel):
        for size, is_fine in ((256, True), (257, False)):
            data = encode_full(encode_body([], [carry(bytes(size))]))
            result = outcome(kernel, data)
            assert (result[0] == len(data)) if is_fine else result == ("encoding-data-length", 12)

    @pytest.mark.parametrize("offset", [len(FULL), len(FULL) + 1, 10**9])
    def test_offset_at_or_beyond_the_end_is_truncated(self, kernel, offset):
        assert outcome(kernel, FULL, offset) == ("encoding-truncated", offset)

    def test_negative_offset_is_misuse(self, kernel):
        with pytest.raises(ValueError, match="negative"):
            kernel.parse_transaction(FULL, -1)

    @pytest.mark.parametrize(
        ("data", "code", "offset"),
        [
            (b"", "encoding-truncated", 0),
            (spliced(0, 1, b"\x00"), "encoding-version", 0),
            (spliced(0, 1, b"\x02"), "encoding-version", 0),
            (FULL[:5], "encoding-truncated", 1),
            (spliced(COUNT_AT, 1, b"\x81\x00"), "encoding-varint", COUNT_AT),
            (spliced(COUNT_AT, 1, b"\xff" * 9 + b"\x02"), "encoding-varint", COUNT_AT),
            (spliced(COUNT_AT, 1, b"\xff" * 9 + b"\x81"), "encoding-varint", COUNT_AT),
            (spliced(COUNT_AT, 1, b"\xff" * 9 + b"\x01"), "encoding-count", COUNT_AT),
            (FULL[:COUNT_AT] + b"\xff" * 9, "encoding-truncated", COUNT_AT),
            (spliced(COUNT_AT, 1, b"\x7f"), "encoding-count", COUNT_AT),
            (spliced(INDEX_AT, 2, varint(2**32)), "encoding-index-range", INDEX_AT),
            (spliced(INDEX_AT, 2, b"\x80\x00"), "encoding-varint", INDEX_AT),
            (spliced(OUTPUTS_AT, 1, b"\x7f"), "encoding-count", OUTPUTS_AT),
            (spliced(OUTPUTS_AT + 1, 1, b"\x02"), "encoding-output-kind", OUTPUTS_AT + 1),
            (spliced(len(BODY), 1, b"\x40"), "encoding-signature-length", len(BODY)),
            (spliced(len(BODY), 1, b"\x42"), "encoding-signature-length", len(BODY)),
            (FULL[:-1] + b"\x01", "encoding-signature-length", len(FULL) - 1),
            (FULL[:-1] + b"\x41", "encoding-truncated", len(FULL)),
        ],
    )
    def test_each_fault_has_its_code_and_place(self, kernel, data, code, offset):
        assert outcome(kernel, data) == (code, offset)

    def test_count_that_just_fits_is_not_refused_as_a_count(self, kernel):
        head = FULL[:COUNT_AT]
        assert outcome(kernel, head + b"\x02" + bytes(66))[0] != "encoding-count"
        assert outcome(kernel, head + b"\x02" + bytes(65)) == ("encoding-count", COUNT_AT)
        assert outcome(kernel, head + b"\x00\x02" + bytes(4))[0] != "encoding-count"
        assert outcome(kernel, head + b"\x00\x02" + bytes(3)) == ("encoding-count", COUNT_AT + 1)

    def test_error_says_its_code_and_place(self, kernel):
        with pytest.raises(ValueError, match="encoding-version at offset 0") as caught:
            kernel.parse_transaction(b"\x09")
        assert isinstance(caught.value, MalformedError)
        assert (caught.value.code, caught.value.offset) == ("encoding-version", 0)
        assert caught.value.code in MALFORMED_CODES

    @given(data=transactions())
    def test_random_transactions_agree_with_twin(self, kernel, data):
        assert kernel.parse_transaction(data) == twin.parse_transaction(data)

    @given(data=spoiled_transactions())
    def test_spoiled_transactions_agree_with_twin(self, kernel, data):
        assert outcome(kernel, data) == outcome(twin, data)

    @given(data=st.binary(max_size=60).map(lambda tail: bytes([1]) + bytes(8) + tail))
    def test_random_bytes_agree_with_twin(self, kernel, data):
        assert outcome(kernel, data) == outcome(twin, data)
