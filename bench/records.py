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
from functools import cache
from pathlib import Path
from types import ModuleType

from bench.harness import Benchmark
from bench.store import BLOCKS, NETWORK, PAYMENTS, make_base, make_chain
from chaindeck.ledger.codec import decode_block
from chaindeck.records import setup
from chaindeck.records.types import NewBlock
from chaindeck.store import ChainStore

BLOCKS_A_PIECE = 3


def benchmarks() -> list[Benchmark]:
    """From a block's bytes to its rows, each piece of three blocks durable."""
    return [
        Benchmark(
            "records: index the chain", "tx/s", time_indexing, 3_000, 10_000, repetitions=3
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
