"""Each message has one encoding, as docs/protocol.md says, and nothing else decodes."""

from __future__ import annotations

import struct
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaindeck.ledger.codec import decode_header
from chaindeck.protocol import errors
from chaindeck.protocol.codec import decode_message, encode_introduction, encode_message
from chaindeck.protocol.messages import (
    AnnouncePayments,
    AskBlocks,
    AskCompact,
    AskHeaders,
    AskMissing,
    AskPayments,
    AskPeers,
    AskPool,
    BlockBody,
    BlocksUnknown,
    Bye,
    CheckpointNotice,
    CompactBlock,
    GivePeers,
    Headers,
    Hello,
    Introduction,
    KnownPeer,
    Message,
    Missing,
    Neighbours,
    Payments,
    PaymentsUnknown,
    Ping,
    Pong,
    PoolDigest,
    Proof,
    Type,
    Welcome,
)
from chaindeck.protocol.types import Address
from tests.protocol.strategies import MESSAGES
from tools import wire_vectors

MAGIC = b"\x01\x02\x03\x04"
A, B = b"\xaa" * 32, b"\xbb" * 32
KEY = b"\x02" + b"\x05" * 32
SEAL = b"\x06" * 65
HEADER = decode_header(bytes(range(96)))
INTRODUCTION = Introduction(1, A, KEY, B, 258, 259, 80, 7, 513, "deck 1")
INTRODUCED = b"".join(
    (
        b"\x01\x00" + A + KEY + B,
        b"\x02\x01\x00\x00",
        b"\x50\x00",
        b"\x07" + bytes(7),
        b"\x01\x02" + bytes(6),
        b"\x02\x01\x03",
        b"\x06deck 1",
    )
)
PEER = KnownPeer(Address(bytes(range(16)), 80), 5, 3)
EXAMPLES: list[tuple[Type, Message, bytes]] = [
    (Type.HELLO, Hello(INTRODUCTION), INTRODUCED),
    (Type.WELCOME, Welcome(INTRODUCTION, SEAL), INTRODUCED + SEAL),
    (Type.PROOF, Proof(SEAL), SEAL),
    (Type.PING, Ping(258), b"\x02\x01" + bytes(6)),
    (Type.PONG, Pong(258), b"\x02\x01" + bytes(6)),
    (Type.PEER_DISCOVERY, AskPeers(), b"\x00"),
    (
        Type.PEER_DISCOVERY,
        GivePeers((PEER,)),
        b"\x01\x01" + bytes(range(16)) + b"\x50\x00" + b"\x05" + bytes(7) + b"\x03",
    ),
    (
        Type.PEER_DISCOVERY,
        Neighbours(frozenset([b"later...", b"earlier."])),
        b"\x02\x02earlier.later...",
    ),
    (Type.TX_BROADCAST, AnnouncePayments((A, B)), b"\x00\x02" + A + B),
    (Type.TX_BROADCAST, AskPayments((A,)), b"\x01\x01" + A),
    (
        Type.TX_BROADCAST,
        Payments((b"one", bytes(128))),
        b"\x02\x02" + b"\x03one" + b"\x80\x01" + bytes(128),
    ),
    (Type.TX_BROADCAST, PaymentsUnknown((B,)), b"\x03\x01" + B),
    (
        Type.BLOCK_BROADCAST,
        CompactBlock(HEADER, SEAL, b"saltsalt", b"coinbase", b"first.second"),
        HEADER.raw + b"\x41" + SEAL + b"saltsalt" + b"\x08coinbase" + b"first.second",
    ),
    (Type.CHAIN_SYNC, AskHeaders((A, B)), b"\x00\x02" + A + B),
    (
        Type.CHAIN_SYNC,
        Headers(((HEADER, b""), (HEADER, SEAL))),
        b"\x01\x02" + HEADER.raw + b"\x00" + HEADER.raw + b"\x41" + SEAL,
    ),
    (Type.CHAIN_SYNC, AskBlocks((A,)), b"\x02\x01" + A),
    (Type.CHAIN_SYNC, BlockBody(b"a block"), b"\x03a block"),
    (Type.CHAIN_SYNC, BlocksUnknown((B,)), b"\x04\x01" + B),
    (
        Type.CHAIN_SYNC,
        AskMissing(A, (0, 1, 3, 132)),
        b"\x05" + A + b"\x04" + b"\x00" + b"\x00" + b"\x01" + b"\x80\x01",
    ),
    (Type.CHAIN_SYNC, Missing(A, (b"one", b"")), b"\x06" + A + b"\x02" + b"\x03one" + b"\x00"),
    (Type.CHAIN_SYNC, PoolDigest(258, b"\x07" * 2048), b"\x07\x02\x01\x00\x00" + b"\x07" * 2048),
    (Type.CHAIN_SYNC, AskPool(B), b"\x08" + B),
    (Type.CHAIN_SYNC, CheckpointNotice(b"a checkpoint"), b"\x09a checkpoint"),
    (Type.CHAIN_SYNC, AskCompact(A), b"\x0a" + A),
    (Type.BYE, Bye("node-stopping"), b"node-stopping"),
]
BY_NAME = [pytest.param(*row, id=type(row[1]).__name__) for row in EXAMPLES]
OPEN_ENDED = (BlockBody, CheckpointNotice)


def decode(frame_type: Type, payload: bytes) -> Any:
    return decode_message(frame_type, payload)


def payload_of(message: Message) -> bytes:
    return encode_message(MAGIC, message)[13:]


def malformed(frame_type: Type, payload: bytes) -> errors.MessageMalformed:
    with pytest.raises(errors.MessageMalformed) as raised:
        decode(frame_type, payload)
    assert raised.value.code == "message-malformed"
    assert raised.value.is_provable
    return raised.value


class TestEncoding:
    def test_there_is_an_example_of_every_message(self) -> None:
        kinds = set(get_args(Message))
        assert {type(message) for _, message, _ in EXAMPLES} == kinds
        assert {type(message) for message in wire_vectors.messages()} == kinds

    @pytest.mark.parametrize(("frame_type", "message", "payload"), BY_NAME)
    def test_message_has_the_bytes_of_the_page(self, frame_type, message, payload) -> None:
        frame = encode_message(MAGIC, message)
        assert frame[:5] == MAGIC + bytes([frame_type])
        assert frame[13:] == payload
        assert decode(frame_type, payload) == message

    @given(message=MESSAGES)
    def test_what_is_written_is_read_again(self, message) -> None:
        frame = encode_message(MAGIC, message)
        assert decode(Type(frame[4]), frame[13:]) == message

    @given(message=MESSAGES, data=st.data())
    def test_changed_bytes_are_refused_or_another_message(self, message, data) -> None:
        frame = encode_message(MAGIC, message)
        payload = bytearray(frame[13:])
        place = data.draw(st.integers(0, len(payload) - 1))
        payload[place] ^= data.draw(st.integers(1, 255))
        try:
            other = decode(Type(frame[4]), bytes(payload))
        except errors.MessageFault:
            return
        assert other != message
        assert payload_of(other) == payload


class TestStrictness:
    @pytest.mark.parametrize(("frame_type", "message", "payload"), BY_NAME)
    def test_cut_message_is_malformed_at_every_place(self, frame_type, message, payload) -> None:
        for size in range(len(payload)):
            if size > 0 and isinstance(message, (*OPEN_ENDED, Bye)):
                assert payload_of(decode(frame_type, payload[:size])) == payload[:size]
            elif isinstance(message, CompactBlock) and len(payload) - size in (6, 12):
                fewer = decode(frame_type, payload[:size])
                assert fewer.short_ids == b"first."[: 12 - len(payload) + size]
            else:
                assert malformed(frame_type, payload[:size]).values["offset"] <= size

    @pytest.mark.parametrize(("frame_type", "message", "payload"), BY_NAME)
    def test_byte_too_many_is_malformed(self, frame_type, message, payload) -> None:
        if not isinstance(message, OPEN_ENDED):
            malformed(frame_type, payload + b"\x00")

    @pytest.mark.parametrize(
        ("frame_type", "kind"),
        [(Type.PEER_DISCOVERY, 3), (Type.TX_BROADCAST, 4), (Type.CHAIN_SYNC, 11)],
    )
    def test_unknown_kind_is_malformed(self, frame_type, kind) -> None:
        for number in (kind, 255):
            assert malformed(frame_type, bytes([number])).values["offset"] == 0

    @pytest.mark.parametrize(
        "varint", [b"\x81\x00", b"\x80\x80\x00", b"\xff" * 9 + b"\x02", b"\x80" * 10 + b"\x01"]
    )
    def test_count_in_a_longer_form_is_malformed(self, varint) -> None:
        assert malformed(Type.TX_BROADCAST, b"\x00" + varint + A).values["offset"] == 1

    def test_largest_integer_is_read_and_is_too_much(self) -> None:
        with pytest.raises(errors.MessageCount) as raised:
            decode(Type.TX_BROADCAST, b"\x00" + b"\xff" * 9 + b"\x01")
        assert raised.value.values["count"] == (1 << 64) - 1

    def test_header_with_a_seal_of_another_length_is_malformed(self) -> None:
        for length in (1, 64, 66):
            payload = b"\x01\x01" + HEADER.raw + bytes([length]) + bytes(length)
            refused = malformed(Type.CHAIN_SYNC, payload)
            assert refused.values == {"offset": 98, "reason": "encoding-signature-length"}

    def test_coinbase_longer_than_the_rest_is_malformed(self) -> None:
        start = HEADER.raw + b"\x00" + bytes(8)
        assert decode(Type.BLOCK_BROADCAST, start + b"\x02ab").coinbase == b"ab"
        malformed(Type.BLOCK_BROADCAST, start + b"\x03ab")

    def test_short_ids_of_another_length_are_malformed(self) -> None:
        start = HEADER.raw + b"\x00" + bytes(8) + b"\x00"
        for size in (0, 6, 12):
            assert decode(Type.BLOCK_BROADCAST, start + bytes(size)).short_ids == bytes(size)
        for size in (1, 5, 7):
            malformed(Type.BLOCK_BROADCAST, start + bytes(size))

    @pytest.mark.parametrize("names", [b"bbbbbbbbaaaaaaaa", b"aaaaaaaaaaaaaaaa"])
    def test_neighbours_out_of_order_or_repeated_are_malformed(self, names) -> None:
        malformed(Type.PEER_DISCOVERY, b"\x02\x02" + names)

    @pytest.mark.parametrize("code", [b"", b"a" * 65, b"Upper", b"under_score", b"\xff"])
    def test_farewell_without_a_code_is_malformed(self, code) -> None:
        assert malformed(Type.BYE, code).values["offset"] == 0

    def test_farewell_of_any_of_its_letters_is_read(self) -> None:
        code = "abcdefghijklmnopqrstuvwxyz0123456789-"
        assert decode(Type.BYE, code.encode()) == Bye(code)

    def test_farewell_of_64_letters_is_read(self) -> None:
        assert decode(Type.BYE, b"a" * 64) == Bye("a" * 64)


class TestIntroductions:
    def changed(self, **changes: object) -> bytes:
        return encode_introduction(msgspec.structs.replace(INTRODUCTION, **changes))

    @pytest.mark.parametrize("work", [0, 1, 255, 256, (1 << 256) - 1])
    def test_work_takes_no_more_bytes_than_it_needs(self, work) -> None:
        payload = self.changed(work=work)
        assert payload[121] == (work.bit_length() + 7) // 8
        assert decode(Type.HELLO, payload).introduction.work == work

    def test_work_with_leading_zeros_is_malformed(self) -> None:
        payload = self.changed(work=1)
        refused = malformed(Type.HELLO, payload[:121] + b"\x02\x00\x01" + payload[123:])
        assert refused.values["offset"] == 122

    def test_work_of_more_than_32_bytes_is_malformed(self) -> None:
        payload = self.changed(work=0)
        malformed(Type.HELLO, payload[:121] + b"\x21" + b"\x01" * 33 + payload[122:])

    @pytest.mark.parametrize("agent", ["", " ", "~" * 64])
    def test_agent_is_up_to_64_printable_letters(self, agent) -> None:
        assert decode(Type.HELLO, self.changed(agent=agent)).introduction.agent == agent

    @pytest.mark.parametrize("agent", [b"a" * 65, b"\x1f", b"\x7f", b"\n", "é".encode()])
    def test_other_agents_are_malformed(self, agent) -> None:
        payload = self.changed(agent="", work=0)
        refused = malformed(Type.HELLO, payload[:122] + bytes([len(agent)]) + agent)
        assert refused.values["offset"] == (122 if len(agent) > 64 else 123)

    @pytest.mark.parametrize("prefix", [0, 1, 4, 255])
    def test_key_that_is_not_compressed_is_malformed(self, prefix) -> None:
        payload = self.changed(key=bytes([prefix]) + bytes(32))
        assert malformed(Type.HELLO, payload).values["offset"] == 34

    def test_keys_of_both_signs_are_read(self) -> None:
        for prefix in (2, 3):
            key = bytes([prefix]) + bytes(32)
            assert decode(Type.HELLO, self.changed(key=key)).introduction.key == key


def counted(frame_type: Type, head: bytes, item: bytes, count: int) -> Any:
    """Decode a list of that many times the same; the count in three bytes is the longest here."""
    digits = []
    rest = count
    while rest > 0x7F:
        digits.append(rest & 0x7F | 0x80)
        rest >>= 7
    return decode(frame_type, head + bytes([*digits, rest]) + item * count)


class TestCounts:
    @pytest.mark.parametrize(
        ("frame_type", "head", "item", "limit"),
        [
            pytest.param(Type.PEER_DISCOVERY, b"\x01", bytes(27), 1_000, id="peers"),
            pytest.param(Type.TX_BROADCAST, b"\x00", A, 20_000, id="announced"),
            pytest.param(Type.TX_BROADCAST, b"\x01", A, 20_000, id="asked"),
            pytest.param(Type.TX_BROADCAST, b"\x02", b"\x01x", 20_000, id="payments"),
            pytest.param(Type.TX_BROADCAST, b"\x03", A, 20_000, id="unknown"),
            pytest.param(Type.CHAIN_SYNC, b"\x00", A, 64, id="locator"),
            pytest.param(Type.CHAIN_SYNC, b"\x01", HEADER.raw + b"\x00", 2_000, id="headers"),
            pytest.param(Type.CHAIN_SYNC, b"\x02", A, 16, id="blocks"),
            pytest.param(Type.CHAIN_SYNC, b"\x04", A, 16, id="blocks unknown"),
            pytest.param(Type.CHAIN_SYNC, b"\x05" + A, b"\x00", 50_000, id="places"),
            pytest.param(Type.CHAIN_SYNC, b"\x06" + A, b"\x01x", 50_000, id="missing"),
        ],
    )
    def test_list_is_read_up_to_its_limit(self, frame_type, head, item, limit) -> None:
        message = counted(frame_type, head, item, limit)
        assert limit in {
            len(value) for value in msgspec.structs.astuple(message) if isinstance(value, tuple)
        }
        assert payload_of(message).endswith(item)
        with pytest.raises(errors.MessageCount) as raised:
            counted(frame_type, head, item, limit + 1)
        assert raised.value.code == "message-count"
        assert raised.value.values["count"] == limit + 1
        assert raised.value.values["limit"] == limit
        assert raised.value.is_provable

    def test_neighbours_are_read_up_to_their_limit(self) -> None:
        names = [struct.pack(">Q", number) for number in range(1_001)]
        assert (
            len(decode(Type.PEER_DISCOVERY, b"\x02\xe8\x07" + b"".join(names[:1_000])).keys)
            == 1_000
        )
        with pytest.raises(errors.MessageCount):
            decode(Type.PEER_DISCOVERY, b"\x02\xe9\x07" + b"".join(names))

    def test_count_is_refused_before_what_it_counts_is_there(self) -> None:
        for head in (b"\x00", b"\x02"):
            with pytest.raises(errors.MessageCount):
                decode(Type.TX_BROADCAST, head + b"\xff\xff\xff\xff\x0f")

    def test_count_of_more_than_is_there_is_malformed(self) -> None:
        malformed(Type.TX_BROADCAST, b"\x00\x03" + A + B)
        malformed(Type.TX_BROADCAST, b"\x02\x03" + b"\x01x" * 2)
        malformed(Type.CHAIN_SYNC, b"\x01\x02" + HEADER.raw + b"\x00")

    def test_places_end_where_no_compact_block_reaches(self) -> None:
        last = 1024 * 1024 // 6 - 1
        assert decode(Type.CHAIN_SYNC, payload_of(AskMissing(A, (last,)))).places == (last,)
        over = payload_of(AskMissing(A, (last,)))[:34] + b"\xaa\xd5\x0a"
        malformed(Type.CHAIN_SYNC, over)
        malformed(Type.CHAIN_SYNC, b"\x05" + A + b"\x02" + b"\xa9\xd5\x0a" + b"\x00")
