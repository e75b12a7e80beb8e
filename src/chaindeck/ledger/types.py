"""The words of the ledger: amounts, hashes, transactions, headers and blocks as frozen values.

Values are made by `codec` (from bytes) or by `build_transaction` and friends there, never field by
field: a `Transaction` in hand has exactly one encoding, and its ids belong to it.

They are `msgspec.Struct` rather than frozen dataclasses because decoding a payment creates five of
them: 0.6 us against 6 us (measured with `make bench`, group `ledger`).
"""

from __future__ import annotations

from typing import NewType

import msgspec

from chaindeck.kernel import BlockIndex

Amount = NewType("Amount", int)
"""Base units; one coin is 10**8 of them."""

Height = NewType("Height", int)
TimeMs = NewType("TimeMs", int)
"""Unix milliseconds."""

TxId = NewType("TxId", bytes)
"""hash256 of a transaction's body: what a signature cannot change."""

FullId = NewType("FullId", bytes)
"""hash256 of a transaction with its signatures: what is gossiped and cached."""

BlockHash = NewType("BlockHash", bytes)
KeyHash = NewType("KeyHash", bytes)
"""First 20 bytes of hash256 of a compressed public key: who owns a coin."""

NetworkId = NewType("NetworkId", bytes)
OutPoint = NewType("OutPoint", bytes)
"""36 bytes, txid then output index big-endian: sorted, a transaction's coins stay together."""

PackedCoin = NewType("PackedCoin", bytes)
"""33 bytes: see `coins`."""

ZERO_HASH = bytes(32)


class TxInput(msgspec.Struct, frozen=True, gc=False):
    """The output that is spent, and a signature of its own if it does not rely on the whole's."""

    tx_id: TxId
    output_index: int
    signature: bytes = b""

    @property
    def outpoint(self) -> OutPoint:
        return OutPoint(self.tx_id + self.output_index.to_bytes(4, "big"))


class Payment(msgspec.Struct, frozen=True, gc=False):
    """An output that a key owns."""

    key_hash: KeyHash
    amount: Amount


class Data(msgspec.Struct, frozen=True, gc=False):
    """An output that only says something; it holds no value and makes no coin."""

    data: bytes


Output = Payment | Data


class Transaction(msgspec.Struct, frozen=True, gc=False):
    """One decoded transaction with its one encoding (`raw`)."""

    id: TxId
    full_id: FullId
    timestamp: int
    inputs: tuple[TxInput, ...]
    outputs: tuple[Output, ...]
    signature: bytes
    raw: bytes

    @property
    def size(self) -> int:
        return len(self.raw)

    @property
    def signature_count(self) -> int:
        """How many signatures a validator has to check."""
        return bool(self.signature) + sum(1 for item in self.inputs if item.signature)

    def outpoint(self, output_index: int) -> OutPoint:
        """The key under which a coin made by this transaction is found."""
        return OutPoint(self.id + output_index.to_bytes(4, "big"))


class Header(msgspec.Struct, frozen=True, gc=False):
    """The 96 bytes that are hashed and sealed, and their hash."""

    version: int
    height: Height
    previous: BlockHash
    merkle_root: bytes
    time_ms: TimeMs
    target_bits: int
    tx_count: int
    nonce: int
    raw: bytes
    hash: BlockHash


class Block(msgspec.Struct, frozen=True, gc=False):
    """A decoded block. Transactions stay packed; `codec.block_transactions` unpacks them."""

    header: Header
    seal: bytes
    raw: bytes
    index: BlockIndex

    @property
    def hash(self) -> BlockHash:
        return self.header.hash
