"""What docs/vectors says of the wire is what this code reads, writes and proves."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest

from chaindeck.kernel import short_ids
from chaindeck.ledger.codec import decode_header
from chaindeck.ledger.signatures import is_signed_by
from chaindeck.protocol import errors
from chaindeck.protocol.codec import decode_message, encode_message
from chaindeck.protocol.compact import compact_key
from chaindeck.protocol.datagrams import Kind, decode_announcement
from chaindeck.protocol.frames import FrameReader
from chaindeck.protocol.handshake import Role, check_proof, transcript_digest
from chaindeck.protocol.messages import Message
from tools import vectors, wire_vectors


def rows(name: str) -> list[dict[str, Any]]:
    content: list[dict[str, Any]] = json.loads((vectors.FOLDER / f"{name}.json").read_text())
    return content


def test_frames_say_what_their_fields_say() -> None:
    reader = FrameReader(wire_vectors.NETWORK.magic, 1_000_000)
    seen = set()
    for row, expected in zip(rows("frames"), wire_vectors.messages(), strict=True):
        frame = bytes.fromhex(row["frame"])
        ((frame_type, payload),) = reader.feed(frame)
        message = decode_message(frame_type, payload)
        assert message == expected
        assert type(message).__name__ == row["message"]
        assert encode_message(wire_vectors.NETWORK.magic, message) == frame
        seen.add(type(message))
    assert seen == set(get_args(Message))


def test_proofs_hold_for_their_role() -> None:
    for row in rows("proofs"):
        role = Role[row["role"].upper()]
        hello, welcome, binding, key, signature = (
            bytes.fromhex(row[name]) for name in ("hello", "welcome", "binding", "key", "signature")
        )
        digest = transcript_digest(role, hello, welcome, binding)
        assert digest.hex() == row["digest"]
        assert is_signed_by(key, digest, signature)
        check_proof(key, role, hello, welcome, binding, signature)
        other = Role.ANSWERER if role is Role.DIALLER else Role.DIALLER
        with pytest.raises(errors.PeerSignature):
            check_proof(key, other, hello, welcome, binding, signature)


def test_announcements_are_signed_by_their_key() -> None:
    for row in rows("announcements"):
        announced = decode_announcement(
            bytes.fromhex(row["network_id"]), bytes.fromhex(row["datagram"])
        )
        assert announced.kind is Kind[row["kind"].upper()]
        for name in ("time_ms", "height", "port"):
            assert getattr(announced, name) == row[name]
        assert announced.key.hex() == row["key"]


def test_short_ids_follow_from_header_and_salt() -> None:
    for row in rows("short_ids"):
        header = decode_header(bytes.fromhex(row["header"]))
        key = compact_key(header, bytes.fromhex(row["salt"]))
        assert key.hex() == row["key"]
        ids = bytes.fromhex("".join(row["full_ids"]))
        assert short_ids(key, ids).hex() == "".join(row["short_ids"])
