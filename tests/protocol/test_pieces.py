"""What messages are made of: counts, lists and lengths, each read in one way only."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaindeck.ledger.codec import encode_varint
from chaindeck.protocol import errors, pieces


class TestVarints:
    @given(value=st.integers(0, (1 << 64) - 1), before=st.binary(max_size=5))
    def test_number_is_read_where_it_stands(self, value, before) -> None:
        raw = encode_varint(value)
        end = len(before) + len(raw)
        assert pieces.read_varint(before + raw + b"\xff", len(before)) == (value, end)

    @pytest.mark.parametrize("raw", [b"", b"\x80", b"\xff" * 9])
    def test_number_without_an_end_is_malformed(self, raw) -> None:
        with pytest.raises(errors.MessageMalformed, match="no end"):
            pieces.read_varint(b"ab" + raw, 2)

    @pytest.mark.parametrize("raw", [b"\x80\x00", b"\xff\x80\x00", b"\xff" * 9 + b"\x02"])
    def test_longer_form_is_malformed(self, raw) -> None:
        with pytest.raises(errors.MessageMalformed, match="shortest form") as raised:
            pieces.read_varint(b"ab" + raw, 2)
        assert raised.value.values["offset"] == 2


class TestLists:
    def test_count_up_to_the_limit_is_read(self) -> None:
        assert pieces.read_count(b"\x05", 0, 5, "peers") == (5, 1)
        with pytest.raises(errors.MessageCount) as raised:
            pieces.read_count(b"\x06", 0, 5, "peers")
        assert raised.value.values == {"count": 6, "what": "peers", "limit": 5}

    def test_list_fills_the_rest(self) -> None:
        assert pieces.start_of_list(b"\x02abcd", 0, 2, 9, "pairs") == 1
        assert pieces.cut(b"\x02abcd", 1, 2) == (b"ab", b"cd")
        for raw in (b"\x02abc", b"\x02abcde"):
            with pytest.raises(errors.MessageMalformed, match="5 bytes"):
                pieces.start_of_list(raw, 0, 2, 9, "pairs")

    def test_list_is_written_with_its_count(self) -> None:
        assert pieces.write_list(b"k", [b"ab", b"cd"], 2) == b"k\x02abcd"
        with pytest.raises(AssertionError):
            pieces.write_list(b"k", [b"ab", b"cd"], 1)

    def test_entries_of_any_length_are_read(self) -> None:
        raws = (b"", b"a", b"b" * 200)
        raw = pieces.write_list(b"k", pieces.with_lengths(raws), 3)
        assert pieces.read_raws(raw, 1, 3) == raws

    def test_entry_that_passes_the_end_is_malformed(self) -> None:
        with pytest.raises(errors.MessageMalformed, match="transaction has no end") as raised:
            pieces.read_raws(b"\x01\x03ab", 0, 3)
        assert raised.value.values["offset"] == 2


class TestShortPieces:
    def test_bytes_up_to_the_limit_are_read(self) -> None:
        assert pieces.read_short(b"x\x02abc", 1, 2) == (b"ab", 4)
        assert pieces.read_short(b"\x00", 0, 2) == (b"", 1)

    @pytest.mark.parametrize("raw", [b"", b"\x03abc", b"\x02a"])
    def test_longer_or_cut_bytes_are_malformed(self, raw) -> None:
        with pytest.raises(errors.MessageMalformed, match="length up to 2"):
            pieces.read_short(raw, 0, 2)

    def test_hash_follows_the_kind(self) -> None:
        assert pieces.read_hash(b"k" + b"h" * 32 + b"more") == (b"h" * 32, 33)
        with pytest.raises(errors.MessageMalformed, match="hash"):
            pieces.read_hash(b"k" + b"h" * 31)
