"""The disk of one simulated node: what it has told it survives a crash, the rest does not.

Each batch is whole or not at all, as a store's transaction is. The last few are journaled: a disk
that said yes too early loses them when the power goes (`tear`), the newest first.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self

from chaindeck.ledger.chain import Mark
from chaindeck.ledger.checkpoints import Checkpoint
from chaindeck.ledger.connect import Change
from chaindeck.ledger.ports import Entry
from chaindeck.ledger.types import Block, BlockHash, Height, OutPoint, PackedCoin
from chaindeck.simulate.library import Library
from chaindeck.simulate.limits import JOURNAL_BATCHES

_Undo = tuple[Callable[..., Any], tuple[Any, ...]]


class Keeper:
    """Keeps one node's active chain, marks, bodies and checkpoints (`ledger.state.Keeper`)."""

    def __init__(self, library: Library) -> None:
        self._library = library
        genesis = library.network.block.hash
        self.active: list[BlockHash] = [genesis]
        self.bodies: set[BlockHash] = {genesis}
        self.marks: dict[BlockHash, Mark] = {}
        self._checkpoints: dict[Height, Sequence[Checkpoint]] = {}
        self._journal: deque[list[_Undo]] = deque(maxlen=JOURNAL_BATCHES)

    def coins(self, outpoints: Sequence[OutPoint]) -> list[PackedCoin | None]:
        return [self._library.coin(outpoint, self.active) for outpoint in outpoints]

    def active_hash(self, height: int) -> BlockHash | None:
        return self.active[height] if 0 <= height < len(self.active) else None

    def load_seal(self, block_hash: BlockHash) -> bytes:
        return self._library.blocks[block_hash].seal

    def load_entry(self, block_hash: BlockHash) -> Entry | None:  # noqa: ARG002 - the port's name
        """Every entry is kept in memory."""
        return None

    def load_body(self, block_hash: BlockHash) -> bytes | None:
        return self._library.blocks[block_hash].raw if block_hash in self.bodies else None

    def recall(self, block_hash: BlockHash) -> tuple[Block, Change]:
        return self._library.blocks[block_hash], self._library.change(block_hash)

    def load_checkpoints(self) -> list[Checkpoint]:
        """Return what quorums signed, lowest first."""
        heights = sorted(self._checkpoints)
        return [item for height in heights for item in self._checkpoints[height]]

    # Crashes

    def tear(self, batches: int) -> int:
        """Lose the last few batches, as far as they are journaled; return how many went."""
        lost = 0
        while lost < batches and self._journal:
            for undo, arguments in reversed(self._journal.pop()):
                undo(*arguments)
            lost += 1
        self._journal.clear()
        return lost

    def forget(self, block_hashes: Sequence[BlockHash]) -> None:
        """Give up blocks beside the active chain, in a batch of its own."""
        undos: list[_Undo] = []
        for block_hash in block_hashes:
            if block_hash in self.bodies:
                self.bodies.remove(block_hash)
                undos.append((self.bodies.add, (block_hash,)))
            if (mark := self.marks.pop(block_hash, None)) is not None:
                undos.append((self._set_mark, (block_hash, mark)))
        self._journal.append(undos)

    # A batch

    @contextmanager
    def writing(self) -> Iterator[Self]:
        """Give a batch. Nothing fails in it here: a crash comes between two steps of a node."""
        self._journal.append([])
        yield self

    def save_body(self, block: Block) -> None:
        self._library.note_block(block)
        if block.hash not in self.bodies:
            self.bodies.add(block.hash)
            self._journal[-1].append((self.bodies.discard, (block.hash,)))

    def save_marks(self, marks: Sequence[Mark]) -> None:
        for mark in marks:
            block_hash = mark.entry.header.hash
            before = self.marks.get(block_hash)
            self.marks[block_hash] = copy.copy(mark)
            self._journal[-1].append((self._set_mark, (block_hash, before)))

    def save_checkpoints(self, height: Height, held: Sequence[Checkpoint]) -> None:
        before = self._checkpoints.get(height, ())
        self._checkpoints[height] = held
        self._journal[-1].append((self._checkpoints.__setitem__, (height, before)))

    def prepare(self, block: Block, change: Change) -> Generator[None, None, Change]:  # noqa: ARG002 - the port's form
        """Nothing has to be worked out beforehand."""
        yield
        return change

    def connect(self, entry: Entry, block: Block, change: Change, prepared: object) -> None:  # noqa: ARG002 - the port's form
        assert block.header.previous == self.active[-1], "blocks connect in order"
        self._library.note_change(block, change, self.active)
        self.active.append(block.hash)
        self._journal[-1].append((self.active.pop, ()))

    def disconnect(self, block_hash: BlockHash) -> Change:
        assert self.active.pop() == block_hash, "blocks disconnect from the top"
        self._journal[-1].append((self.active.append, (block_hash,)))
        return self._library.change(block_hash)

    def _set_mark(self, block_hash: BlockHash, mark: Mark | None) -> None:
        if mark is None:
            del self.marks[block_hash]
        else:
            self.marks[block_hash] = mark
