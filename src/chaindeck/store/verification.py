"""Independent proof that a store holds what its blocks say: a replay in memory from genesis on.

It trusts nothing but the bodies: headers, work, seals, signatures and every rule are checked again,
and then entries, undo data, coins and every index row are compared.

Where bodies were given up, headers are still checked from genesis on. The coins are taken back with
the undo data to what they were before the first body that is here, and the replay goes on from
there. That set of coins cannot be proved by what is here: its hash is told, to be compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec

from chaindeck.ledger.codec import decode_block
from chaindeck.ledger.coins import coins_hash_of, decode_coin
from chaindeck.ledger.connect import Change, apply_change, connect_block, undo_change
from chaindeck.ledger.errors import RuleError
from chaindeck.ledger.headers import check_header, genesis_entry
from chaindeck.ledger.money import subsidy_at
from chaindeck.ledger.ports import Entry
from chaindeck.ledger.signatures import SignatureCache
from chaindeck.ledger.types import ZERO_HASH, Block, BlockHash, Height, OutPoint, PackedCoin
from chaindeck.store.chain_store import ChainStore
from chaindeck.store.database import Reader
from chaindeck.store.errors import StoreError
from chaindeck.store.lookups import recall
from chaindeck.store.packing import decode_mark, encode_undo, height_key
from chaindeck.store.recent import Recent
from chaindeck.store.rows import PRESENT, coinbase_value, connected_rows, genesis_change

Progress = Callable[[int, int], None]


class Verification(msgspec.Struct, frozen=True):
    """What a replay found."""

    blocks: int
    coins: int
    coins_hash: bytes
    disagreement: str | None
    """The first thing that does not agree; None if all does."""

    first_body: int
    """The height from which on bodies are here; 1 where all are."""

    coins_hash_before: bytes | None
    """The hash of the coins before that height, if it is above 1 and was reached."""

    unchecked: tuple[str, ...]
    """What nothing here can prove, in words."""


class _DisagreementError(Exception):
    """Carries the first disagreement out of the replay."""


def verify(store: ChainStore, progress: Progress | None = None) -> Verification:
    """Replay the active chain of an open store that nobody writes to meanwhile.

    What cannot be checked, as bodies were given up, is listed. Takes some 500 bytes of memory for
    each coin.
    """
    store.settle()
    replay = _Replay(store)
    try:
        with store.database.reading() as transaction:
            replay.run(transaction, progress or (lambda _done, _total: None))
            replay.compare_totals(transaction)
    except _DisagreementError as found:
        return replay.result(str(found))
    return replay.result(None)


class _Replay:
    """A chain in memory beside the one on disk."""

    def __init__(self, store: ChainStore) -> None:
        self._store = store
        self._network = store.network
        self._recent = Recent(genesis_entry(store.network))
        self._cache = SignatureCache()
        self._first = store.state.first_body
        self._held: dict[OutPoint, PackedCoin] = {}
        self._hash_before: bytes | None = None
        self._rows = {"transactions": 0, "history": 0}
        self._total = 0
        self._blocks = 0

    def coins(self, outpoints: Sequence[OutPoint]) -> list[PackedCoin | None]:
        return [self._held.get(outpoint) for outpoint in outpoints]

    def run(self, transaction: Reader, progress: Progress) -> None:
        height = self._store.state.height
        if self._first > 1:
            for place in range(self._first):
                self._follow_header(transaction, place)
                progress(place, height)
            self._go_back(transaction)
        for place in range(self._first if self._first > 1 else 0, height + 1):
            self._follow(transaction, place)
            progress(place, height)

    def result(self, disagreement: str | None) -> Verification:
        found = coins_hash_of(self._held)
        return Verification(
            self._blocks,
            len(self._held),
            found,
            disagreement,
            self._first,
            self._hash_before,
            tuple(self._unchecked()),
        )

    def _unchecked(self) -> Iterator[str]:
        if self._first == 1:
            return
        before = self._first - 1
        yield f"payments and signatures of the blocks 1 to {before}, which are not kept"
        yield f"which coins there were at height {before}: compare the hash with somebody's"
        if not self._has_all_history:
            yield f"index rows of the blocks up to {before}, but for their number of transactions"

    @property
    def _has_all_history(self) -> bool:
        """Whether every row of history is of a body that is here."""
        return self._first == 1 or self._first == self._store.state.base + 1

    def compare_totals(self, transaction: Reader) -> None:
        """Compare what is left at the end: the set of coins, and that no index has more rows."""
        state, tables = self._store.state, self._store.database.tables
        on_disk = self._store.coins_hash()
        _agree("the set of coins", on_disk, coins_hash_of(self._held))
        for outpoint, packed in self._held.items():
            row = transaction.get(packed[:20] + outpoint, None, tables["owned"])
            _agree(f"the owner of coin {outpoint.hex()}", row, PRESENT)
        counts = {**self._rows, "coins": len(self._held), "owned": len(self._held)}
        if not self._has_all_history:
            del counts["history"]
        for name, count in counts.items():
            _agree(f"rows of {name}", transaction.stat(tables[name])["entries"], count)
        _agree("the number of coins", state.coin_count, len(self._held))
        _agree("the value of all coins", state.coin_total, self._total)
        if self._total > (issued := self._issued()):
            raise _DisagreementError(f"all coins are {self._total}, more than the {issued} issued")

    def _issued(self) -> int:
        """Return what there can be at most at this height."""
        genesis = self._network.genesis
        allocated = sum(allocation.amount for allocation in genesis.allocations)
        heights = range(1, self._store.state.height + 1)
        return allocated + sum(subsidy_at(genesis, Height(height)) for height in heights)

    def _follow_header(self, transaction: Reader, height: int) -> None:
        """Check a block of which only header and seal are here."""
        tables, base = self._store.database.tables, self._store.state.base
        block_hash = transaction.get(height_key(height), ZERO_HASH, tables["active"])
        if not height:
            entry = self._recent.tip
        else:
            packed = transaction.get(block_hash, b"", tables["entries"])
            seal = transaction.get(block_hash, b"", tables["seals"])
            try:
                header = decode_mark(packed).entry.header
                entry = check_header(self._network, self._recent, self._recent.tip, header, seal)
            except RuleError as error:
                raise _DisagreementError(f"block {height}: {error.code}: {error}") from error
            except ValueError as error:
                raise _DisagreementError(f"the entry of block {height}: {error}") from error
            self._recent.add(entry)
        _agree(f"the hash at height {height}", block_hash, entry.header.hash)
        self._compare_entry(transaction, entry)
        if not base or height > base:
            self._rows["transactions"] += entry.header.tx_count

    def _go_back(self, transaction: Reader) -> None:
        """Take back from the coins on disk what the bodies that are here did to them."""
        store = self._store
        held = dict(store.iterate_coins())
        for height in range(store.state.height, self._first - 1, -1):
            key = height_key(height)
            block_hash = BlockHash(transaction.get(key, ZERO_HASH, store.database.tables["active"]))
            try:
                _, change = recall(
                    store.database, transaction, self._network, store.state, block_hash
                )
            except StoreError as error:
                raise _DisagreementError(f"block {height}: {error.code}: {error}") from error
            for outpoint, packed in change.created:
                _agree(f"coin {outpoint.hex()} of block {height}", held.get(outpoint), packed)
            undo_change(held, change)
        self._held = held
        self._hash_before = coins_hash_of(held)
        self._total = sum(decode_coin(packed).amount for packed in held.values())

    def _follow(self, transaction: Reader, height: int) -> None:
        tables = self._store.database.tables
        block_hash = transaction.get(height_key(height), ZERO_HASH, tables["active"])
        try:
            entry, block, change = self._judge(transaction, height, block_hash)
        except RuleError as error:
            raise _DisagreementError(f"block {height}: {error.code}: {error}") from error
        _agree(f"the hash at height {height}", block_hash, block.hash)
        self._compare_entry(transaction, entry)
        if height:
            kept = transaction.get(block.hash, None, tables["undo"])
            undo = encode_undo([coin for _, coin in change.spent])
            _agree(f"the undo data of block {height}", kept, undo)
        self._compare_rows(transaction, block, change)
        apply_change(self._held, change)
        self._total += coinbase_value(block) - change.fees
        self._blocks += 1

    def _judge(
        self, transaction: Reader, height: int, block_hash: bytes
    ) -> tuple[Entry, Block, Change]:
        if not height:
            return self._recent.tip, self._network.block, genesis_change(self._network)
        raw = transaction.get(block_hash, b"", self._store.database.tables["bodies"])
        block = decode_block(raw)
        entry = check_header(
            self._network, self._recent, self._recent.tip, block.header, block.seal
        )
        change = connect_block(self._network, entry, block, self, self._cache)
        self._recent.add(entry)
        return entry, block, change

    def _compare_entry(self, transaction: Reader, entry: Entry) -> None:
        what = f"the entry of block {entry.header.height}"
        packed = transaction.get(entry.header.hash, b"", self._store.database.tables["entries"])
        try:
            _agree(what, decode_mark(packed).entry, entry)
        except ValueError as error:
            raise _DisagreementError(f"{what}: {error}") from error

    def _compare_rows(self, transaction: Reader, block: Block, change: Change) -> None:
        rows = connected_rows(block, change)
        for name, expected in (("transactions", rows.transactions), ("history", rows.history)):
            table = self._store.database.tables[name]
            for key, value in expected.items():
                what = f"{name} row {key.hex()} of block {block.header.height}"
                _agree(what, transaction.get(key, None, table), value)
            self._rows[name] += len(expected)


def _agree(what: str, found: object, expected: object) -> None:
    if found != expected:
        raise _DisagreementError(f"{what} is {_shown(found)}, the blocks say {_shown(expected)}")


def _shown(value: object) -> str:
    if isinstance(value, bytes):
        return value.hex() if len(value) <= 64 else f"{value[:32].hex()}... ({len(value)} bytes)"
    return str(value)
