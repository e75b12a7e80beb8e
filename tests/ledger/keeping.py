"""A keeper in memory that can fail, and a chain state on it."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Generator, Iterator, Sequence
from typing import Self

from chaindeck.ledger.chain import Mark
from chaindeck.ledger.checkpoints import Checkpoint
from chaindeck.ledger.codec import decode_block
from chaindeck.ledger.connect import Change, CoinsInMemory, apply_change, genesis_coins, undo_change
from chaindeck.ledger.genesis import Network
from chaindeck.ledger.ports import Entry
from chaindeck.ledger.state import ChainState, run_here
from chaindeck.ledger.types import Block, BlockHash, Height, Transaction
from tests.ledger.forge import Forge


class DiskRefusedError(Exception):
    """The keeper could not write."""


class KeeperInMemory(CoinsInMemory):
    """Keeps what a store keeps, and takes back what an unfinished change did."""

    def __init__(self, network: Network) -> None:
        super().__init__(genesis_coins(network))
        self.bodies: dict[BlockHash, bytes] = {network.block.hash: network.block.raw}
        self.changes: dict[BlockHash, Change] = {}
        self.marks: dict[BlockHash, Mark] = {}
        self.checkpoints: dict[Height, list[Checkpoint]] = {}
        self.active = [network.block.hash]
        self.depth = 0
        self.refusals = 0
        """How many of the next changes end badly."""

        self.refusals_to_forget = 0
        self.changes_made = 0

    @contextlib.contextmanager
    def writing(self) -> Iterator[Self]:
        before = dict(self.held), dict(self.bodies), dict(self.checkpoints), list(self.active)
        self.depth += 1
        try:
            yield self
            self._end_badly()
            self.changes_made += 1
        except BaseException:
            self.held, self.bodies, self.checkpoints, self.active = before
            raise
        finally:
            self.depth -= 1

    def _end_badly(self) -> None:
        if self.refusals:
            self.refusals -= 1
            raise DiskRefusedError

    def save_body(self, block: Block) -> None:
        assert self.depth, "only inside a change"
        self.bodies[block.hash] = block.raw

    def load_body(self, block_hash: BlockHash) -> bytes | None:
        return self.bodies.get(block_hash)

    def recall(self, block_hash: BlockHash) -> tuple[Block, Change]:
        return decode_block(self.bodies[block_hash]), self.changes[block_hash]

    def forget(self, block_hashes: Sequence[BlockHash]) -> None:
        assert not set(block_hashes) & set(self.active), "only what is beside the chain"
        with self.writing():
            if self.refusals_to_forget:
                self.refusals_to_forget -= 1
                raise DiskRefusedError
            for block_hash in block_hashes:
                self.bodies.pop(block_hash, None)
                self.marks.pop(block_hash, None)

    def save_marks(self, marks: Sequence[Mark]) -> None:
        assert self.depth, "only inside a change"
        self.marks.update({mark.entry.header.hash: copy.copy(mark) for mark in marks})

    def save_checkpoints(self, height: Height, held: Sequence[Checkpoint]) -> None:
        assert self.depth, "only inside a change"
        self.checkpoints[height] = list(held)

    def load_entry(self, block_hash: BlockHash) -> Entry | None:
        return None

    def prepare(self, block: Block, change: Change) -> Generator[None, None, Change]:
        assert not self.depth, "outside of a change, as others have their turn"
        yield
        return change

    def connect(self, entry: Entry, block: Block, change: Change, prepared: Change) -> None:
        assert self.depth, "only inside a change"
        assert prepared is change
        assert block.header.previous == self.active[-1]
        apply_change(self.held, change)
        self.changes[block.hash] = change
        self.active.append(block.hash)

    def disconnect(self, block_hash: BlockHash) -> Change:
        assert self.depth, "only inside a change"
        assert self.active.pop() == block_hash
        undo_change(self.held, self.changes[block_hash])
        return self.changes[block_hash]


class Standing:
    """A chain state with a forge beside it that makes blocks on any branch."""

    def __init__(self, network: Network | None = None) -> None:
        self.forge = Forge(network)
        self.network = self.forge.network
        self.keeper = KeeperInMemory(self.network)
        self.state = ChainState(self.network, self.keeper)
        self.now_ms = 1 << 50

    def submit(self, block: Block) -> bool:
        return run_here(self.state.submit_block(block, self.now_ms))

    def offer(self, *transactions: Transaction):
        return run_here(self.state.submit_transactions(transactions, self.now_ms))

    def grow(self, *transactions: Transaction, **options: object) -> Block:
        """Mine on the forge's tip and submit."""
        block = self.forge.extend(transactions, **options)
        self.submit(block)
        return block

    def branch(self, length: int, on: Entry, salt: int = 1, **options: object) -> list[Block]:
        """Blocks on an older entry, not submitted; the first may carry transactions."""
        blocks: list[Block] = []
        side = Forge(self.network)
        side.tip = on
        for _ in range(length):
            block = side.assemble(took_ms=10_000 + salt, **options)
            side.tip = side.enter(block)
            blocks.append(block)
            options.pop("transactions", None)
        return blocks
