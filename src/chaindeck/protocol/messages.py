"""What nodes say to each other, as values. `codec` turns them into frames and back.

A frame carries one message: its type byte says which of the kinds below it is, and for the types
that have several, the first byte of the payload.
"""

from __future__ import annotations

import enum

import msgspec

from chaindeck.ledger.types import BlockHash, FullId, Header
from chaindeck.protocol.types import Address, NodeKey


class Type(enum.IntEnum):
    """The type byte of a frame."""

    HELLO = 1
    WELCOME = 2
    PROOF = 3
    PING = 4
    PONG = 5
    PEER_DISCOVERY = 6
    TX_BROADCAST = 7
    BLOCK_BROADCAST = 8
    CHAIN_SYNC = 9
    BYE = 10


class Introduction(msgspec.Struct, frozen=True, gc=False):
    """Who speaks, and where it stands."""

    version: int
    network_id: bytes
    key: NodeKey
    nonce: bytes
    """32 bytes, new for each link."""

    height: int
    work: int
    port: int
    """Where it accepts peers; 0 if it accepts none."""

    features: int
    time_ms: int
    agent: str


class Hello(msgspec.Struct, frozen=True, gc=False):
    """The first message of whoever dialled."""

    introduction: Introduction


class Welcome(msgspec.Struct, frozen=True, gc=False):
    """The answer, with the proof that the key is the answerer's."""

    introduction: Introduction
    signature: bytes


class Proof(msgspec.Struct, frozen=True, gc=False):
    """The dialler's proof: only now does it know both nonces."""

    signature: bytes


class Ping(msgspec.Struct, frozen=True, gc=False):
    """Are you there?"""

    nonce: int


class Pong(msgspec.Struct, frozen=True, gc=False):
    """I am."""

    nonce: int


class AskPeers(msgspec.Struct, frozen=True, gc=False):
    """Whom do you know? PEER_DISCOVERY."""


class KnownPeer(msgspec.Struct, frozen=True, gc=False):
    """An address that somebody knows."""

    address: Address
    seen_s: int
    """Unix seconds of the last sign of life."""

    hops: int
    """Through how many mouths it came; over 16 it travels no further."""


class GivePeers(msgspec.Struct, frozen=True, gc=False):
    """Addresses this node knows. PEER_DISCOVERY."""

    peers: tuple[KnownPeer, ...]


class Neighbours(msgspec.Struct, frozen=True, gc=False):
    """Whom this node is linked with now, so that nobody passes on what they have. PEER_DISCOVERY.

    The first 8 bytes of hash256 of each key.
    """

    keys: frozenset[bytes]


class AnnouncePayments(msgspec.Struct, frozen=True, gc=False):
    """These wait here. TX_BROADCAST."""

    full_ids: tuple[FullId, ...]


class AskPayments(msgspec.Struct, frozen=True, gc=False):
    """Send me these. TX_BROADCAST."""

    full_ids: tuple[FullId, ...]


class Payments(msgspec.Struct, frozen=True, gc=False):
    """Whole transactions, asked for or pushed. TX_BROADCAST."""

    raws: tuple[bytes, ...]


class PaymentsUnknown(msgspec.Struct, frozen=True, gc=False):
    """Asked for, but they wait here no more. TX_BROADCAST."""

    full_ids: tuple[FullId, ...]


class CompactBlock(msgspec.Struct, frozen=True, gc=False):
    """A block whose payments the receiver probably has. BLOCK_BROADCAST."""

    header: Header
    seal: bytes
    salt: bytes
    """8 bytes, chosen by the sender for this block."""

    coinbase: bytes
    short_ids: bytes
    """6 bytes for each transaction after the coinbase, in order."""


class AskHeaders(msgspec.Struct, frozen=True, gc=False):
    """What follows the first of these hashes that you have on your chain? CHAIN_SYNC."""

    locator: tuple[BlockHash, ...]


class Headers(msgspec.Struct, frozen=True, gc=False):
    """Headers with seals, each the child of the one before. An announcement has one. CHAIN_SYNC."""

    headers: tuple[tuple[Header, bytes], ...]


class AskBlocks(msgspec.Struct, frozen=True, gc=False):
    """Send me these bodies. CHAIN_SYNC."""

    hashes: tuple[BlockHash, ...]


class BlockBody(msgspec.Struct, frozen=True, gc=False):
    """One whole block, not yet decoded. CHAIN_SYNC."""

    raw: bytes


class BlocksUnknown(msgspec.Struct, frozen=True, gc=False):
    """Asked for, but not here. CHAIN_SYNC."""

    hashes: tuple[BlockHash, ...]


class AskCompact(msgspec.Struct, frozen=True, gc=False):
    """Send me this block in its compact form: it is new, and I have most of it. CHAIN_SYNC."""

    hash: BlockHash


class AskMissing(msgspec.Struct, frozen=True, gc=False):
    """Transactions of a compact block that the receiver lacks, by place. CHAIN_SYNC."""

    hash: BlockHash
    places: tuple[int, ...]
    """Strictly rising."""


class Missing(msgspec.Struct, frozen=True, gc=False):
    """The transactions asked for, in the order of their places. CHAIN_SYNC."""

    hash: BlockHash
    raws: tuple[bytes, ...]


class PoolDigest(msgspec.Struct, frozen=True, gc=False):
    """What waits here, in 256 buckets by first byte of the id. CHAIN_SYNC.

    Each bucket is 8 bytes: the exclusive or of bytes 1 to 8 of the ids in it.
    """

    count: int
    buckets: bytes


class AskPool(msgspec.Struct, frozen=True, gc=False):
    """Announce what waits in these buckets. CHAIN_SYNC."""

    buckets: bytes
    """32 bytes, a bit for each bucket, lowest bit of the first byte first."""


class CheckpointNotice(msgspec.Struct, frozen=True, gc=False):
    """A checkpoint, encoded as `ledger.checkpoints` does. CHAIN_SYNC."""

    raw: bytes


class Bye(msgspec.Struct, frozen=True, gc=False):
    """The sender closes, and says why."""

    code: str


Message = (
    Hello
    | Welcome
    | Proof
    | Ping
    | Pong
    | AskPeers
    | GivePeers
    | Neighbours
    | AnnouncePayments
    | AskPayments
    | Payments
    | PaymentsUnknown
    | CompactBlock
    | AskHeaders
    | Headers
    | AskBlocks
    | BlockBody
    | BlocksUnknown
    | AskCompact
    | AskMissing
    | Missing
    | PoolDigest
    | AskPool
    | CheckpointNotice
    | Bye
)
