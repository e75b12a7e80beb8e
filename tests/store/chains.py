"""Chains for the store's tests: grown at random, stored block by block, and rebuilt naively."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from chaindeck.ledger.codec import block_transactions, decode_block
from chaindeck.ledger.coins import Coin, decode_coin
from chaindeck.ledger.connect import Change, connect_block
from chaindeck.ledger.ports import Entry
from chaindeck.ledger.types import Block, Data, OutPoint, PackedCoin, Payment, Transaction
from chaindeck.store import ChainStore
from tests.ledger.forge import KEYS, Forge, pay, spend

OWNERS = {key.key_hash: key for key in KEYS}


def random_payments(forge: Forge, rng: random.Random, count: int) -> list[Transaction]:
    """Payments of one or two random coins of the tip or made by an earlier one of them."""
    height = forge.tip.header.height + 1
    maturity = forge.network.genesis.maturity
    coins = [(outpoint, decode_coin(packed)) for outpoint, packed in forge.coins.held.items()]
    coins = [item for item in coins if not item[1].is_reward or height - item[1].height >= maturity]
    payments = []
    for _ in range(count):
        chosen = [
            coins.pop(rng.randrange(len(coins)))
            for _ in range(min(len(coins), rng.choice([1, 1, 2])))
        ]
        total = sum(coin.amount for _, coin in chosen)
        first = rng.randint(1, total)
        outputs = [
            pay(rng.choice(KEYS).key_hash, amount) for amount in (first, total - first) if amount
        ]
        if not rng.randrange(4):
            outputs.append(Data(rng.randbytes(5)))
        signers = [OWNERS[coin.key_hash] for _, coin in chosen]
        payment = spend(forge.network.id, chosen, outputs, None, signers, rng.getrandbits(32))
        payments.append(payment)
        coins += [
            (payment.outpoint(place), Coin(output.key_hash, output.amount, height, is_reward=False))
            for place, output in enumerate(outputs)
            if isinstance(output, Payment)
        ]
    return payments


def grow(forge: Forge, rng: random.Random, count: int, payments: int = 3) -> list[Block]:
    """Mine blocks with random payments on the tip of a forge."""
    return [forge.extend(random_payments(forge, rng, payments)) for _ in range(count)]


def store_chain(store: ChainStore, forge: Forge, first: int = 1) -> None:
    """Connect what a forge has mined from a height on, each block by itself."""
    for place, change in enumerate(forge.changes[first - 1 :], first):
        entry, block = forge_block(forge, place)
        store.connect(entry, block, change)


def forge_block(forge: Forge, height: int) -> tuple[Entry, Block]:
    """The entry and block of a forge's own chain at a height."""
    entry = next(e for e in forge.tree.branch(forge.tip) if e.header.height == height)
    return entry, decode_block(RAWS[entry.header.hash])


RAWS: dict[bytes, bytes] = {}
"""Every block that a test chain has made, by hash."""


class Chain(Forge):
    """A forge that remembers its blocks."""

    def extend(self, transactions=(), **options):
        block = super().extend(transactions, **options)
        RAWS[block.hash] = block.raw
        return block


def connect_raw(store: ChainStore, forge: Forge, block: Block) -> Change:
    """Judge a block against the store's own coins, and connect it."""
    entry = forge.tree.entry(block.hash)
    change = connect_block(forge.network, entry, block, store, forge.cache)
    store.connect(entry, block, change)
    return change


class Rebuilt:
    """Coins and indexes of a chain, computed in the plainest way from its blocks."""

    def __init__(self, blocks: Iterable[Block]) -> None:
        self.coins: dict[OutPoint, PackedCoin] = {}
        self.transactions: dict[bytes, tuple[int, int]] = {}
        self.history: dict[bytes, list[tuple[int, int, bytes, int, int]]] = defaultdict(list)
        for block in blocks:
            self._add(block)

    def owned(self, key_hash: bytes) -> list[tuple[OutPoint, PackedCoin]]:
        return sorted(item for item in self.coins.items() if item[1][:20] == key_hash)

    def _add(self, block: Block) -> None:
        height = block.header.height
        for position, transaction in enumerate(block_transactions(block)):
            received: dict[bytes, int] = defaultdict(int)
            spent: dict[bytes, int] = defaultdict(int)
            for item in transaction.inputs if position else ():
                coin = decode_coin(self.coins.pop(item.outpoint))
                spent[coin.key_hash] += coin.amount
            for index, output in enumerate(transaction.outputs):
                if isinstance(output, Payment):
                    received[output.key_hash] += output.amount
                    self.coins[transaction.outpoint(index)] = _pack(
                        output, height, is_reward=not position and height > 0
                    )
            self.transactions[transaction.id] = height, position
            for key_hash in {*received, *spent}:
                row = height, position, transaction.id, received[key_hash], spent[key_hash]
                self.history[key_hash].insert(0, row)


def _pack(output: Payment, height: int, *, is_reward: bool) -> PackedCoin:
    amount = output.amount.to_bytes(8, "little")
    packed = output.key_hash + amount + height.to_bytes(4, "little") + bytes([is_reward])
    return PackedCoin(packed)


def expect_equal(store: ChainStore, blocks: list[Block]) -> None:
    """The store holds exactly what a naive rebuild of these blocks gives, genesis included."""
    rebuilt = Rebuilt([store.network.block, *blocks])
    assert dict(store.iterate_coins()) == rebuilt.coins
    for key_hash in [*OWNERS, bytes(20)]:
        assert store.coins_of(key_hash).coins == rebuilt.owned(key_hash)
        rows = store.history_of(key_hash).rows
        found = [(row.height, row.position, row.tx_id, row.received, row.spent) for row in rows]
        assert found == rebuilt.history[key_hash]
    for tx_id, place in rebuilt.transactions.items():
        assert store.find_transaction(tx_id) == place
    assert store.state.coin_count == len(rebuilt.coins)
    total = sum(decode_coin(packed).amount for packed in rebuilt.coins.values())
    assert store.state.coin_total == total


def small_store(folder: Path, forge: Forge, **options) -> ChainStore:
    """A store with a small map, that settles after a few blocks."""
    return ChainStore(folder, forge.network, **{"map_bytes": 1 << 30, "settle_rows": 60, **options})
