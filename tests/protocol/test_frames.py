"""Frames come whole out of bytes cut anywhere; what is none is refused before it is kept."""

from __future__ import annotations

import hashlib
import struct
import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaindeck.protocol import errors, limits
from chaindeck.protocol.frames import FrameReader, encode_frame, sync_limits
from chaindeck.protocol.kinds import SyncKind
from chaindeck.protocol.messages import Type

MAGIC = b"\x01\x02\x03\x04"
MAX_BLOCK_BYTES = 1_000_000
LIMITS = {
    Type.HELLO: 1_024,
    Type.WELCOME: 1_024,
    Type.PROOF: 256,
    Type.PING: 64,
    Type.PONG: 64,
    Type.PEER_DISCOVERY: 65_536,
    Type.TX_BROADCAST: 2_097_152,
    Type.BLOCK_BROADCAST: 1_048_576,
    Type.BYE: 256,
}
SYNC_LIMITS = {
    SyncKind.ASK_HEADERS: 2_052,
    SyncKind.HEADERS: 324_004,
    SyncKind.ASK_BLOCKS: 516,
    SyncKind.BLOCK_BODY: 1_000_001,
    SyncKind.BLOCKS_UNKNOWN: 516,
    SyncKind.ASK_MISSING: 150_036,
    SyncKind.MISSING: 1_150_036,
    SyncKind.POOL_DIGEST: 2_053,
    SyncKind.ASK_POOL: 33,
    SyncKind.CHECKPOINT: 16_613,
    SyncKind.ASK_COMPACT: 33,
}
LIMITED = [
    *((kind, b"", limit) for kind, limit in LIMITS.items()),
    *((Type.CHAIN_SYNC, bytes([kind]), limit) for kind, limit in SYNC_LIMITS.items()),
]


def reader() -> FrameReader:
    return FrameReader(MAGIC, MAX_BLOCK_BYTES)


def start(number: int, length: int, checksum: bytes = bytes(4), magic: bytes = MAGIC) -> bytes:
    return struct.pack("<4sBI4s", magic, number, length, checksum)


def feed_cut(target: FrameReader, data: bytes, size: int) -> list[tuple[Type, bytes]]:
    pieces = (data[place : place + size] for place in range(0, len(data), size))
    return [frame for piece in pieces for frame in target.feed(piece)]


class TestEncoding:
    def test_frame_is_magic_type_length_checksum_and_payload(self) -> None:
        checksum = hashlib.sha256(b"payload").digest()[:4]
        expected = MAGIC + b"\x0a" + b"\x07\x00\x00\x00" + checksum + b"payload"
        assert encode_frame(MAGIC, Type.BYE, b"payload") == expected


class TestReading:
    @given(
        frames=st.lists(st.tuples(st.sampled_from([*LIMITS]), st.binary(max_size=60))),
        cuts=st.lists(st.integers(0, 400)),
    )
    def test_frames_come_out_whole_wherever_they_are_cut(self, frames, cuts) -> None:
        data = b"".join(encode_frame(MAGIC, kind, payload) for kind, payload in frames)
        places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
        target = reader()
        found: list[tuple[Type, bytes]] = []
        for begin, end in pairwise(places):
            found += target.feed(data[begin:end])
            assert target.pending < 13 + 60
        assert found == frames
        assert target.pending == 0

    @pytest.mark.parametrize("size", [1, 2, 12, 13, 14, 15, 100])
    def test_every_type_survives_any_piece_size(self, size) -> None:
        frames = [(kind, prefix + bytes(20)) for kind, prefix, _ in LIMITED]
        data = b"".join(encode_frame(MAGIC, *frame) for frame in frames)
        assert feed_cut(reader(), data, size) == frames

    def test_empty_payload_is_a_frame_of_any_type(self) -> None:
        for kind in Type:
            assert feed_cut(reader(), encode_frame(MAGIC, kind, b""), 5) == [(kind, b"")]

    def test_nothing_is_nothing(self) -> None:
        target = reader()
        assert list(target.feed(b"")) == []
        assert target.pending == 0

    def test_block_in_small_pieces_costs_little_more_than_in_one(self) -> None:
        """Copying what waits with every piece would take a thousand times as long."""
        frame = encode_frame(MAGIC, Type.CHAIN_SYNC, b"\x03" + bytes(8_000_000))
        target = FrameReader(MAGIC, 8_000_000)
        began = time.perf_counter()
        assert len(feed_cut(target, frame, 1_000)) == 1
        assert time.perf_counter() - began < 2


class TestRefusing:
    @pytest.mark.parametrize(("kind", "prefix", "limit"), LIMITED)
    def test_payload_of_the_limit_is_taken(self, kind, prefix, limit) -> None:
        payload = prefix.ljust(limit, b"\x00")
        frame = encode_frame(MAGIC, kind, payload)
        assert list(reader().feed(frame)) == [(kind, payload)]

    @pytest.mark.parametrize(("kind", "prefix", "limit"), LIMITED)
    def test_longer_payload_is_refused_before_it_comes(self, kind, prefix, limit) -> None:
        target = reader()
        with pytest.raises(errors.FrameSize) as raised:
            list(target.feed(start(kind, limit + 1) + prefix))
        assert raised.value.code == "frame-size"
        assert raised.value.values["size"] == limit + 1
        assert raised.value.values["limit"] == limit
        assert raised.value.is_provable
        assert target.pending == 0

    def test_kind_that_comes_late_is_waited_for_with_nothing_else(self) -> None:
        target = reader()
        assert list(target.feed(start(Type.CHAIN_SYNC, 1_150_036))) == []
        assert target.pending == 13
        with pytest.raises(errors.FrameSize):
            list(target.feed(b"\x00"))

    def test_length_beyond_every_kind_is_refused_without_the_kind(self) -> None:
        with pytest.raises(errors.FrameSize):
            list(reader().feed(start(Type.CHAIN_SYNC, 1_150_037)))

    def test_blocks_of_a_larger_network_are_larger(self) -> None:
        assert sync_limits(32_000_000)[SyncKind.BLOCK_BODY] == 32_000_001
        assert list(FrameReader(MAGIC, 32_000_000).feed(start(Type.CHAIN_SYNC, 32_000_001))) == []

    def test_unknown_kind_of_sync_is_malformed(self) -> None:
        with pytest.raises(errors.MessageMalformed, match="CHAIN_SYNC has no kind 11") as raised:
            list(reader().feed(start(Type.CHAIN_SYNC, 1) + b"\x0b"))
        assert raised.value.values["offset"] == 0

    @pytest.mark.parametrize("magic", [b"GET ", bytes(4), b"\x01\x02\x03\x05"])
    def test_other_magic_is_another_network_or_noise(self, magic) -> None:
        with pytest.raises(errors.FrameMagic) as raised:
            list(reader().feed(start(Type.PING, 8, magic=magic)))
        assert raised.value.code == "frame-magic"
        assert raised.value.values == {"magic": magic.hex()}
        assert not raised.value.is_provable

    @pytest.mark.parametrize("number", [0, 11, 255])
    def test_unknown_type_is_refused(self, number) -> None:
        with pytest.raises(errors.FrameType) as raised:
            list(reader().feed(start(number, 0)))
        assert raised.value.code == "frame-type"
        assert raised.value.values == {"type": number}

    @pytest.mark.parametrize("place", range(4))
    def test_wrong_checksum_is_refused(self, place) -> None:
        checksum = bytearray(hashlib.sha256(b"payload").digest()[:4])
        checksum[place] ^= 1
        with pytest.raises(errors.FrameChecksum) as raised:
            list(reader().feed(start(Type.BYE, 7, bytes(checksum)) + b"payload"))
        assert raised.value.code == "frame-checksum"
        assert raised.value.values == {"type": "BYE"}

    def test_good_frames_before_a_bad_one_are_given_first(self) -> None:
        data = encode_frame(MAGIC, Type.PING, bytes(8)) * 2 + start(99, 0)
        frames = reader().feed(data)
        assert [next(frames), next(frames)] == [(Type.PING, bytes(8))] * 2
        with pytest.raises(errors.FrameType):
            next(frames)

    def test_faults_in_the_middle_of_pieces_are_found(self) -> None:
        target = reader()
        assert list(target.feed(start(99, 0)[:12])) == []
        with pytest.raises(errors.FrameType):
            list(target.feed(b"\x00"))


def test_limits_of_this_page_are_those_of_the_code() -> None:
    assert sync_limits(MAX_BLOCK_BYTES) == SYNC_LIMITS
    assert len(start(1, 0)) == limits.FRAME_HEADER_BYTES
