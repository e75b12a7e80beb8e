"""Test vectors of the wire: every message as a frame, proofs, announcements and short ids.

`tools.vectors` writes them. Short ids come from the slow twin, signatures from fixed keys.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from chaindeck.kernel import twin
from chaindeck.ledger import profiles
from chaindeck.ledger.checkpoints import encode_checkpoint, sign_checkpoint
from chaindeck.ledger.genesis import Network, build_network
from chaindeck.ledger.signatures import SigningKey
from chaindeck.ledger.types import BlockHash, FullId, Header, Height
from chaindeck.protocol.codec import encode_introduction, encode_message
from chaindeck.protocol.compact import compact_key
from chaindeck.protocol.datagrams import Kind, encode_announcement
from chaindeck.protocol.handshake import Role, prove, transcript_digest
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
    Welcome,
)
from chaindeck.protocol.types import Address, Binding, NodeKey, make_address

NETWORK: Network = build_network(profiles.dev())
DIALLER = SigningKey(bytes([1]) * 32)
ANSWERER = SigningKey(bytes([2]) * 32)
BINDING = Binding(bytes([9]) * 32)
SALT = bytes(range(8))
TIME_MS = 1_800_000_000_123

Rows = list[dict[str, Any]]


def introduction(key: SigningKey, nonce: int, agent: str) -> Introduction:
    """Return what a node of the development network says about itself."""
    return Introduction(
        version=1,
        network_id=NETWORK.id,
        key=NodeKey(key.public_key),
        nonce=bytes([nonce]) * 32,
        height=70_000,
        work=(1 << 64) + 258,
        port=8_333,
        features=0,
        time_ms=TIME_MS,
        agent=agent,
    )


HELLO = introduction(DIALLER, 3, "chaindeck")
WELCOME = introduction(ANSWERER, 4, "")
_OPENING = (encode_introduction(HELLO), encode_introduction(WELCOME))


def messages() -> list[Message]:
    """Return at least one of each message, with values at which encodings change their length."""
    block = NETWORK.block
    ids = tuple(FullId(twin.hash256(bytes([number]))) for number in range(3))
    hashes = tuple(BlockHash(twin.hash256(bytes([number]) * 2)) for number in range(3))
    raws = (b"\x01" * 127, b"\x02" * 128, b"")
    seal = DIALLER.sign(twin.hash256(b"a seal"))
    checkpoint = sign_checkpoint(NETWORK, Height(7), hashes[0], [DIALLER, ANSWERER])
    peers = (
        KnownPeer(make_address("192.0.2.7", 8_333), 1_800_000_000, 0),
        KnownPeer(make_address("2001:db8::1", 65_535), 0, 16),
        KnownPeer(Address(bytes(16), 0), (1 << 64) - 1, 255),
    )
    return [
        Hello(HELLO),
        Welcome(WELCOME, prove(ANSWERER, Role.ANSWERER, *_OPENING, BINDING)),
        Proof(prove(DIALLER, Role.DIALLER, *_OPENING, BINDING)),
        Ping(0x0102030405060708),
        Pong((1 << 64) - 1),
        AskPeers(),
        GivePeers(peers),
        Neighbours(frozenset(twin.hash256(key.public_key)[:8] for key in (DIALLER, ANSWERER))),
        AnnouncePayments(ids),
        AskPayments(ids[:1]),
        Payments(raws),
        PaymentsUnknown(()),
        _compact(block.header, block.raw[97:]),
        AskHeaders(hashes),
        Headers(((block.header, b""), (block.header, seal))),
        AskBlocks(hashes[:2]),
        BlockBody(block.raw),
        BlocksUnknown(hashes[1:]),
        AskCompact(hashes[2]),
        AskMissing(hashes[0], (0, 1, 128, 257, 20_000)),
        Missing(hashes[0], raws[:2]),
        PoolDigest(300, bytes(range(256)) * 8),
        AskPool(b"\x01" + bytes(30) + b"\x80"),
        CheckpointNotice(encode_checkpoint(checkpoint)),
        Bye("node-stopping"),
    ]


def frames() -> Rows:
    return [
        {
            "message": type(message).__name__,
            "fields": {name: _plain(getattr(message, name)) for name in message.__struct_fields__},
            "frame": encode_message(NETWORK.magic, message).hex(),
        }
        for message in messages()
    ]


def proofs() -> Rows:
    return [
        {
            "role": role.name.lower(),
            "hello": _OPENING[0].hex(),
            "welcome": _OPENING[1].hex(),
            "binding": BINDING.hex(),
            "digest": transcript_digest(role, *_OPENING, BINDING).hex(),
            "key": key.public_key.hex(),
            "signature": prove(key, role, *_OPENING, BINDING).hex(),
        }
        for role, key in ((Role.DIALLER, DIALLER), (Role.ANSWERER, ANSWERER))
    ]


def announcements() -> Rows:
    return [
        {
            "network_id": NETWORK.id.hex(),
            "kind": kind.name.lower(),
            "time_ms": TIME_MS,
            "height": height,
            "port": 8_333,
            "key": DIALLER.public_key.hex(),
            "datagram": encode_announcement(
                NETWORK.id, DIALLER, kind=kind, time_ms=TIME_MS, height=height, port=8_333
            ).hex(),
        }
        for kind, height in ((Kind.ASK, 0), (Kind.ANSWER, (1 << 32) - 1))
    ]


def short_ids() -> Rows:
    """The key of a header and a salt, then what it makes of some ids."""
    ids = [hashlib.sha256(bytes([number])).digest() for number in range(5)]
    key = compact_key(NETWORK.block.header, SALT)
    return [
        {
            "header": NETWORK.block.header.raw.hex(),
            "salt": SALT.hex(),
            "key": key.hex(),
            "full_ids": [one.hex() for one in ids],
            "short_ids": [twin.short_ids(key, one).hex() for one in ids],
        }
    ]


def _compact(header: Header, coinbase: bytes) -> CompactBlock:
    """Return a compact block as it may come: two names more than the header counts."""
    names = twin.short_ids(compact_key(header, SALT), bytes(32) + bytes([1]) * 32)
    return CompactBlock(header, b"", SALT, coinbase, names)


def _plain(value: object) -> Any:  # noqa: ANN401 - JSON values are of many types
    """Return a field as JSON: bytes in hexadecimal, integers of over 53 bits as text."""
    match value:
        case bytes():
            return value.hex()
        case Header():
            return value.raw.hex()
        case msgspec.Struct():
            return {name: _plain(getattr(value, name)) for name in value.__struct_fields__}
        case frozenset():
            return sorted(_plain(item) for item in value)
        case tuple():
            return [_plain(item) for item in value]
        case int() if value >= 1 << 53:
            return str(value)
    return value
