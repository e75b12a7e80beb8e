"""Every value has exactly one encoding, and any other bytes are a typed error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaindeck.kernel import hash256
from chaindeck.ledger import errors
from chaindeck.ledger.codec import (
    block_transactions,
    build_block,
    build_header,
    build_transaction,
    decode_block,
    decode_header,
    decode_transaction,
    decode_transactions,
    encode_body,
    encode_signature,
    encode_varint,
    read_signature,
    transaction_body,
)
from chaindeck.ledger.types import Data, Transaction, TxId, TxInput
from tests.ledger import strategies
from tests.ledger.forge import ALICE, BOB, Forge, pay, remake

HASH = TxId(bytes(range(32)))
KEY_HASH = bytes(range(20))
SIGNATURE = bytes(range(65))


def encoded(
    version: bytes = b"\x01",
    timestamp: bytes = bytes(8),
    inputs: bytes = b"\x01" + HASH + b"\x05",
    outputs: bytes = b"\x01\x00" + KEY_HASH + b"\x07",
    signatures: bytes = b"\x00\x00",
) -> bytes:
    return version + timestamp + inputs + outputs + signatures


class TestTransaction:
    def test_fields_stand_where_the_protocol_says(self) -> None:
        transaction = decode_transaction(
            encoded(timestamp=(9).to_bytes(8, "little"), signatures=b"\x41" + SIGNATURE + b"\x00")
        )
        assert transaction.timestamp == 9
        assert transaction.inputs == (TxInput(HASH, 5, b""),)
        assert transaction.outputs == (pay(KEY_HASH, 7),)
        assert transaction.signature == SIGNATURE

    def test_ids_are_hashes_of_body_and_whole(self) -> None:
        raw = encoded(signatures=b"\x00\x41" + SIGNATURE)
        transaction = decode_transaction(raw)
        assert transaction.id == hash256(raw[: -(2 + 65)])
        assert transaction.full_id == hash256(raw)
        assert transaction_body(transaction) == raw[: -(2 + 65)]

    def test_data_output_keeps_its_bytes(self) -> None:
        transaction = decode_transaction(encoded(outputs=b"\x01\x01\x03abc"))
        assert transaction.outputs == (Data(b"abc"),)

    def test_signature_count_counts_those_that_are_there(self) -> None:
        assert decode_transaction(encoded()).signature_count == 0
        both = encoded(signatures=b"\x41" + SIGNATURE + b"\x41" + SIGNATURE)
        assert decode_transaction(both).signature_count == 2
        assert decode_transaction(both).size == len(both)

    def test_outpoint_is_the_id_and_a_big_endian_index(self) -> None:
        transaction = decode_transaction(encoded())
        assert transaction.inputs[0].outpoint == HASH + b"\x00\x00\x00\x05"
        assert transaction.outpoint(258) == transaction.id + b"\x00\x00\x01\x02"

    @given(strategies.transactions)
    def test_decoding_gives_back_what_was_built(self, transaction: Transaction) -> None:
        assert decode_transaction(transaction.raw) == transaction
        body = encode_body(transaction.inputs, transaction.outputs, transaction.timestamp)
        assert transaction.raw.startswith(body)
        assert transaction_body(transaction) == body
        rebuilt = build_transaction(
            transaction.inputs, transaction.outputs, transaction.timestamp, transaction.signature
        )
        assert rebuilt == transaction

    @given(strategies.transactions, st.data())
    def test_changed_bytes_are_another_value_or_an_error(
        self, transaction: Transaction, data: st.DataObject
    ) -> None:
        raw = bytearray(transaction.raw)
        raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
        try:
            other = decode_transaction(bytes(raw))
        except errors.EncodingError:
            return
        assert other != transaction
        assert other.raw == raw
        rebuilt = build_transaction(other.inputs, other.outputs, other.timestamp, other.signature)
        assert rebuilt.raw == raw

    @given(strategies.transactions, st.data())
    def test_a_cut_is_an_error(self, transaction: Transaction, data: st.DataObject) -> None:
        cut = data.draw(st.integers(0, len(transaction.raw) - 1))
        with pytest.raises(errors.EncodingError):
            decode_transaction(transaction.raw[:cut])

    @pytest.mark.parametrize(
        ("raw", "error"),
        [
            (b"", errors.Truncated),
            (encoded()[:-1], errors.Truncated),
            (encoded(version=b"\x02"), errors.UnknownVersion),
            (encoded(version=b"\x00"), errors.UnknownVersion),
            (encoded(inputs=b"\x01" + HASH + b"\x80\x00"), errors.VarintForm),
            (encoded(inputs=b"\x01" + HASH + b"\xff" * 9 + b"\x02"), errors.VarintForm),
            (encoded(inputs=b"\x01" + HASH + b"\x80\x80\x80\x80\x10"), errors.IndexRange),
            (encoded(inputs=b"\x7f"), errors.CountTooLarge),
            (encoded(outputs=b"\x01\x02" + KEY_HASH + b"\x07"), errors.UnknownOutputKind),
            (encoded(outputs=b"\x01\x01\x81\x02" + bytes(257)), errors.DataTooLong),
            (encoded(signatures=b"\x40" + bytes(64) + b"\x00"), errors.SignatureLength),
            (encoded(signatures=b"\x42" + bytes(66) + b"\x00"), errors.SignatureLength),
            (encoded() + b"\x00", errors.TrailingBytes),
        ],
    )
    def test_malformed_bytes_name_their_rule(
        self, raw: bytes, error: type[errors.EncodingError]
    ) -> None:
        with pytest.raises(error) as raised:
            decode_transaction(raw)
        assert 0 <= int(raised.value.values["offset"]) <= len(raw)

    def test_limits_themselves_are_allowed(self) -> None:
        largest = decode_transaction(
            encoded(
                inputs=b"\x01" + HASH + b"\xff\xff\xff\xff\x0f",
                outputs=b"\x01\x01\x80\x02" + bytes(256),
            )
        )
        assert largest.inputs[0].output_index == 0xFFFFFFFF
        assert largest.outputs == (Data(bytes(256)),)

    def test_packed_transactions_are_read_until_the_end(self) -> None:
        first, second = encoded(), encoded(timestamp=b"\x01" * 8)
        packed = decode_transactions(first + second)
        assert [transaction.raw for transaction in packed] == [first, second]
        assert decode_transactions(b"") == []
        with pytest.raises(errors.Truncated):
            decode_transactions(first + second[:-1])


class TestVarint:
    @pytest.mark.parametrize(
        ("value", "raw"),
        [
            (0, b"\x00"),
            (127, b"\x7f"),
            (128, b"\x80\x01"),
            (300, b"\xac\x02"),
            ((1 << 64) - 1, b"\xff" * 9 + b"\x01"),
        ],
    )
    def test_form_is_the_shortest(self, value: int, raw: bytes) -> None:
        assert encode_varint(value) == raw

    @pytest.mark.parametrize("value", [-1, 1 << 64])
    def test_other_integers_are_a_callers_mistake(self, value: int) -> None:
        with pytest.raises(AssertionError):
            encode_varint(value)


class TestHeader:
    def test_fields_stand_where_the_protocol_says(self) -> None:
        header = build_header(
            height=2,
            previous=b"\x03" * 32,
            merkle_root=b"\x04" * 32,
            time_ms=5,
            target_bits=6,
            tx_count=7,
            nonce=8,
        )
        assert header.raw == (
            b"\x01\x00\x00\x00\x02\x00\x00\x00" + b"\x03" * 32 + b"\x04" * 32
            + b"\x05" + bytes(7) + b"\x06\x00\x00\x00\x07\x00\x00\x00\x08" + bytes(7)
        )  # fmt: skip
        assert header.hash == hash256(header.raw)
        assert decode_header(header.raw) == header

    @given(st.binary(min_size=96, max_size=96))
    def test_any_96_bytes_are_one_header(self, raw: bytes) -> None:
        assert decode_header(raw).raw == raw

    @pytest.mark.parametrize("length", [0, 95, 97])
    def test_other_lengths_are_refused(self, length: int) -> None:
        with pytest.raises(errors.WrongLength) as raised:
            decode_header(bytes(length))
        assert raised.value.values == {"expected": 96, "actual": length}


class TestSignatureField:
    def test_empty_and_full_are_read(self) -> None:
        assert read_signature(b"\x00rest", 0) == (b"", 1)
        assert read_signature(b"." + encode_signature(SIGNATURE), 1) == (SIGNATURE, 67)

    @pytest.mark.parametrize("raw", [b"", b"\x41" + bytes(64)])
    def test_cut_is_truncated(self, raw: bytes) -> None:
        with pytest.raises(errors.Truncated):
            read_signature(raw, 0)

    def test_other_lengths_are_refused(self) -> None:
        with pytest.raises(errors.SignatureLength):
            read_signature(b"\x01\x00", 0)


class TestBlock:
    def test_block_gives_back_its_transactions(self) -> None:
        forge = Forge()
        block = forge.assemble()
        again = decode_block(block.raw)
        assert again.header == block.header
        assert again.hash == block.hash
        (reward,) = block_transactions(again)
        assert reward.outputs[0] == pay(forge.miner.key_hash, 25 * 10**8)

    def test_body_of_another_block_is_a_mismatch_that_blames_no_header(self) -> None:
        forge = Forge()
        first, second = forge.assemble(miner=ALICE), forge.assemble(miner=BOB)
        with pytest.raises(errors.BodyMismatch):
            build_block(first.header, b"", block_transactions(second))

    def test_duplicated_tail_does_not_keep_the_root(self) -> None:
        forge = Forge()
        (reward,) = block_transactions(forge.assemble())
        header = remake(forge.assemble().header, tx_count=2)
        with pytest.raises(errors.BodyMismatch):
            build_block(header, b"", [reward, reward])

    @pytest.mark.parametrize(
        ("tx_count", "error"), [(0, errors.TrailingBytes), (2, errors.Truncated)]
    )
    def test_count_must_be_the_bodys(
        self, tx_count: int, error: type[errors.EncodingError]
    ) -> None:
        block = Forge().assemble()
        header = remake(block.header, tx_count=tx_count)
        with pytest.raises((error, errors.CountTooLarge)):
            decode_block(header.raw + block.raw[96:])

    @given(st.data())
    def test_changed_bytes_are_never_accepted_as_the_same_block(self, data: st.DataObject) -> None:
        block = _BLOCK
        raw = bytearray(block.raw)
        raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
        try:
            other = decode_block(bytes(raw))
        except (errors.EncodingError, errors.BodyMismatch):
            return
        assert other.raw == raw
        assert other.hash != block.hash or other.seal != block.seal


_BLOCK = Forge().assemble()
