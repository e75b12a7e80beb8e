"""The chain of one network in one data directory. Start reading here.

`ChainStore.open` locks the directory, opens or makes the databases, checks that tip, sequence and
active chain agree, and computes again what a crash kept from being settled. `writing` gives a
batch; everything else reads. One thread writes at a time; others may read meanwhile, and each call
of theirs sees the chain between two commits.

Errors are those of `errors`. After `DiskFull` the store is where it was and goes on when there is
room. After `InputOutput` nothing more is written: what the disk holds is known only by opening
again.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Self

import msgspec

from chaindeck.ledger.chain import Mark
from chaindeck.ledger.checkpoints import Checkpoint, decode_checkpoint
from chaindeck.ledger.coins import coins_hash
from chaindeck.ledger.connect import Change
from chaindeck.ledger.errors import RuleError
from chaindeck.ledger.genesis import Network
from chaindeck.ledger.ports import Entry
from chaindeck.ledger.types import (
    Block,
    BlockHash,
    Height,
    KeyHash,
    OutPoint,
    PackedCoin,
    TxId,
)
from chaindeck.store.atomic import sweep
from chaindeck.store.batch import Batch
from chaindeck.store.database import Database, Reader
from chaindeck.store.errors import Corrupt, DiskFull, InputOutput, Pruned, Unfinished
from chaindeck.store.genesis_file import check_genesis_file, keep_genesis
from chaindeck.store.instance import InstanceLock
from chaindeck.store.layer import Layer, overlay, scan, scan_waiting
from chaindeck.store.limits import (
    MAP_BYTES,
    MAX_PAGE_ROWS,
    PRUNE_BATCH_BLOCKS,
    PRUNE_KEEP_BLOCKS,
    SETTLE_BLOCKS,
    SETTLE_ROWS,
)
from chaindeck.store.lookups import is_pruned, read_coins, recall
from chaindeck.store.packing import (
    HistoryRow,
    State,
    decode_history,
    decode_mark,
    decode_place,
    height_key,
)
from chaindeck.store.recovery import (
    PROGRESS,
    check_state,
    found_store,
    load_state,
    roll_forward,
    save_state,
)
from chaindeck.store.rows import BlockRows, prepare_rows


class CoinPage(msgspec.Struct, frozen=True):
    """Some coins of a key, by outpoint."""

    coins: list[tuple[OutPoint, PackedCoin]]
    cursor: bytes | None
    """Where the next page starts; None after the last."""


class HistoryPage(msgspec.Struct, frozen=True):
    """Some transactions that touched a key, the newest first."""

    rows: list[HistoryRow]
    cursor: bytes | None
    """Where the next page starts; None after the last."""


class ChainStore:
    """Blocks, undo data, coins and indexes of one network."""

    def __init__(
        self,
        folder: Path,
        network: Network,
        *,
        map_bytes: int = MAP_BYTES,
        settle_rows: int = SETTLE_ROWS,
        is_reindexing: bool = False,
    ) -> None:
        self.folder = folder
        self.network = network
        self._map_bytes = map_bytes
        self._settle_rows = settle_rows
        self._reading_lock = threading.RLock()
        self._writing_lock = threading.Lock()
        self._failure: InputOutput | None = None
        self._layer = Layer()
        self._state: State
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as stack:
            self._instance = InstanceLock(folder)
            stack.callback(self._instance.release)
            sweep(folder)
            check_genesis_file(folder, network)
            self.database = Database(folder, map_bytes)
            stack.callback(self._close_database)
            found_store(self.database, network)
            keep_genesis(folder, network)
            if not is_reindexing:
                self._check_finished()
                self.load()
            self._exits = stack.pop_all()

    @classmethod
    def open(cls, folder: Path, network: Network) -> Self:
        """Open the store of a network, or make one that holds its genesis block.

        Raises `StoreLocked`, `ForeignNetwork`, `WrongVersion`, `Corrupt`, `Unfinished`, `DiskFull`
        or `InputOutput`. Call `close`, or use it in a `with` statement.
        """
        return cls(folder, network)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Settle what waits, so that the next start finds all done, and let go of the directory."""
        with self._exits:
            if not self._failure:
                with contextlib.suppress(DiskFull, InputOutput):
                    self.settle()

    # Where it stands

    @property
    def state(self) -> State:
        return self._state

    def tip(self) -> BlockHash:
        return self._state.tip

    def height(self) -> Height:
        return self._state.height

    def sequence(self) -> int:
        """Return the number of the last change: each connected or disconnected block counts one."""
        return self._state.sequence

    # Headers and blocks

    def load_entry(self, block_hash: BlockHash) -> Entry | None:
        """Return an entry of the active chain, None for any other hash (`ledger.chain.Archive`)."""
        with self._reading_lock, self.database.reading() as transaction:
            packed = self._get(transaction, "entries", block_hash)
            if packed is None:
                return None
            entry = self._decode_mark(packed).entry
            active = self._get(transaction, "active", height_key(entry.header.height))
            return entry if active == block_hash else None

    def load_marks(self, from_height: int = 0) -> list[Mark]:
        """Return what the tree knew: the active chain from a height up, and all beside it.

        Parents come before children, as `BlockTree.restore` wants them.
        """
        tables = self.database.tables
        with self._reading_lock, self.database.reading() as transaction:
            start = height_key(max(0, from_height))
            walk = scan(self.database, transaction, "active", b"", start, down=False)
            hashes = [block_hash for _, block_hash in walk]
            with transaction.cursor(tables["side"]) as cursor:
                hashes += list(cursor.iternext(values=False))
            packed = [transaction.get(key, b"", tables["entries"]) for key in hashes]
            marks = [self._decode_mark(item) for item in packed]
        return sorted(marks, key=lambda mark: mark.entry.header.height)

    def load_checkpoints(self) -> list[Checkpoint]:
        """Return what quorums signed, lowest first."""
        with self._reading_lock, self.database.reading() as transaction:
            walk = scan(self.database, transaction, "checkpoints", b"", b"", down=False)
            packed = [row for _, row in walk]
        try:
            return [decode_checkpoint(row) for row in packed]
        except RuleError as error:
            raise self._corrupt(str(error)) from error

    def load_body(self, block_hash: BlockHash) -> bytes | None:
        """Return a block as it came, None for one that never did; raise `Pruned`."""
        if block_hash == self.network.block.hash:
            return self.network.block.raw
        with self._reading_lock, self.database.reading() as transaction:
            raw = self._get(transaction, "bodies", block_hash)
            packed = None if raw else self._get(transaction, "entries", block_hash)
            if packed is None:
                return raw
            height = self._decode_mark(packed).entry.header.height
            if is_pruned(self.database, transaction, self._state, height, block_hash):
                raise Pruned(height=height, first=self._state.first_body)
            return None

    def load_seal(self, block_hash: BlockHash) -> bytes:
        """Return the seal of a block whose body is or was here, empty where it has none."""
        with self._reading_lock, self.database.reading() as transaction:
            return self._get(transaction, "seals", block_hash) or b""

    def has_body(self, block_hash: BlockHash) -> bool:
        """Whether a block is here now: never came and pruned are alike."""
        with self._reading_lock, self.database.reading() as transaction:
            is_genesis = block_hash == self.network.block.hash
            return is_genesis or self._get(transaction, "bodies", block_hash) is not None

    def active_hash(self, height: int) -> BlockHash | None:
        """Return the hash at a height of the active chain."""
        if not 0 <= height <= self._state.height:
            return None
        with self._reading_lock, self.database.reading() as transaction:
            found = self._get(transaction, "active", height_key(height))
            return None if found is None else BlockHash(found)

    def recall(self, block_hash: BlockHash) -> tuple[Block, Change]:
        """Return a block that is or was connected, and what it changes."""
        with self._reading_lock, self.database.reading() as transaction:
            return recall(self.database, transaction, self.network, self._state, block_hash)

    # Coins and indexes

    def coins(self, outpoints: Sequence[OutPoint]) -> list[PackedCoin | None]:
        """Return the coins there are after the tip (`ledger.ports.CoinView`)."""
        with self._reading_lock, self.database.reading() as transaction:
            layers = (self._layer.rows["coins"],)
            return read_coins(self.database, transaction, layers, outpoints)

    def iterate_coins(self) -> Iterator[tuple[OutPoint, PackedCoin]]:
        """Walk all coins in the order of their outpoints, as they are when the walk begins."""
        with self._reading_lock:
            waiting = sorted(self._layer.rows["coins"].items())
            walk = self.database.reading()
            transaction = walk.__enter__()
        with contextlib.ExitStack() as stack:
            stack.push(walk.__exit__)
            below = scan(self.database, transaction, "coins", b"", b"", down=False)
            for outpoint, packed in overlay(below, iter(waiting), down=False):
                yield OutPoint(outpoint), PackedCoin(packed)

    def coins_hash(self) -> bytes:
        """Return the hash of the whole set: two nodes that agree on it agree on who owns what."""
        return coins_hash(self.iterate_coins())

    def find_transaction(self, tx_id: TxId) -> tuple[Height, int] | None:
        """Return height and position of a transaction of the active chain."""
        with self._reading_lock, self.database.reading() as transaction:
            place = self._layer.rows["transactions"].get(tx_id)
            if place is None:
                place = self._get(transaction, "transactions", tx_id)
        return decode_place(place) if place else None

    def coins_of(
        self, key_hash: KeyHash, *, cursor: bytes | None = None, limit: int = MAX_PAGE_ROWS
    ) -> CoinPage:
        """Return coins of a key from a cursor on, which an earlier page gave."""
        with self._reading_lock, self.database.reading() as transaction:
            keys, following = self._page(transaction, "owned", key_hash, cursor or b"", limit)
            outpoints = [OutPoint(key) for key, _ in keys]
            layers = (self._layer.rows["coins"],)
            coins = read_coins(self.database, transaction, layers, outpoints)
        found = [
            (key, coin) for key, coin in zip(outpoints, coins, strict=True) if coin is not None
        ]
        if len(found) != len(keys):
            raise self._corrupt(f"an index names coins of {key_hash.hex()} that do not exist")
        return CoinPage(found, following)

    def history_of(
        self, key_hash: KeyHash, *, cursor: bytes | None = None, limit: int = MAX_PAGE_ROWS
    ) -> HistoryPage:
        """Return transactions that touched a key, the newest first, from a cursor on."""
        newest = b"\xff" * 8
        with self._reading_lock, self.database.reading() as transaction:
            rows, following = self._page(
                transaction, "history", key_hash, cursor or newest, limit, down=True
            )
        return HistoryPage([decode_history(place, flow) for place, flow in rows], following)

    # Writing

    def prepare(self, block: Block, change: Change) -> Generator[None, None, BlockRows]:
        """Work out, with pauses, what connecting a block writes; return it for `Batch.connect`."""
        return prepare_rows(block, change)

    @contextlib.contextmanager
    def writing(self) -> Iterator[Batch]:
        """Give a batch whose changes are all made, durably, when the block ends well, or none.

        Only the batch itself sees them before. Whatever is raised inside abandons it.
        """
        with self._writing_lock:
            if self._failure:
                raise self._failure
            if self.is_settling_due:
                for _ in self._settle():
                    pass
            with self._guarded(), self.database.writing() as transaction:
                batch = Batch(self.database, transaction, self.network, self._state, self._layer)
                yield batch
                save_state(self.database, transaction, batch.state)
            with self._reading_lock:
                self._layer.merge(batch.layer)
                self._state = batch.state

    def connect(self, entry: Entry, block: Block, change: Change) -> None:
        """Make a block the tip by itself; see `Batch.connect`."""
        with self.writing() as batch:
            batch.connect(entry, block, change)

    def disconnect(self, block_hash: BlockHash) -> Change:
        """Take the tip back by itself; see `Batch.disconnect`."""
        with self.writing() as batch:
            return batch.disconnect(block_hash)

    def save_marks(self, marks: Iterable[Mark]) -> None:
        """Keep what the tree knows of some headers, by itself."""
        with self.writing() as batch:
            batch.save_marks(marks)

    def save_body(self, block: Block) -> None:
        """Keep a block, by itself."""
        with self.writing() as batch:
            batch.save_body(block)

    def forget(self, block_hashes: Sequence[BlockHash]) -> None:
        """Give up blocks beside the active chain for good.

        Tables that stand at one of them would need it to be brought to the tip after a crash, so
        they are brought there first.
        """
        self.settle()
        with self.writing() as batch:
            batch.forget(block_hashes)

    def prune(self, keep_bytes: int) -> int:
        """Give up the oldest bodies and their undo data until so much is left; return how many.

        The newest `PRUNE_KEEP_BLOCKS` stay. The file does not shrink; its room is used again.
        """
        self.settle()
        highest = self._state.height - PRUNE_KEEP_BLOCKS
        first = self._state.first_body
        while self._state.first_body <= highest and self._state.body_bytes > keep_bytes:
            with self.writing() as batch:
                for _ in range(PRUNE_BATCH_BLOCKS):
                    if batch.state.first_body > highest or batch.state.body_bytes <= keep_bytes:
                        break
                    batch.prune(batch.state.first_body)
        return self._state.first_body - first

    def settle(self) -> None:
        """Write the rows that wait into their tables. Worth calling when there is time.

        It happens by itself before a batch when many wait, and at closing.
        """
        for _ in self.settle_in_turns():
            pass

    def settle_in_turns(self) -> Iterator[None]:
        """Settle with pauses in which others may read. Nobody may write before it has ended."""
        with self._writing_lock:
            if self._failure:
                raise self._failure
            yield from self._settle()

    @property
    def is_settling_due(self) -> bool:
        """Whether so many rows wait that the next batch would settle them first."""
        return len(self._layer) >= self._settle_rows or self._layer.blocks >= SETTLE_BLOCKS

    def waiting(self) -> int:
        """Return how many rows of coins and indexes wait to be settled."""
        return len(self._layer)

    def _settle(self) -> Iterator[None]:
        layer = self._layer
        if not len(layer):
            return
        with self._guarded(), self.database.writing() as transaction:
            yield from layer.settle_in_turns(self.database, transaction)
            save_state(self.database, transaction, self._state, is_settled=True)
        with self._reading_lock:
            self._layer = Layer()

    # Helpers

    def _check_finished(self) -> None:
        with self.database.reading() as transaction:
            if self._get(transaction, "meta", PROGRESS) is not None:
                raise Unfinished(path=str(self.folder))

    def _close_database(self) -> None:
        self.database.close()

    def load(self) -> None:
        """Take state and waiting rows from what is on disk, as a start does."""
        with self.database.reading() as transaction:
            state, settled = load_state(self.database, transaction)
            check_state(self.database, transaction, state)
            layer = roll_forward(self.database, transaction, self.network, state, settled)
        self._state, self._layer = state, layer

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        """After a failed write, learn anew from the disk where the store stands."""
        try:
            yield
        except DiskFull:
            with self._reading_lock:
                self.database.close()
                self.database = Database(self.folder, self._map_bytes)
                self.load()
            raise
        except InputOutput as error:
            self._failure = error
            raise

    def _page(
        self,
        transaction: Reader,
        name: str,
        prefix: bytes,
        start: bytes,
        limit: int,
        *,
        down: bool = False,
    ) -> tuple[list[tuple[bytes, bytes]], bytes | None]:
        """Return rows under a prefix, keys without it, and where the next page starts."""
        assert 0 < limit <= MAX_PAGE_ROWS, f"a page has 1 to {MAX_PAGE_ROWS} rows"
        first = prefix + start
        below = scan(self.database, transaction, name, prefix, first, down=down)
        above = scan_waiting(self._layer, name, prefix, first, down=down)
        rows: list[tuple[bytes, bytes]] = []
        with contextlib.closing(below):
            for key, value in overlay(below, above, down=down):
                if len(rows) == limit:
                    return rows, key[len(prefix) :]
                rows.append((key[len(prefix) :], value))
        return rows, None

    def _get(self, transaction: Reader, name: str, key: bytes) -> bytes | None:
        return transaction.get(key, None, self.database.tables[name])

    def _decode_mark(self, packed: bytes) -> Mark:
        try:
            return decode_mark(packed)
        except ValueError as error:
            raise self._corrupt(str(error)) from error

    def _corrupt(self, reason: str) -> Corrupt:
        return Corrupt(path=str(self.folder), reason=reason)
