"""Records: how fast the chain is indexed.

The chain is the one of the store's benchmarks: 240,000 coins of 5,000 keys, then 200 blocks of 500
payments, each of which spends one coin and makes two. The coins are indexed before the clock runs.
"""

from __future__ import annotations

import atexit
import importlib
import shutil
import sqlite3
import tempfile
import time
from functools import cache, partial
from pathlib import Path
from types import ModuleType

from bench.harness import Benchmark
from bench.store import BLOCKS, NETWORK, PAYMENTS, make_base, make_chain
from chaindeck.kernel import merkle_root
from chaindeck.ledger.codec import block_transactions, build_block, build_header, decode_block
from chaindeck.records import setup
from chaindeck.records.types import NewBlock
from chaindeck.store import ChainStore

BLOCKS_A_PIECE = 3
PIECE = 1_000
"""Transactions of one write, about as many as the follower finds right here."""


def benchmarks() -> list[Benchmark]:
    """From a block's bytes to its rows, each piece of three blocks durable."""
    return [
        Benchmark(
            "records: index the chain", "tx/s", time_indexing, 3_000, 10_000, repetitions=3
        ),
        Benchmark(
            "records: longest hold, a block of 10,000", "ms", time_hold, 200, 100,
            higher_is_better=False, repetitions=3,
        ),
    ]  # fmt: skip


def time_indexing() -> float:
    """Payments a second on SQLite."""
    raws, _ = make_chain()
    chain = prepare()
    started = time.perf_counter()
    for first in range(0, BLOCKS, BLOCKS_A_PIECE):
        apply(chain, raws[first : first + BLOCKS_A_PIECE])
    return BLOCKS * PAYMENTS / (time.perf_counter() - started)


def time_hold() -> float:
    """Milliseconds of the longest write while a large block is put on and taken back again."""
    large = make_large()
    chain = prepare()
    pieces = importlib.import_module("chaindeck.records.services.pieces")
    height = large.block.header.height
    took: list[float] = []
    for work in (
        partial(pieces.chain_stage, new=large, limit=PIECE),
        partial(put_on, chain, large),
        partial(pieces.chain_take_back, to_height=height - 1, limit=PIECE),
        partial(pieces.chain_sweep, limit=PIECE),
    ):
        is_more = True
        while is_more:
            started = time.perf_counter()
            is_more = work()
            took.append(1e3 * (time.perf_counter() - started))
    return max(took)


def put_on(chain: ModuleType, large: NewBlock) -> bool:
    chain.chain_apply(blocks=[large])
    return False


@cache
def make_large() -> NewBlock:
    """Return a block with the payments of twenty others, which follows the coins."""
    raws, _ = make_chain()
    blocks = [decode_block(raw) for raw in raws[: 10_000 // PAYMENTS]]
    first = blocks[0].header
    transactions = [next(block_transactions(blocks[0], 0, 1))]
    for block in blocks:
        transactions += block_transactions(block, 1)
    header = build_header(
        height=first.height,
        previous=first.previous,
        merkle_root=merkle_root([item.raw for item in transactions]),
        time_ms=first.time_ms,
        target_bits=first.target_bits,
        tx_count=len(transactions),
    )
    return NewBlock(build_block(header, b"", transactions), "0")


def prepare() -> ModuleType:
    """The service, on a database that holds the coins and nothing after them."""
    chain, base = make_database()
    connection = importlib.import_module("django.db").connection
    connection.close()
    path = Path(connection.settings_dict["NAME"])
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    shutil.copy(base, path)
    return chain


@cache
def make_database() -> tuple[ModuleType, Path]:
    """Index the coins once; return the service and a copy of the database."""
    home = Path(tempfile.mkdtemp(prefix="chaindeck-bench-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    setup.configure(home, {})
    setup.migrate(home)
    chain = importlib.import_module("chaindeck.records.services.chain")
    folder, _ = make_base()
    chain.chain_begin(
        network_id=NETWORK.id.hex(),
        genesis_hash=NETWORK.block.hash.hex(),
        address_prefix=NETWORK.genesis.address_prefix,
    )
    with ChainStore.open(folder, NETWORK) as store:
        for height in range(store.height() + 1):
            block_hash = store.active_hash(height)
            assert block_hash is not None
            raw = store.load_body(block_hash)
            assert raw is not None
            apply(chain, [raw])
    importlib.import_module("django.db").connection.close()
    base = home / "base.sqlite3"
    with sqlite3.connect(home / "records.sqlite3") as source, sqlite3.connect(base) as target:
        source.backup(target)
    return chain, base


def apply(chain: ModuleType, raws: list[bytes]) -> None:
    """Decode blocks and index them in one transaction."""
    blocks = [NewBlock(decode_block(raw), "0") for raw in raws]
    chain.chain_apply(blocks=blocks)
