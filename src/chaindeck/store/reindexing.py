"""Rebuilding everything from the bodies alone, for when the databases are not to be trusted.

One commit empties all tables but `bodies` and lists the bodies by height; then they are judged and
connected again as if they had just come, in batches that remember how far they got. Killed at any
moment, the next call goes on; until it is done the store opens for nothing else.

What was connected before had its signatures checked then, so they are not checked again; blocks
beside the chain are judged in full. When a body came is carried over, so that ties end as before.
Verdicts are not: a block that was failed by mistake, or by command, is judged anew. Checkpoints
stay, as nothing else says them; a damaged one goes, and peers tell it again.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import msgspec

from chaindeck.ledger.chain import BlockTree, Mark
from chaindeck.ledger.checkpoints import decode_checkpoint
from chaindeck.ledger.codec import decode_block, decode_header
from chaindeck.ledger.connect import connect_block
from chaindeck.ledger.errors import RuleError
from chaindeck.ledger.genesis import Network
from chaindeck.ledger.headers import check_header, genesis_entry
from chaindeck.ledger.limits import HEADER_BYTES
from chaindeck.ledger.signatures import SignatureCache
from chaindeck.ledger.types import Block, BlockHash
from chaindeck.store.batch import Batch
from chaindeck.store.chain_store import ChainStore
from chaindeck.store.database import Database, Reader
from chaindeck.store.errors import NotRebuildable, StoreError
from chaindeck.store.limits import MAP_BYTES, REINDEX_BATCH_BLOCKS, TREE_BLOCKS
from chaindeck.store.packing import State, decode_mark, height_key
from chaindeck.store.recovery import PROGRESS, load_state, save_state, write_genesis
from chaindeck.store.rows import TrustingCache

Progress = Callable[[int, int], None]

_CARRIED = struct.Struct("<qB")
_DERIVED = (
    "entries", "side", "active", "undo", "seals",
    "coins", "owned", "transactions", "history",
)  # fmt: skip


def reindex(
    folder: Path,
    network: Network,
    progress: Progress | None = None,
    *,
    map_bytes: int = MAP_BYTES,
) -> State:
    """Rebuild a store that is not open, or finish doing so, and return where it stands then.

    Raises `NotRebuildable` where bodies were given up: such a store is synced anew, or starts again
    from a snapshot.
    """
    store = ChainStore(folder, network, map_bytes=map_bytes, is_reindexing=True)
    with store:
        database = store.database
        with database.reading() as transaction:
            place = transaction.get(PROGRESS, None, database.tables["meta"])
        if place is None:
            _begin(database, network)
        store.load()
        _Rebuild(store).run(progress or (lambda _done, _total: None))
        return store.state


def _begin(database: Database, network: Network) -> None:
    """Empty everything but the bodies, and list them by height: one commit."""
    with database.writing() as transaction:
        _check_complete(database, transaction)
        body_bytes = _list_bodies(database, transaction)
        database.clear(transaction, *_DERIVED)
        _drop_damaged_checkpoints(database, transaction)
        state = write_genesis(database, transaction, network)
        state = msgspec.structs.replace(state, body_bytes=body_bytes)
        save_state(database, transaction, state, is_settled=True)
        transaction.put(PROGRESS, height_key(0), db=database.tables["meta"])


def _check_complete(database: Database, transaction: Reader) -> None:
    try:
        state, _ = load_state(database, transaction)
    except StoreError:
        return
    if state.first_body > 1:
        raise NotRebuildable(path=str(database.path), first=state.first_body)


def _list_bodies(database: Database, transaction: Reader) -> int:
    """Fill `order` and return how many bytes the bodies have."""
    tables = database.tables
    database.clear(transaction, "order")
    size = 0
    with transaction.cursor(tables["bodies"]) as cursor:
        for block_hash, raw in cursor:
            header = decode_header(raw[:HEADER_BYTES].ljust(HEADER_BYTES, b"\0"))
            arrival = _arrival(transaction.get(block_hash, b"", tables["entries"]))
            was_connected = transaction.get(block_hash, None, tables["undo"]) is not None
            key = height_key(header.height) + block_hash
            transaction.put(key, _CARRIED.pack(arrival, was_connected), db=tables["order"])
            size += len(raw)
    return size


def _drop_damaged_checkpoints(database: Database, transaction: Reader) -> None:
    with transaction.cursor(database.tables["checkpoints"]) as cursor:
        for _, packed in cursor:
            try:
                decode_checkpoint(packed)
            except RuleError:
                cursor.delete()


def _arrival(packed: bytes) -> int:
    try:
        return decode_mark(packed).arrival or 0
    except ValueError:
        return 0


class _Rebuild:
    """Connects listed bodies until none is left."""

    def __init__(self, store: ChainStore) -> None:
        self._store = store
        self._network = store.network
        self._caches = (SignatureCache(), TrustingCache())
        self._trusted: set[BlockHash] = set()
        self._tree = BlockTree(genesis_entry(store.network), store)
        for mark in store.load_marks(max(1, store.height() - TREE_BLOCKS)):
            self._tree.restore(mark)

    def run(self, progress: Progress) -> None:
        total = self._store.database.count("order")
        done = 0
        while listed := self._next():
            with self._store.writing() as batch:
                for key, carried in listed:
                    self._follow(batch, BlockHash(key[4:]), *_CARRIED.unpack(carried))
                batch.note_progress(listed[-1][0] + b"\0")
            self._tree.forget_below(max(0, self._store.height() - TREE_BLOCKS), self._store.tip())
            done += len(listed)
            progress(done, total)
        self._store.settle()
        with self._store.writing() as batch:
            batch.note_progress(None)

    def _next(self) -> list[tuple[bytes, bytes]]:
        """Return the next listed bodies."""
        database = self._store.database
        with database.reading() as transaction:
            place = transaction.get(PROGRESS, b"", database.tables["meta"])
            with transaction.cursor(database.tables["order"]) as cursor:
                if not cursor.set_range(place):
                    return []
                return list(islice(cursor.iternext(), REINDEX_BATCH_BLOCKS))

    def _follow(
        self, batch: Batch, block_hash: BlockHash, arrival: int, was_connected: int
    ) -> None:
        """Judge one body and go where the most work is."""
        try:
            block = decode_block(batch.load_body(block_hash) or b"")
            if block.hash != block_hash:
                batch.drop_body(block_hash)
                return
            parent = self._tree.parent_of(block.header.previous)
            entry = check_header(self._network, self._tree, parent, block.header, block.seal)
        except RuleError:
            batch.drop_body(block_hash)
            return
        if was_connected:
            self._trusted.add(block_hash)
        self._tree.restore(Mark(entry, arrival=arrival or None))
        self._tree.add_body(block_hash)
        batch.keep_seal(block)
        batch.save_marks([self._tree.mark(block_hash)])
        while not self._move(batch):
            pass

    def _move(self, batch: Batch) -> bool:
        """Go to the best branch; return False where a block on the way failed."""
        choice = self._tree.choose(batch.tip(), is_syncing=True)
        for block_hash in choice.disconnect:
            batch.disconnect(block_hash)
        for block_hash in choice.connect:
            if not self._connect(batch, block_hash):
                affected = self._tree.fail(block_hash)
                batch.save_marks([self._tree.mark(item) for item in affected])
                return False
        return True

    def _connect(self, batch: Batch, block_hash: BlockHash) -> bool:
        block: Block = decode_block(batch.load_body(block_hash) or b"")
        entry = self._tree.entry(block_hash)
        cache = self._caches[block_hash in self._trusted]
        try:
            change = connect_block(self._network, entry, block, batch, cache)
        except RuleError:
            return False
        self._trusted.discard(block_hash)
        batch.connect(entry, block, change)
        return True
