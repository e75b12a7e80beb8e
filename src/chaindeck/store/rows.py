"""What a block means to the tables of coins and indexes, as rows: computed, never written here.

A row is a key with a value, or with `GONE`. Connecting a block makes rows; disconnecting it makes
the same keys with the opposite meaning.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeAlias

import msgspec

from chaindeck.kernel import parse_transaction
from chaindeck.ledger.codec import block_offsets, block_transactions
from chaindeck.ledger.coins import Coin, encode_coin
from chaindeck.ledger.connect import Change, connect_block
from chaindeck.ledger.genesis import Network
from chaindeck.ledger.ports import Entry
from chaindeck.ledger.signatures import SignatureCache
from chaindeck.ledger.types import (
    Amount,
    Block,
    FullId,
    Height,
    OutPoint,
    PackedCoin,
    Payment,
)
from chaindeck.store.limits import TRANSACTIONS_A_TURN
from chaindeck.store.packing import encode_place, pack_flow

Rows: TypeAlias = dict[bytes, bytes]

GONE = b""
"""The value of a row that is to be removed; no table holds an empty one."""

PRESENT = b"\x01"
"""The value of a row that says all by its key."""

_KEY_HASH_BYTES = 20


class BlockRows(msgspec.Struct, frozen=True):
    """The rows of one block, by table."""

    coins: Rows
    owned: Rows
    transactions: Rows
    history: Rows


def connected_rows(block: Block, change: Change) -> BlockRows:
    """Return the rows that connecting a block makes."""
    steps = prepare_rows(block, change)
    try:
        while True:
            next(steps)
    except StopIteration as done:
        rows: BlockRows = done.value
        return rows


def prepare_rows(block: Block, change: Change) -> Generator[None, None, BlockRows]:
    """Work out the same with pauses, as a large block has many rows and others have to wait."""
    spent, created = change.spent, change.created
    coins: Rows = dict.fromkeys((outpoint for outpoint, _ in spent), GONE)
    coins.update(created)
    yield
    owned: Rows = {packed[:_KEY_HASH_BYTES] + outpoint: GONE for outpoint, packed in spent}
    yield
    owned.update({packed[:_KEY_HASH_BYTES] + outpoint: PRESENT for outpoint, packed in created})
    yield
    places = _places(block)
    transactions: Rows = dict(zip(block.index.txids, places, strict=True))
    history = yield from _history_rows(block, change, places)
    return BlockRows(coins, owned, transactions, history)


def disconnected_rows(block: Block, change: Change) -> BlockRows:
    """Return the rows that take a connected block back."""
    rows = connected_rows(block, change)
    coins: Rows = dict.fromkeys((outpoint for outpoint, _ in change.created), GONE)
    coins.update(change.spent)
    owned: Rows = {key: GONE if value else PRESENT for key, value in rows.owned.items()}
    return BlockRows(
        coins,
        owned,
        dict.fromkeys(rows.transactions, GONE),
        dict.fromkeys(rows.history, GONE),
    )


def _history_rows(block: Block, change: Change, places: list[bytes]) -> Generator[None, None, Rows]:
    """Return for each key that a transaction touches what it received and spent by it."""
    before = dict(change.spent)
    made: dict[bytes, tuple[tuple[bytes, int | None], ...]] = {}
    rows: Rows = {}
    raw = block.raw
    for place, offset in zip(places, block_offsets(block.index), strict=True):
        if len(made) % TRANSACTIONS_A_TURN == 0:
            yield
        _, tx_id, _, _, inputs, outputs, _, _ = parse_transaction(raw, offset)
        received: dict[bytes, int] = {}
        spent: dict[bytes, int] = {}
        # The first transaction, the coinbase, spends nothing.
        for source, index in inputs if made else ():
            packed = before.get(OutPoint(source + index.to_bytes(4, "big")))
            if packed is None:
                owner, amount = made[source][index]
                spent[owner] = spent.get(owner, 0) + (amount or 0)
            else:
                owner = packed[:_KEY_HASH_BYTES]
                spent[owner] = spent.get(owner, 0) + int.from_bytes(packed[20:28], "little")
        for owner, amount in outputs:
            if amount is not None:
                received[owner] = received.get(owner, 0) + amount
        for owner, amount in spent.items():
            rows[owner + place] = pack_flow(tx_id, received.pop(owner, 0), amount)
        for owner, amount in received.items():
            rows[owner + place] = pack_flow(tx_id, amount, 0)
        made[tx_id] = outputs
    return rows


def coinbase_value(block: Block) -> int:
    """Return what the first transaction pays."""
    coinbase = next(block_transactions(block))
    return sum(output.amount for output in coinbase.outputs if isinstance(output, Payment))


def genesis_change(network: Network) -> Change:
    """Return what the genesis block changes: its allocations exist, and are no mining rewards."""
    coinbase = next(block_transactions(network.block))
    created = [
        (
            coinbase.outpoint(index),
            encode_coin(Coin(output.key_hash, output.amount, Height(0), is_reward=False)),
        )
        for index, output in enumerate(coinbase.outputs)
        if isinstance(output, Payment)
    ]
    return Change([], created, Amount(0))


def recall_change(network: Network, entry: Entry, block: Block, spent: list[PackedCoin]) -> Change:
    """Return the change of a block that was connected before, from the coins it spent.

    Its signatures were checked then. Raises the ledger's `RuleError` if block and coins do not fit.
    """
    return connect_block(network, entry, block, _Remembered(spent), TrustingCache(), threads=1)


class TrustingCache(SignatureCache):
    """Takes every signature for checked: for blocks from the own disk, checked before they came."""

    def add(self, full_ids: object) -> None:
        """Remember nothing."""

    def known(self, full_ids: list[FullId] | object) -> bytes:
        assert isinstance(full_ids, list)
        return b"\x01" * len(full_ids)


class _Remembered:
    """Answers the one question that connecting a block asks."""

    def __init__(self, spent: list[PackedCoin]) -> None:
        self._spent = spent

    def coins(self, outpoints: object) -> list[PackedCoin | None]:
        coins: list[PackedCoin | None] = list(self._spent)
        assert isinstance(outpoints, list)
        # A wrong number of coins must look like missing ones, not like a bug of the caller.
        return coins if len(coins) == len(outpoints) else [None] * len(outpoints)


def _places(block: Block) -> list[bytes]:
    height = block.header.height
    return [encode_place(height, position) for position in range(block.header.tx_count)]
