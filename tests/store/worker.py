"""A process that works on a store until it is killed, or until a write of its fails.

    python -m tests.store.worker loop FOLDER CHAIN             up and down the chain until killed
    python -m tests.store.worker faults FOLDER CHAIN           one scenario for each line it reads

CHAIN is a file of blocks (`block_files`). What is on disk for certain is printed and flushed.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import sys
import traceback
from pathlib import Path

from chaindeck.ledger.chain import BlockTree
from chaindeck.ledger.codec import decode_block
from chaindeck.ledger.connect import connect_block
from chaindeck.ledger.genesis import Network, build_network, decode_genesis
from chaindeck.ledger.headers import check_header, genesis_entry
from chaindeck.ledger.ports import Entry
from chaindeck.ledger.types import Block
from chaindeck.store import ChainStore
from chaindeck.store.errors import DiskFull, InputOutput
from chaindeck.store.pool_file import Waiting, save_pool
from chaindeck.store.rows import TrustingCache

SETTLE_ROWS = 120
BACK = 5


class Work:
    """A chain to work with: entries and blocks by height."""

    def __init__(self, path: Path) -> None:
        self.network: Network = build_network(
            decode_genesis(path.with_suffix(".json").read_bytes())
        )
        tree = BlockTree(genesis_entry(self.network))
        self.blocks: list[tuple[Entry, Block]] = [(tree.genesis, self.network.block)]
        for line in path.read_bytes().splitlines()[1:]:
            block = decode_block(bytes.fromhex(json.loads(line)["raw"]))
            entry = check_header(self.network, tree, self.blocks[-1][0], block.header, block.seal)
            tree.add_header(entry)
            self.blocks.append((entry, block))
        self.cache = TrustingCache()

    def open(self, folder: Path) -> ChainStore:
        return ChainStore(folder, self.network, map_bytes=1 << 30, settle_rows=SETTLE_ROWS)

    def up(self, store: ChainStore, count: int = 1) -> None:
        """Connect the next blocks, as one commit."""
        with store.writing() as batch:
            for _ in range(count):
                entry, block = self.blocks[batch.state.height + 1]
                change = connect_block(self.network, entry, block, batch, self.cache)
                batch.connect(entry, block, change)

    def back(self, store: ChainStore, count: int) -> None:
        """Disconnect blocks and connect all but one of them again, as one commit."""
        with store.writing() as batch:
            for _ in range(count):
                batch.disconnect(batch.tip())
            for _ in range(count - 1):
                entry, block = self.blocks[batch.state.height + 1]
                change = connect_block(self.network, entry, block, batch, self.cache)
                batch.connect(entry, block, change)


def acknowledge(store: ChainStore) -> None:
    print(store.sequence(), store.tip().hex(), flush=True)


def loop(folder: Path, work: Work) -> None:
    """Go up the chain; at its end go back to the start, block by block."""
    while True:
        with work.open(folder) as store:
            while store.height() < len(work.blocks) - 1:
                work.up(store)
                acknowledge(store)
                if store.height() % (BACK + 2) == 0:
                    work.back(store, BACK)
                    acknowledge(store)
                    work.up(store)
                    acknowledge(store)
            while store.height():
                store.disconnect(store.tip())
                acknowledge(store)


def scenario(folder: Path, work: Work, report: dict[str, object]) -> None:
    """Everything that writes: new files, blocks alone and together, settling, going back."""

    def step(action: object, *arguments: object) -> None:
        assert callable(action)
        try:
            action(*arguments)
        except DiskFull:
            report["full"] = True
            library().faults_disarm()
            action(*arguments)
        report["sequence"], report["tip"] = store.sequence(), store.tip().hex()

    store = open_patiently(folder, work, report)
    with store:
        report["sequence"], report["tip"] = store.sequence(), store.tip().hex()
        step(work.up, store)
        step(work.up, store, 3)
        step(store.settle)
        step(work.back, store, 3)
        step(work.up, store)
        step(save_pool, folder / "pool.bin", [Waiting(b"transaction", 1)])
        step(store.settle)
    report["done"] = True


def open_patiently(folder: Path, work: Work, report: dict[str, object]) -> ChainStore:
    try:
        return work.open(folder)
    except DiskFull:
        report["full"] = True
        library().faults_disarm()
        return work.open(folder)


def library() -> ctypes.CDLL:
    return ctypes.CDLL(os.environ["LD_PRELOAD"])


def run_fault(folder: Path, work: Work, first: int, kind: int) -> None:
    """In this process: run the scenario with a fault in it, and write down how far it got."""
    report: dict[str, object] = {}
    library().faults_arm(str(folder).encode(), first, kind)
    try:
        scenario(folder, work, report)
    except InputOutput:
        report["failed"] = True
    report["count"] = library().faults_disarm()
    print(json.dumps(report), flush=True)


def serve_faults(folder: Path, work: Work) -> None:
    """For each line `first kind name`: copy the store, run the scenario on it in a child."""
    for line in sys.stdin:
        first, kind, name = line.split()
        copy = folder.with_name(name)
        if folder.exists():
            shutil.copytree(folder, copy)
        child = os.fork()
        if not child:
            status = 1
            try:
                run_fault(copy, work, int(first), int(kind))
                status = 0
            finally:
                if status:
                    traceback.print_exc()
                os._exit(status)
        _, status = os.waitpid(child, 0)
        print(f"exit {os.waitstatus_to_exitcode(status)}", flush=True)


if __name__ == "__main__":
    kind, folder, chain = sys.argv[1:]
    {"loop": loop, "faults": serve_faults}[kind](Path(folder), Work(Path(chain)))
