"""Messages to frames and back, each in exactly one encoding.

What decodes encodes again to the same bytes; anything else is a `PeerFault`. Counts are held
against their limits before room is made for what they count. Transactions, whole blocks and
checkpoints stay packed: whether they are any good is for those who asked for them.

Integers are little-endian and a varint is that of the ledger, in its shortest form. Lists carry
their count in front. docs/protocol.md lists every message byte by byte.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from itertools import pairwise
from typing import Any, Final, TypeVar, cast

from chaindeck.ledger.codec import decode_header, encode_signature, encode_varint, read_signature
from chaindeck.ledger.errors import EncodingError
from chaindeck.ledger.limits import HEADER_BYTES, SIGNATURE_BYTES
from chaindeck.ledger.types import BlockHash, FullId, Header
from chaindeck.protocol import limits
from chaindeck.protocol.frames import encode_frame
from chaindeck.protocol.kinds import DiscoveryKind, PaymentKind, SyncKind
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
from chaindeck.protocol.pieces import (
    HASH_BYTES,
    check_end,
    cut,
    kind_byte,
    read_count,
    read_hash,
    read_raws,
    read_short,
    read_varint,
    refuse,
    start_of_list,
    with_lengths,
    write_list,
)
from chaindeck.protocol.types import Address, NodeKey

_INTRODUCTION: Final = struct.Struct("<H32s33s32sIHQQ")
_NONCE: Final = struct.Struct("<Q")
_KNOWN_PEER: Final = struct.Struct("<16sHQB")
_DIGEST_COUNT: Final = struct.Struct("<I")
_NEIGHBOUR_BYTES: Final = 8
_SHORT_ID_BYTES: Final = 6
_SALT_BYTES: Final = 8
_KEY_PREFIXES: Final = (2, 3)
_AGENT_BYTES: Final = frozenset(range(0x20, 0x7F))
_CODE_BYTES: Final = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789-")

_M = TypeVar("_M")


def encode_message(magic: bytes, message: Message) -> bytes:
    """Return the frame that says this. The message keeps the limits that reading checks."""
    frame_type, encode = _ENCODERS[type(message)]
    return encode_frame(magic, frame_type, encode(message))


def decode_message(frame_type: Type, payload: bytes) -> Message:
    """Return what a frame says, or raise a `MessageFault`."""
    try:
        return _DECODERS[frame_type](payload)
    except EncodingError as error:
        refuse(error.code, int(error.values["offset"]))


# --- Introductions ---------------------------------------------------------------------------


def encode_introduction(introduction: Introduction) -> bytes:
    """Return the payload of a HELLO, which is also what the handshake signs."""
    work = introduction.work.to_bytes((introduction.work.bit_length() + 7) // 8, "big")
    agent = introduction.agent.encode("ascii")
    assert len(work) <= limits.MAX_WORK_BYTES
    assert len(agent) <= limits.MAX_AGENT_BYTES
    fixed = _INTRODUCTION.pack(
        introduction.version,
        introduction.network_id,
        introduction.key,
        introduction.nonce,
        introduction.height,
        introduction.port,
        introduction.features,
        introduction.time_ms,
    )
    return b"".join((fixed, bytes((len(work),)), work, bytes((len(agent),)), agent))


def _read_introduction(payload: bytes) -> tuple[Introduction, int]:
    """Return an introduction and where it ends."""
    if len(payload) < _INTRODUCTION.size:
        refuse("too short", len(payload))
    version, network_id, key, nonce, height, port, features, time_ms = _INTRODUCTION.unpack_from(
        payload
    )
    if key[0] not in _KEY_PREFIXES:
        refuse("the key is not compressed", 34)
    work, start = read_short(payload, _INTRODUCTION.size, limits.MAX_WORK_BYTES)
    if work and not work[0]:
        refuse("the work has leading zeros", _INTRODUCTION.size + 1)
    agent, end = read_short(payload, start, limits.MAX_AGENT_BYTES)
    if not _AGENT_BYTES.issuperset(agent):
        refuse("the agent is not printable ASCII", start + 1)
    return Introduction(
        version,
        network_id,
        NodeKey(key),
        nonce,
        height,
        int.from_bytes(work, "big"),
        port,
        features,
        time_ms,
        agent.decode("ascii"),
    ), end


def _decode_hello(payload: bytes) -> Hello:
    introduction, end = _read_introduction(payload)
    check_end(payload, end)
    return Hello(introduction)


def _encode_welcome(message: Welcome) -> bytes:
    assert len(message.signature) == SIGNATURE_BYTES
    return encode_introduction(message.introduction) + message.signature


def _decode_welcome(payload: bytes) -> Welcome:
    introduction, start = _read_introduction(payload)
    check_end(payload, start + SIGNATURE_BYTES)
    return Welcome(introduction, payload[start:])


def _encode_proof(message: Proof) -> bytes:
    assert len(message.signature) == SIGNATURE_BYTES
    return message.signature


def _decode_proof(payload: bytes) -> Proof:
    check_end(payload, SIGNATURE_BYTES)
    return Proof(payload)


# --- Heartbeats and farewells ----------------------------------------------------------------


def _encode_nonce(message: Ping | Pong) -> bytes:
    return _NONCE.pack(message.nonce)


def _decode_ping(payload: bytes) -> Ping:
    check_end(payload, _NONCE.size)
    return Ping(int.from_bytes(payload, "little"))


def _decode_pong(payload: bytes) -> Pong:
    check_end(payload, _NONCE.size)
    return Pong(int.from_bytes(payload, "little"))


def _encode_bye(message: Bye) -> bytes:
    code = message.code.encode("ascii")
    assert 0 < len(code) <= limits.MAX_CODE_BYTES
    return code


def _decode_bye(payload: bytes) -> Bye:
    if not 0 < len(payload) <= limits.MAX_CODE_BYTES:
        refuse(f"a code has 1 to {limits.MAX_CODE_BYTES} letters", 0)
    if not _CODE_BYTES.issuperset(payload):
        refuse("a code is made of a-z, 0-9 and hyphens", 0)
    return Bye(payload.decode("ascii"))


# --- Peers -----------------------------------------------------------------------------------


def _encode_ask_peers(_: AskPeers) -> bytes:
    return kind_byte(DiscoveryKind.ASK_PEERS)


def _decode_ask_peers(payload: bytes) -> AskPeers:
    check_end(payload, 1)
    return AskPeers()


def _encode_give_peers(message: GivePeers) -> bytes:
    packed = [
        _KNOWN_PEER.pack(peer.address.ip, peer.address.port, peer.seen_s, peer.hops)
        for peer in message.peers
    ]
    return write_list(kind_byte(DiscoveryKind.GIVE_PEERS), packed, limits.MAX_PEERS_GIVEN)


def _decode_give_peers(payload: bytes) -> GivePeers:
    start = start_of_list(payload, 1, _KNOWN_PEER.size, limits.MAX_PEERS_GIVEN, "peers")
    entries = _KNOWN_PEER.iter_unpack(payload[start:])
    return GivePeers(
        tuple([KnownPeer(Address(ip, port), seen_s, hops) for ip, port, seen_s, hops in entries])
    )


def _encode_neighbours(message: Neighbours) -> bytes:
    return write_list(
        kind_byte(DiscoveryKind.NEIGHBOURS), sorted(message.keys), limits.MAX_PEERS_GIVEN
    )


def _decode_neighbours(payload: bytes) -> Neighbours:
    start = start_of_list(payload, 1, _NEIGHBOUR_BYTES, limits.MAX_PEERS_GIVEN, "neighbours")
    keys = cut(payload, start, _NEIGHBOUR_BYTES)
    if any(later <= earlier for earlier, later in pairwise(keys)):
        refuse("the neighbours do not rise", start)
    return Neighbours(frozenset(keys))


# --- Payments --------------------------------------------------------------------------------


def _ids_codec(
    make: Callable[[tuple[FullId, ...]], _M], kind: PaymentKind
) -> tuple[Callable[[Any], bytes], Callable[[bytes], _M]]:
    """Return how to write and read one of the three messages that are a list of ids."""
    prefix = kind_byte(kind)

    def encode(message: AnnouncePayments | AskPayments | PaymentsUnknown) -> bytes:
        return write_list(prefix, message.full_ids, limits.MAX_IDS)

    def decode(payload: bytes) -> _M:
        start = start_of_list(payload, 1, HASH_BYTES, limits.MAX_IDS, "ids")
        return make(cast("tuple[FullId, ...]", cut(payload, start, HASH_BYTES)))

    return encode, decode


def _encode_payments(message: Payments) -> bytes:
    return write_list(kind_byte(PaymentKind.PAYMENTS), with_lengths(message.raws), limits.MAX_IDS)


def _decode_payments(payload: bytes) -> Payments:
    return Payments(read_raws(payload, 1, limits.MAX_IDS))


# --- Blocks ----------------------------------------------------------------------------------


def _read_header(payload: bytes, start: int) -> tuple[Header, bytes, int]:
    """Return a header and its seal, and where they end."""
    middle = start + HEADER_BYTES
    if len(payload) < middle:
        refuse("the header has no end", start)
    seal, end = read_signature(payload, middle)
    return decode_header(payload[start:middle]), seal, end


def _encode_compact(message: CompactBlock) -> bytes:
    assert len(message.salt) == _SALT_BYTES
    assert len(message.short_ids) % _SHORT_ID_BYTES == 0
    return b"".join(
        (
            message.header.raw,
            encode_signature(message.seal),
            message.salt,
            encode_varint(len(message.coinbase)),
            message.coinbase,
            message.short_ids,
        )
    )


def _decode_compact(payload: bytes) -> CompactBlock:
    header, seal, start = _read_header(payload, 0)
    salt_end = start + _SALT_BYTES
    if len(payload) < salt_end:
        refuse("the salt has no end", start)
    length, coinbase_start = read_varint(payload, salt_end)
    ids_start = coinbase_start + length
    if ids_start > len(payload) or (len(payload) - ids_start) % _SHORT_ID_BYTES:
        refuse("short ids do not fill the rest", coinbase_start)
    return CompactBlock(
        header,
        seal,
        payload[start:salt_end],
        payload[coinbase_start:ids_start],
        payload[ids_start:],
    )


def _encode_headers(message: Headers) -> bytes:
    packed = [header.raw + encode_signature(seal) for header, seal in message.headers]
    return write_list(kind_byte(SyncKind.HEADERS), packed, limits.MAX_HEADERS)


def _decode_headers(payload: bytes) -> Headers:
    count, offset = read_count(payload, 1, limits.MAX_HEADERS, "headers")
    headers = []
    for _ in range(count):
        header, seal, offset = _read_header(payload, offset)
        headers.append((header, seal))
    check_end(payload, offset)
    return Headers(tuple(headers))


def _hashes_codec(
    make: Callable[[tuple[BlockHash, ...]], _M], field: str, kind: SyncKind, limit: int
) -> tuple[Callable[[Any], bytes], Callable[[bytes], _M]]:
    """Return how to write and read one of the three messages that are a list of block hashes."""
    prefix = kind_byte(kind)

    def encode(message: AskHeaders | AskBlocks | BlocksUnknown) -> bytes:
        return write_list(prefix, getattr(message, field), limit)

    def decode(payload: bytes) -> _M:
        start = start_of_list(payload, 1, HASH_BYTES, limit, "hashes")
        return make(cast("tuple[BlockHash, ...]", cut(payload, start, HASH_BYTES)))

    return encode, decode


def _encode_body(message: BlockBody) -> bytes:
    return kind_byte(SyncKind.BLOCK_BODY) + message.raw


def _decode_body(payload: bytes) -> BlockBody:
    return BlockBody(payload[1:])


def _encode_ask_compact(message: AskCompact) -> bytes:
    return kind_byte(SyncKind.ASK_COMPACT) + message.hash


def _decode_ask_compact(payload: bytes) -> AskCompact:
    block_hash, end = read_hash(payload)
    check_end(payload, end)
    return AskCompact(block_hash)


def _encode_ask_missing(message: AskMissing) -> bytes:
    """Each place is written as how many were left out since the one before."""
    gaps, expected = [], 0
    for place in message.places:
        gaps.append(encode_varint(place - expected))
        expected = place + 1
    assert expected <= limits.MAX_PLACE
    return write_list(kind_byte(SyncKind.ASK_MISSING) + message.hash, gaps, limits.MAX_PLACES)


def _decode_ask_missing(payload: bytes) -> AskMissing:
    block_hash, start = read_hash(payload)
    count, offset = read_count(payload, start, limits.MAX_PLACES, "places")
    places, expected = [], 0
    for _ in range(count):
        gap, offset = read_varint(payload, offset)
        expected += gap
        if expected >= limits.MAX_PLACE:
            refuse("no block has so many places", offset)
        places.append(expected)
        expected += 1
    check_end(payload, offset)
    return AskMissing(block_hash, tuple(places))


def _encode_missing(message: Missing) -> bytes:
    prefix = kind_byte(SyncKind.MISSING) + message.hash
    return write_list(prefix, with_lengths(message.raws), limits.MAX_PLACES)


def _decode_missing(payload: bytes) -> Missing:
    block_hash, start = read_hash(payload)
    return Missing(block_hash, read_raws(payload, start, limits.MAX_PLACES))


def _encode_digest(message: PoolDigest) -> bytes:
    assert len(message.buckets) == 8 * limits.POOL_BUCKETS
    return kind_byte(SyncKind.POOL_DIGEST) + _DIGEST_COUNT.pack(message.count) + message.buckets


def _decode_digest(payload: bytes) -> PoolDigest:
    start = 1 + _DIGEST_COUNT.size
    check_end(payload, start + 8 * limits.POOL_BUCKETS)
    return PoolDigest(int.from_bytes(payload[1:start], "little"), payload[start:])


def _encode_ask_pool(message: AskPool) -> bytes:
    assert len(message.buckets) * 8 == limits.POOL_BUCKETS
    return kind_byte(SyncKind.ASK_POOL) + message.buckets


def _decode_ask_pool(payload: bytes) -> AskPool:
    check_end(payload, 1 + limits.POOL_BUCKETS // 8)
    return AskPool(payload[1:])


def _encode_checkpoint_notice(message: CheckpointNotice) -> bytes:
    return kind_byte(SyncKind.CHECKPOINT) + message.raw


def _decode_checkpoint_notice(payload: bytes) -> CheckpointNotice:
    return CheckpointNotice(payload[1:])


# --- Dispatch --------------------------------------------------------------------------------


def _by_kind(decoders: dict[int, Callable[[bytes], Message]]) -> Callable[[bytes], Message]:
    """Return a decoder that looks at the first byte of the payload."""

    def decode(payload: bytes) -> Message:
        decoder = decoders.get(payload[0]) if payload else None
        if decoder is None:
            refuse("no such kind of message", 0)
        return decoder(payload)

    return decode


_encode_announce, _decode_announce = _ids_codec(AnnouncePayments, PaymentKind.ANNOUNCE)
_encode_ask_payments, _decode_ask_payments = _ids_codec(AskPayments, PaymentKind.ASK)
_encode_unknown, _decode_unknown = _ids_codec(PaymentsUnknown, PaymentKind.UNKNOWN)
_encode_ask_headers, _decode_ask_headers = _hashes_codec(
    AskHeaders, "locator", SyncKind.ASK_HEADERS, limits.LOCATOR_LENGTH
)
_encode_ask_blocks, _decode_ask_blocks = _hashes_codec(
    AskBlocks, "hashes", SyncKind.ASK_BLOCKS, limits.MAX_BLOCKS_IN_FLIGHT
)
_encode_blocks_unknown, _decode_blocks_unknown = _hashes_codec(
    BlocksUnknown, "hashes", SyncKind.BLOCKS_UNKNOWN, limits.MAX_BLOCKS_IN_FLIGHT
)

_ENCODERS: Final[dict[type, tuple[Type, Callable[[Any], bytes]]]] = {
    Hello: (Type.HELLO, lambda message: encode_introduction(message.introduction)),
    Welcome: (Type.WELCOME, _encode_welcome),
    Proof: (Type.PROOF, _encode_proof),
    Ping: (Type.PING, _encode_nonce),
    Pong: (Type.PONG, _encode_nonce),
    AskPeers: (Type.PEER_DISCOVERY, _encode_ask_peers),
    GivePeers: (Type.PEER_DISCOVERY, _encode_give_peers),
    Neighbours: (Type.PEER_DISCOVERY, _encode_neighbours),
    AnnouncePayments: (Type.TX_BROADCAST, _encode_announce),
    AskPayments: (Type.TX_BROADCAST, _encode_ask_payments),
    Payments: (Type.TX_BROADCAST, _encode_payments),
    PaymentsUnknown: (Type.TX_BROADCAST, _encode_unknown),
    CompactBlock: (Type.BLOCK_BROADCAST, _encode_compact),
    AskHeaders: (Type.CHAIN_SYNC, _encode_ask_headers),
    Headers: (Type.CHAIN_SYNC, _encode_headers),
    AskBlocks: (Type.CHAIN_SYNC, _encode_ask_blocks),
    BlockBody: (Type.CHAIN_SYNC, _encode_body),
    BlocksUnknown: (Type.CHAIN_SYNC, _encode_blocks_unknown),
    AskCompact: (Type.CHAIN_SYNC, _encode_ask_compact),
    AskMissing: (Type.CHAIN_SYNC, _encode_ask_missing),
    Missing: (Type.CHAIN_SYNC, _encode_missing),
    PoolDigest: (Type.CHAIN_SYNC, _encode_digest),
    AskPool: (Type.CHAIN_SYNC, _encode_ask_pool),
    CheckpointNotice: (Type.CHAIN_SYNC, _encode_checkpoint_notice),
    Bye: (Type.BYE, _encode_bye),
}

_DECODERS: Final[dict[Type, Callable[[bytes], Message]]] = {
    Type.HELLO: _decode_hello,
    Type.WELCOME: _decode_welcome,
    Type.PROOF: _decode_proof,
    Type.PING: _decode_ping,
    Type.PONG: _decode_pong,
    Type.PEER_DISCOVERY: _by_kind(
        {
            DiscoveryKind.ASK_PEERS: _decode_ask_peers,
            DiscoveryKind.GIVE_PEERS: _decode_give_peers,
            DiscoveryKind.NEIGHBOURS: _decode_neighbours,
        }
    ),
    Type.TX_BROADCAST: _by_kind(
        {
            PaymentKind.ANNOUNCE: _decode_announce,
            PaymentKind.ASK: _decode_ask_payments,
            PaymentKind.PAYMENTS: _decode_payments,
            PaymentKind.UNKNOWN: _decode_unknown,
        }
    ),
    Type.BLOCK_BROADCAST: _decode_compact,
    Type.CHAIN_SYNC: _by_kind(
        {
            SyncKind.ASK_HEADERS: _decode_ask_headers,
            SyncKind.HEADERS: _decode_headers,
            SyncKind.ASK_BLOCKS: _decode_ask_blocks,
            SyncKind.BLOCK_BODY: _decode_body,
            SyncKind.BLOCKS_UNKNOWN: _decode_blocks_unknown,
            SyncKind.ASK_COMPACT: _decode_ask_compact,
            SyncKind.ASK_MISSING: _decode_ask_missing,
            SyncKind.MISSING: _decode_missing,
            SyncKind.POOL_DIGEST: _decode_digest,
            SyncKind.ASK_POOL: _decode_ask_pool,
            SyncKind.CHECKPOINT: _decode_checkpoint_notice,
        }
    ),
    Type.BYE: _decode_bye,
}
