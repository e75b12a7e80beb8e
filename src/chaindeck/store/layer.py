"""Rows that wait in memory above the tables, and reading both as one.

A block's own commit holds the block, its undo data and the new tip: a few pages, one fdatasync. Its
coins and index rows are scattered over thousands of pages, and writing each of those for one row is
what makes a naive store slow. They wait here and are settled many blocks at a time, sorted. After
a crash they are computed again from blocks and undo data (`recovery`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Generator, Iterator
from itertools import islice

from chaindeck.store.database import Database, Reader
from chaindeck.store.limits import SETTLE_ROWS_A_TURN
from chaindeck.store.rows import GONE, BlockRows, Rows

LAYERED = ("coins", "owned", "transactions", "history")


class Layer:
    """Waiting rows of the four tables that follow from blocks."""

    def __init__(self) -> None:
        self.rows: dict[str, Rows] = {name: {} for name in LAYERED}
        self.blocks = 0
        """Changes of the tip that these rows add up to."""

        self._sorted: dict[str, list[bytes]] = {name: [] for name in LAYERED}

    def __len__(self) -> int:
        return sum(map(len, self.rows.values()))

    def add(self, block_rows: BlockRows) -> None:
        """Lay the rows of one more block on top. They are this layer's from then on."""
        self.blocks += 1
        for name in LAYERED:
            self._lay(name, getattr(block_rows, name))

    def merge(self, above: Layer) -> None:
        """Take in a layer that lies on top of this one, and is not used again."""
        self.blocks += above.blocks
        for name in LAYERED:
            self._lay(name, above.rows[name])

    def keys(self, name: str) -> list[bytes]:
        """Return the keys of a table's rows in order. Do not change the list."""
        rows, keys = self.rows[name], self._sorted[name]
        if len(keys) < len(rows):
            # Rows are replaced and never removed, and a dictionary keeps its order: the new ones
            # are the last. The sort notices two sorted runs and only merges them.
            keys += sorted(islice(rows, len(keys), None))
            keys.sort()
        return keys

    def settle(self, database: Database, transaction: Reader) -> None:
        """Write everything into the tables, in the order of their keys."""
        for _ in self.settle_in_turns(database, transaction):
            pass

    def settle_in_turns(self, database: Database, transaction: Reader) -> Iterator[None]:
        """Do the same with pauses, in which others may read."""
        for name, rows in self.rows.items():
            table = database.tables[name]
            gone = sorted([key for key, value in rows.items() if not value])
            for keys in _portions(gone):
                yield
                for key in keys:
                    transaction.delete(key, GONE, table)
            kept = sorted([key for key, value in rows.items() if value])
            for keys in _portions(kept):
                yield
                with transaction.cursor(table) as cursor:
                    cursor.putmulti([(key, rows[key]) for key in keys])

    def _lay(self, name: str, rows: Rows) -> None:
        """Copying the rows of a large block takes milliseconds, so an empty table takes them."""
        if self.rows[name]:
            self.rows[name].update(rows)
        else:
            self.rows[name] = rows


def _portions(keys: list[bytes]) -> Iterator[list[bytes]]:
    for first in range(0, len(keys), SETTLE_ROWS_A_TURN):
        yield keys[first : first + SETTLE_ROWS_A_TURN]


def scan(
    database: Database, transaction: Reader, name: str, prefix: bytes, start: bytes, *, down: bool
) -> Generator[tuple[bytes, bytes], None, None]:
    """Walk a table's rows under a prefix from `start` on, which is itself included."""
    with transaction.cursor(database.tables[name]) as cursor:
        found = cursor.set_range(start)
        if down and not (found and cursor.key() == start):
            found = cursor.prev() if found else cursor.last()
        walk = cursor.iterprev() if down else cursor.iternext()
        for key, value in walk if found else ():
            if not key.startswith(prefix):
                return
            yield key, value


def scan_waiting(
    layer: Layer, name: str, prefix: bytes, start: bytes, *, down: bool
) -> Iterator[tuple[bytes, bytes]]:
    """Walk a layer's rows like `scan`, removed ones included."""
    keys, rows = layer.keys(name), layer.rows[name]
    place = bisect_left(keys, start)
    if down and (place == len(keys) or keys[place] != start):
        place -= 1
    step = -1 if down else 1
    while 0 <= place < len(keys) and keys[place].startswith(prefix):
        yield keys[place], rows[keys[place]]
        place += step


def overlay(
    below: Iterator[tuple[bytes, bytes]], above: Iterator[tuple[bytes, bytes]], *, down: bool
) -> Iterator[tuple[bytes, bytes]]:
    """Join two walks in one direction; where both have a key, the one above holds."""
    low, high = next(below, None), next(above, None)
    while low or high:
        if high is None or (low and (low[0] > high[0] if down else low[0] < high[0])):
            assert low is not None
            yield low
            low = next(below, None)
            continue
        if high[1] != GONE:
            yield high
        if low and low[0] == high[0]:
            low = next(below, None)
        high = next(above, None)
