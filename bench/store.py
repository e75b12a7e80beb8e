"""The chain store: connecting blocks durably, looking coins up, starting.

The chain is made once: 240,000 coins of 5,000 keys, then 200 blocks of 500 payments, each of which
spends one random coin and makes two. Signatures are made up and given to the cache as known; what
checking them costs is measured with the kernel.
"""

from __future__ import annotations

import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from bench.harness import Benchmark
from chaindeck.kernel import merkle_root, search_nonce
from chaindeck.ledger.chain import BlockTree
from chaindeck.ledger.codec import build_block, build_header, build_transaction, decode_block
from chaindeck.ledger.connect import connect_block
from chaindeck.ledger.genesis import build_network
from chaindeck.ledger.headers import check_header, genesis_entry
from chaindeck.ledger.limits import COIN
from chaindeck.ledger.ports import Entry
from chaindeck.ledger.profiles import dev
from chaindeck.ledger.signatures import SignatureCache
from chaindeck.ledger.targets import target_of
from chaindeck.ledger.types import (
    ZERO_HASH,
    Amount,
    Block,
    FullId,
    KeyHash,
    Payment,
    Transaction,
    TxId,
    TxInput,
)
from chaindeck.store import ChainStore

COINS = 240_000
KEYS = 5_000
SPLIT = 2_500
BLOCKS = 200
PAYMENTS = 500
LOOKUPS = 1_500
NETWORK = build_network(dev())
CHANCE = random.Random(1)
OWNERS = [KeyHash(CHANCE.randbytes(20)) for _ in range(KEYS)]

_Source = tuple[TxId, int, int]


def benchmarks() -> list[Benchmark]:
    """Floors and goals hold for the reference machine; every commit waits for its disk."""
    return [
        Benchmark(
            "connect blocks of 500, each durable", "tx/s", time_singly, 10_000, 35_000,
            repetitions=3,
        ),
        Benchmark(
            "connect blocks of 500, ten to a commit", "tx/s", time_by_tens, 10_000, 35_000,
            repetitions=3,
        ),
        Benchmark(
            "connect one block of 500", "ms", time_one, 40, 11,
            higher_is_better=False, repetitions=3,
        ),
        Benchmark("look up coins among 240,000", "coins/s", time_lookups, 250_000, 500_000),
        Benchmark(
            "start with 240,000 coins", "s", time_start, 0.2, 0.05, higher_is_better=False
        ),
        Benchmark(
            "start after a crash, 9,000 payments to settle", "s", time_recovery, 0.5, 0.2,
            higher_is_better=False, repetitions=3,
        ),
        Benchmark("first page of a key's history", "pages/s", time_history, 1_000, 5_000),
    ]  # fmt: skip


def time_singly() -> float:
    """Payments a second when each block is a commit of its own."""
    return time_connecting(1)


def time_by_tens() -> float:
    """Payments a second when ten blocks are one commit, as in a first sync."""
    return time_connecting(10)


def time_connecting(step: int) -> float:
    """Decode, judge and store the payment blocks; settle all; return payments a second."""
    raws, known = make_chain()
    with copied_store() as store:
        tree = restored_tree(store)
        started = time.perf_counter()
        for first in range(0, BLOCKS, step):
            with store.writing() as batch:
                for raw in raws[first : first + step]:
                    block = decode_block(raw)
                    entry = enter(tree, block)
                    batch.connect(entry, block, connect_block(NETWORK, entry, block, batch, known))
        store.settle()
        return BLOCKS * PAYMENTS / (time.perf_counter() - started)


def time_one() -> float:
    """Milliseconds from a decoded block to the end of its commit, the median of many."""
    raws, known = make_chain()
    times = []
    with copied_store() as store:
        tree = restored_tree(store)
        for raw in raws[:20]:
            block = decode_block(raw)
            started = time.perf_counter()
            entry = enter(tree, block)
            store.connect(entry, block, connect_block(NETWORK, entry, block, store, known))
            times.append(time.perf_counter() - started)
    return 1e3 * sorted(times)[10]


def time_lookups() -> float:
    """Coins a second, asked for as a block of 500 payments with three inputs asks."""
    with copied_store() as store:
        outpoints = [outpoint for outpoint, _ in store.iterate_coins()]
        asked = [random.Random(place).sample(outpoints, LOOKUPS) for place in range(40)]
        started = time.perf_counter()
        for group in asked:
            store.coins(group)
        return 40 * LOOKUPS / (time.perf_counter() - started)


def time_start() -> float:
    """Seconds to open a store that was closed, and to load the tree's newest marks."""
    with copied_folder() as folder:
        started = time.perf_counter()
        with ChainStore.open(folder, NETWORK) as store:
            store.load_marks(store.height() - 1_000)
            return time.perf_counter() - started


def time_recovery() -> float:
    """Seconds to open a store whose last 18 blocks of 500 were not settled."""
    raws, known = make_chain()
    with copied_store() as store:
        tree = restored_tree(store)
        for raw in raws[:18]:
            block = decode_block(raw)
            entry = enter(tree, block)
            store.connect(entry, block, connect_block(NETWORK, entry, block, store, known))
        crashed = Path(tempfile.mkdtemp())
        shutil.copytree(store.folder, crashed, dirs_exist_ok=True)
    started = time.perf_counter()
    with ChainStore.open(crashed, NETWORK) as store:
        elapsed = time.perf_counter() - started
        assert store.waiting()
    shutil.rmtree(crashed)
    return elapsed


def time_history() -> float:
    """Pages of 25 transactions a second."""
    with copied_store() as store:
        started = time.perf_counter()
        for owner in OWNERS[:1_000]:
            store.history_of(owner, limit=25)
        return 1_000 / (time.perf_counter() - started)


@cache
def make_chain() -> tuple[list[bytes], SignatureCache]:
    """The payment blocks, and a cache that knows their signatures."""
    folder, sources = make_base()
    known = SignatureCache()
    raws = []
    with ChainStore.open(folder, NETWORK) as store:
        entry = store.load_entry(store.tip())
        assert entry is not None
        tree = BlockTree(genesis_entry(NETWORK))
        for mark in store.load_marks(1):
            tree.restore(mark)
    for _ in range(BLOCKS):
        payments = [make_payment(sources) for _ in range(PAYMENTS)]
        block = make_block(entry, payments)
        entry = enter(tree, block)
        known.add([FullId(full_id) for full_id in block.index.full_ids])
        raws.append(block.raw)
    return raws, known


@cache
def make_base() -> tuple[Path, list[_Source]]:
    """A store with all the coins, and where they are."""
    folder = Path(tempfile.mkdtemp(prefix="chaindeck-bench-"))
    sources: list[_Source] = []
    with ChainStore.open(folder, NETWORK) as store:
        tree = BlockTree(genesis_entry(NETWORK))
        entry, known = tree.genesis, SignatureCache()
        while len(sources) < COINS:
            payments = []
            block = make_block(entry, [])
            reward = block.index.txids[0]
            entry = connect(store, tree, block, known)
            outputs = [
                Payment(CHANCE.choice(OWNERS), Amount(CHANCE.randrange(100_000, 1_000_000)))
                for _ in range(SPLIT)
            ]
            split = build_transaction([TxInput(TxId(reward), 0)], outputs, 1, bytes(65))
            sources += [(split.id, place, output.amount) for place, output in enumerate(outputs)]
            payments.append(split)
            block = make_block(entry, payments)
            known.add([FullId(full_id) for full_id in block.index.full_ids])
            entry = connect(store, tree, block, known)
    return folder, sources


def connect(store: ChainStore, tree: BlockTree, block: Block, known: SignatureCache) -> Entry:
    """Judge and store one block."""
    entry = enter(tree, block)
    store.connect(entry, block, connect_block(NETWORK, entry, block, store, known))
    return entry


def make_payment(sources: list[_Source]) -> Transaction:
    """Spend a random coin: half to a random key, the rest to another."""
    place = CHANCE.randrange(len(sources))
    sources[place], sources[-1] = sources[-1], sources[place]
    tx_id, index, amount = sources.pop()
    outputs = [
        Payment(CHANCE.choice(OWNERS), Amount(amount // 2)),
        Payment(CHANCE.choice(OWNERS), Amount(amount - amount // 2)),
    ]
    payment = build_transaction([TxInput(tx_id, index)], outputs, 1, CHANCE.randbytes(65))
    sources += [(payment.id, place, output.amount) for place, output in enumerate(outputs)]
    return payment


def make_block(parent: Entry, payments: list[Transaction]) -> Block:
    """Mine a block at once."""
    height = parent.header.height + 1
    reward = build_transaction(
        [TxInput(TxId(ZERO_HASH), height)], [Payment(OWNERS[0], Amount(25 * COIN))], 1
    )
    transactions = [reward, *payments]
    bits = NETWORK.genesis.easiest_bits
    target = target_of(bits)
    assert target is not None
    fields = {
        "height": height,
        "time_ms": parent.header.time_ms + 10_000,
        "target_bits": bits,
        "tx_count": len(transactions),
    }
    root = merkle_root([transaction.raw for transaction in transactions])
    header = build_header(previous=parent.header.hash, merkle_root=root, **fields)
    nonce, _ = search_nonce(header.raw, target.to_bytes(32, "big"), 0, 1 << 20)
    assert nonce is not None
    header = build_header(previous=parent.header.hash, merkle_root=root, nonce=nonce, **fields)
    return build_block(header, b"", transactions)


def enter(tree: BlockTree, block: Block) -> Entry:
    """Judge a header and let the tree know it."""
    parent = tree.parent_of(block.header.previous)
    entry = check_header(NETWORK, tree, parent, block.header, block.seal)
    tree.add_header(entry)
    return entry


def restored_tree(store: ChainStore) -> BlockTree:
    """The tree as a node restores it at a start."""
    tree = BlockTree(genesis_entry(NETWORK), store)
    for mark in store.load_marks(1):
        tree.restore(mark)
    return tree


@contextmanager
def copied_store() -> Iterator[ChainStore]:
    """A store of its own, with all the coins."""
    with copied_folder() as folder, ChainStore.open(folder, NETWORK) as store:
        yield store


@contextmanager
def copied_folder() -> Iterator[Path]:
    """A copy of the store with all the coins."""
    folder = Path(tempfile.mkdtemp(prefix="chaindeck-bench-"))
    try:
        shutil.copytree(make_base()[0], folder, dirs_exist_ok=True)
        yield folder
    finally:
        shutil.rmtree(folder)
