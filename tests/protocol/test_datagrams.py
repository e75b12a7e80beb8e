"""Announcements are signed, equally long, and of one network."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaindeck.protocol import errors
from chaindeck.protocol.datagrams import (
    ANNOUNCEMENT_BYTES,
    Announcement,
    Kind,
    check_announcement,
    decode_announcement,
    encode_announcement,
    read_announcement,
)
from tests.ledger.forge import ALICE, BOB, KEYS
from tests.ledger.test_signatures import with_high_s

NETWORK = bytes(range(32))
OTHER = bytes(range(4)) + bytes(28)
SIGNED = 52


def announce(**changes: object) -> bytes:
    fields = {"kind": Kind.ASK, "time_ms": 258, "height": 259, "port": 80, **changes}
    return encode_announcement(NETWORK, ALICE, **fields)


RAW = announce()


class TestEncoding:
    def test_announcement_has_the_bytes_of_the_page(self) -> None:
        fields = (
            bytes(range(4))
            + b"\x00"
            + b"\x02\x01"
            + bytes(6)
            + b"\x03\x01\x00\x00"
            + b"\x50\x00"
            + ALICE.public_key
        )
        tag = hashlib.sha256(b"chaindeck/announce").digest()
        signature = ALICE.sign(hashlib.sha256(tag + tag + NETWORK + fields).digest())
        assert fields + signature == RAW

    @given(
        kind=st.sampled_from(Kind),
        time_ms=st.integers(0, (1 << 64) - 1),
        height=st.integers(0, (1 << 32) - 1),
        port=st.integers(0, (1 << 16) - 1),
    )
    def test_what_is_written_is_read_again(self, kind, time_ms, height, port) -> None:
        raw = announce(kind=kind, time_ms=time_ms, height=height, port=port)
        assert decode_announcement(NETWORK, raw) == Announcement(
            kind, time_ms, height, port, ALICE.public_key, raw[SIGNED:]
        )

    def test_keys_of_both_signs_announce(self) -> None:
        signs = {key.public_key[0]: key for key in KEYS}
        assert set(signs) == {2, 3}
        for key in signs.values():
            raw = encode_announcement(NETWORK, key, kind=Kind.ASK, time_ms=1, height=2, port=3)
            assert decode_announcement(NETWORK, raw).key == key.public_key

    def test_answer_is_as_long_as_the_question(self) -> None:
        answer = announce(kind=Kind.ANSWER, time_ms=(1 << 64) - 1, height=(1 << 32) - 1)
        assert len(answer) == len(RAW) == ANNOUNCEMENT_BYTES == 117


class TestRefusing:
    @pytest.mark.parametrize("raw", [b"", RAW[:-1], RAW + b"\x00", bytes(1_500)])
    def test_other_lengths_are_malformed(self, raw) -> None:
        with pytest.raises(errors.MessageMalformed, match="117 bytes") as raised:
            read_announcement(NETWORK, raw)
        assert raised.value.values["offset"] == 0

    def test_other_network_is_told_by_its_magic(self) -> None:
        with pytest.raises(errors.FrameMagic):
            decode_announcement(NETWORK[1:] + b"\x20", RAW)

    def test_network_with_the_same_magic_is_told_by_the_signature(self) -> None:
        with pytest.raises(errors.PeerSignature):
            decode_announcement(OTHER, RAW)

    @pytest.mark.parametrize("kind", [2, 255])
    def test_unknown_kind_is_malformed(self, kind) -> None:
        with pytest.raises(errors.MessageMalformed, match=f"kind {kind}"):
            read_announcement(NETWORK, RAW[:4] + bytes([kind]) + RAW[5:])

    @pytest.mark.parametrize("prefix", [0, 1, 4])
    def test_key_that_is_not_compressed_is_malformed(self, prefix) -> None:
        with pytest.raises(errors.MessageMalformed, match="compressed") as raised:
            read_announcement(NETWORK, RAW[:19] + bytes([prefix]) + RAW[20:])
        assert raised.value.values["offset"] == 19

    @pytest.mark.parametrize("place", range(4, ANNOUNCEMENT_BYTES))
    def test_any_byte_changed_makes_it_worthless(self, place) -> None:
        changed = RAW[:place] + bytes([RAW[place] ^ 1]) + RAW[place + 1 :]
        with pytest.raises((errors.PeerSignature, errors.MessageMalformed)):
            decode_announcement(NETWORK, changed)

    def test_signature_by_another_key_is_refused(self) -> None:
        stranger = encode_announcement(
            NETWORK, BOB, kind=Kind.ASK, time_ms=258, height=259, port=80
        )
        with pytest.raises(errors.PeerSignature) as raised:
            check_announcement(NETWORK, RAW[:SIGNED] + stranger[SIGNED:])
        assert raised.value.values == {"key": ALICE.public_key.hex()}

    def test_other_form_of_the_same_signature_is_refused(self) -> None:
        with pytest.raises(errors.PeerSignature):
            check_announcement(NETWORK, RAW[:SIGNED] + with_high_s(RAW[SIGNED:]))
