"""Random messages, each within what its encoding can say."""

from __future__ import annotations

from hypothesis import strategies as st

from chaindeck.ledger.codec import decode_header
from chaindeck.ledger.types import Header
from chaindeck.protocol import limits
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
from chaindeck.protocol.types import Address


def exactly(size: int) -> st.SearchStrategy[bytes]:
    return st.binary(min_size=size, max_size=size)


def below(bits: int) -> st.SearchStrategy[int]:
    return st.integers(0, (1 << bits) - 1)


def several(item: st.SearchStrategy, limit: int = 5) -> st.SearchStrategy[tuple]:
    return st.lists(item, max_size=limit).map(tuple)


KEYS = st.builds(lambda first, rest: bytes([first]) + rest, st.sampled_from([2, 3]), exactly(32))
PRINTABLE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=64)
HEADERS: st.SearchStrategy[Header] = exactly(96).map(decode_header)
SEALS = st.one_of(st.just(b""), exactly(65))
HASHES = exactly(32)
RAWS = several(st.binary(max_size=300))
PLACES = st.sets(st.integers(0, limits.MAX_PLACE - 1), max_size=20).map(sorted).map(tuple)

INTRODUCTIONS = st.builds(
    Introduction,
    version=below(16),
    network_id=exactly(32),
    key=KEYS,
    nonce=exactly(32),
    height=below(32),
    work=below(256),
    port=below(16),
    features=below(64),
    time_ms=below(64),
    agent=PRINTABLE,
)
KNOWN_PEERS = st.builds(
    KnownPeer, st.builds(Address, exactly(16), below(16)), below(64), st.integers(0, 255)
)

MESSAGES: st.SearchStrategy[Message] = st.one_of(
    st.builds(Hello, INTRODUCTIONS),
    st.builds(Welcome, INTRODUCTIONS, exactly(65)),
    st.builds(Proof, exactly(65)),
    st.builds(Ping, below(64)),
    st.builds(Pong, below(64)),
    st.just(AskPeers()),
    st.builds(GivePeers, several(KNOWN_PEERS)),
    st.builds(Neighbours, st.frozensets(exactly(8), max_size=5)),
    st.builds(AnnouncePayments, several(HASHES)),
    st.builds(AskPayments, several(HASHES)),
    st.builds(Payments, RAWS),
    st.builds(PaymentsUnknown, several(HASHES)),
    st.builds(
        CompactBlock,
        HEADERS,
        SEALS,
        exactly(8),
        st.binary(max_size=200),
        st.integers(0, 4).flatmap(lambda count: exactly(6 * count)),
    ),
    st.builds(AskHeaders, several(HASHES)),
    st.builds(Headers, several(st.tuples(HEADERS, SEALS))),
    st.builds(AskBlocks, several(HASHES)),
    st.builds(BlockBody, st.binary(max_size=200)),
    st.builds(BlocksUnknown, several(HASHES)),
    st.builds(AskCompact, HASHES),
    st.builds(AskMissing, HASHES, PLACES),
    st.builds(Missing, HASHES, RAWS),
    st.builds(PoolDigest, below(32), exactly(2048)),
    st.builds(AskPool, exactly(32)),
    st.builds(CheckpointNotice, st.binary(max_size=200)),
    st.builds(Bye, st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=64)),
)
