"""One atomic change of the store: any number of blocks connected, disconnected and kept.

A batch sees what it has done itself; everybody else sees it when the batch has been committed.
Made by `ChainStore.writing`, never by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from chaindeck.ledger.chain import Mark
from chaindeck.ledger.checkpoints import Checkpoint, encode_checkpoint
from chaindeck.ledger.connect import Change
from chaindeck.ledger.genesis import Network
from chaindeck.ledger.ports import Entry
from chaindeck.ledger.types import Amount, Block, BlockHash, Height, OutPoint, PackedCoin
from chaindeck.store.database import Database, Reader
from chaindeck.store.layer import LAYERED, Layer, scan
from chaindeck.store.lookups import read_coins, recall
from chaindeck.store.packing import State, encode_mark, encode_undo, height_key
from chaindeck.store.recovery import PROGRESS, save_state
from chaindeck.store.rows import (
    PRESENT,
    BlockRows,
    coinbase_value,
    connected_rows,
    disconnected_rows,
)


class Batch:
    """Changes that become visible and durable together."""

    def __init__(
        self,
        database: Database,
        transaction: Reader,
        network: Network,
        state: State,
        below: Layer,
    ) -> None:
        self._database = database
        self._transaction = transaction
        self._network = network
        self._below = below
        self.state = state
        self.layer = Layer()

    # Looking

    def tip(self) -> BlockHash:
        return self.state.tip

    def active_hash(self, height: int) -> BlockHash | None:
        """Return the hash at a height of the chain that this batch has made so far."""
        found = self._get("active", height_key(height))
        return None if found is None else BlockHash(found)

    def coins(self, outpoints: Sequence[OutPoint]) -> list[PackedCoin | None]:
        """Return coins as they are after what this batch did so far (`ledger.ports.CoinView`)."""
        layers = (self.layer.rows["coins"], self._below.rows["coins"])
        return read_coins(self._database, self._transaction, layers, outpoints)

    # Changing

    def save_marks(self, marks: Iterable[Mark]) -> None:
        """Keep what the block tree knows of some headers."""
        for mark in marks:
            block_hash = mark.entry.header.hash
            self._put("entries", block_hash, encode_mark(mark))
            if not self._is_active(mark.entry):
                self._put("side", block_hash, PRESENT)

    def save_checkpoints(self, height: Height, held: Sequence[Checkpoint]) -> None:
        """Keep these as all that is held of a height."""
        key = height_key(height)
        known = list(scan(self._database, self._transaction, "checkpoints", key, key, down=False))
        for row, _ in known:
            self._delete("checkpoints", row)
        for checkpoint in held:
            self._put("checkpoints", key + checkpoint.hash, encode_checkpoint(checkpoint))

    def save_body(self, block: Block) -> None:
        """Keep a block that is not connected yet, or never will be."""
        if self._put("bodies", block.hash, block.raw, overwrite=False):
            self._count_bytes(len(block.raw))
            self.keep_seal(block)

    def keep_seal(self, block: Block) -> None:
        """Keep a seal apart from its body, for headers that are sent when the body is pruned."""
        if block.seal:
            self._put("seals", block.hash, block.seal)

    def connect(
        self, entry: Entry, block: Block, change: Change, prepared: BlockRows | None = None
    ) -> None:
        """Make a block the tip, on the tip that is; `change` is what `connect_block` returned.

        `prepared` is what `ChainStore.prepare` returned for the two, if anybody asked it.
        """
        header = entry.header
        assert header.previous == self.state.tip, "blocks are connected to the tip"
        assert header.hash == block.hash, "an entry belongs to its block"
        self.save_body(block)
        packed = Mark(entry, arrival=0, is_ready=True)
        self._put("entries", block.hash, encode_mark(packed), overwrite=False)
        undo = encode_undo([coin for _, coin in change.spent])
        if self._put("undo", block.hash, undo, overwrite=False):
            self._count_bytes(len(undo))
        self._put("active", height_key(header.height), block.hash)
        self._delete("side", block.hash)
        self.layer.add(prepared or connected_rows(block, change))
        self._move(block, change, block.hash, header.height, +1)

    def disconnect(self, block_hash: BlockHash) -> Change:
        """Take the tip back and return what connecting it had changed.

        Body and undo data are kept: both belong to the block's place in its branch, so that they
        serve again should the branch win after all. Raises `Pruned` where they are gone.
        """
        assert block_hash == self.state.tip, "only the tip can be disconnected"
        assert self.state.height, "the genesis block stays"
        block, change = self.recall(block_hash)
        height = Height(self.state.height - 1)
        self._delete("active", height_key(self.state.height))
        self._put("side", block_hash, PRESENT)
        self.layer.add(disconnected_rows(block, change))
        self._move(block, change, block.header.previous, height, -1)
        return change

    def forget(self, block_hashes: Iterable[BlockHash]) -> None:
        """Give up blocks beside the active chain: marks, bodies and undo data.

        Use `ChainStore.forget`: what waits to be settled may need them. Headers that were never
        kept may be among them.
        """
        for block_hash in block_hashes:
            is_beside = self._get("side", block_hash) is not None
            is_kept = self._get("entries", block_hash) is not None
            assert is_beside or not is_kept, "only what is beside the chain can be forgotten"
            for name in ("bodies", "undo"):
                self._count_bytes(-len(self._get(name, block_hash) or b""))
                self._delete(name, block_hash)
            for name in ("entries", "side", "seals"):
                self._delete(name, block_hash)

    def drop_body(self, block_hash: BlockHash) -> None:
        """Give up a body that turned out to be damaged, so that it is fetched again."""
        self._count_bytes(-len(self._get("bodies", block_hash) or b""))
        self._delete("bodies", block_hash)

    def prune(self, height: int) -> None:
        """Give up the oldest body of the active chain, and its undo data."""
        assert 0 < height == self.state.first_body, "bodies are given up from the oldest on"
        block_hash = self._get("active", height_key(height))
        assert block_hash is not None, "what is pruned is of the active chain"
        for name in ("bodies", "undo"):
            self._count_bytes(-len(self._get(name, block_hash) or b""))
            self._delete(name, block_hash)
        self.state = msgspec.structs.replace(self.state, first_body=Height(height + 1))

    def start_from(
        self,
        marks: Sequence[Mark],
        seals: Iterable[tuple[BlockHash, bytes]],
        coins: Sequence[tuple[OutPoint, PackedCoin]],
        total: Amount,
    ) -> None:
        """Make an empty store stand where a checked snapshot does; load the store afterwards."""
        assert not self.state.sequence, "a snapshot starts an empty store"
        self._database.clear(self._transaction, *LAYERED)
        for mark in marks:
            header = mark.entry.header
            self._put("entries", header.hash, encode_mark(mark))
            self._put("active", height_key(header.height), header.hash)
        for block_hash, seal in seals:
            self._put("seals", block_hash, seal)
        for outpoint, packed in coins:
            self._put("coins", outpoint, packed)
            self._put("owned", packed[:20] + outpoint, PRESENT)
        height = Height(len(marks))
        self.state = msgspec.structs.replace(
            self.state,
            tip=marks[-1].entry.header.hash if marks else self.state.tip,
            height=height,
            sequence=height,
            coin_count=len(coins),
            coin_total=total,
            base=height,
            first_body=Height(height + 1),
        )
        save_state(self._database, self._transaction, self.state, is_settled=True)

    def note_progress(self, place: bytes | None) -> None:
        """Remember how far a reindex is; None when it is done."""
        if place is None:
            self._delete("meta", PROGRESS)
            self._database.clear(self._transaction, "order")
        else:
            self._put("meta", PROGRESS, place)

    def load_body(self, block_hash: BlockHash) -> bytes | None:
        """Return a block that is kept."""
        return self._get("bodies", block_hash)

    def recall(self, block_hash: BlockHash) -> tuple[Block, Change]:
        """Return a block that was connected once and what it changes, from what was kept of it."""
        return recall(self._database, self._transaction, self._network, self.state, block_hash)

    # Helpers

    def _move(
        self, block: Block, change: Change, tip: BlockHash, height: Height, sign: int
    ) -> None:
        state = self.state
        coins = len(change.created) - len(change.spent)
        value = coinbase_value(block) - change.fees
        self.state = msgspec.structs.replace(
            state,
            tip=tip,
            height=height,
            sequence=state.sequence + 1,
            coin_count=state.coin_count + sign * coins,
            coin_total=Amount(state.coin_total + sign * value),
        )

    def _count_bytes(self, count: int) -> None:
        total = self.state.body_bytes + count
        self.state = msgspec.structs.replace(self.state, body_bytes=total)

    def _is_active(self, entry: Entry) -> bool:
        return self._get("active", height_key(entry.header.height)) == entry.header.hash

    def _get(self, name: str, key: bytes) -> bytes | None:
        return self._transaction.get(key, None, self._database.tables[name])

    def _put(self, name: str, key: bytes, value: bytes, *, overwrite: bool = True) -> bool:
        table = self._database.tables[name]
        return self._transaction.put(key, value, overwrite=overwrite, db=table)

    def _delete(self, name: str, key: bytes) -> None:
        self._transaction.delete(key, b"", self._database.tables[name])
