"""What simulated nodes share: blocks, verdicts and coins, each kept once for all of them.

Whether a block is valid depends on the block and its branch alone, so it is judged by the first
node that asks and remembered for the others, who are charged for the work in virtual time. Coins
are kept with the blocks that made and spent them; which exist is a question to one node's active
chain.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from chaindeck.ledger.connect import Change, genesis_coins
from chaindeck.ledger.errors import RuleError
from chaindeck.ledger.genesis import Network
from chaindeck.ledger.ports import Entry
from chaindeck.ledger.signatures import SignatureCache
from chaindeck.ledger.types import Block, BlockHash, OutPoint, PackedCoin
from chaindeck.simulate.machines import Readings

_Place = tuple[int, BlockHash]
"""A block of any branch: its height and hash."""

Look = Callable[[Block, Change, Sequence[BlockHash]], None]
"""Somebody who looks at each new block once, with the active chain that it extends."""


class Library:
    """Everything that is the same for all nodes of one network."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.cache = SignatureCache()
        self.readings = Readings(network.magic, network.genesis.max_block_bytes)
        self.entries: dict[BlockHash, Entry] = {}
        self.blocks: dict[BlockHash, Block] = {network.block.hash: network.block}
        self.verdicts: dict[BlockHash, Change | RuleError] = {}
        self.when_new: Look | None = None
        self._connected: set[BlockHash] = set()
        self._made: dict[OutPoint, list[tuple[_Place, PackedCoin]]] = {}
        self._spent: dict[OutPoint, list[_Place]] = {}
        genesis = (0, network.block.hash)
        for outpoint, coin in genesis_coins(network).items():
            self._made[outpoint] = [(genesis, coin)]

    def __len__(self) -> int:
        """How many coins there ever were, on any branch."""
        return len(self._made)

    def note_block(self, block: Block) -> None:
        self.blocks.setdefault(block.hash, block)

    def is_good(self, block_hash: BlockHash) -> bool:
        """Whether some node has judged a block and found that it keeps all rules."""
        return isinstance(self.verdicts.get(block_hash), Change)

    def change(self, block_hash: BlockHash) -> Change:
        """Return what a good block changed."""
        change = self.verdicts[block_hash]
        assert isinstance(change, Change), "a block of an active chain was good"
        return change

    def note_change(self, block: Block, change: Change, active: Sequence[BlockHash]) -> None:
        """Remember where coins were made and spent, once for each block.

        `active` ends with the block's parent.
        """
        if block.hash in self._connected:
            return
        if self.when_new is not None:
            self.when_new(block, change, active)
        self._connected.add(block.hash)
        self.verdicts[block.hash] = change
        place = (int(block.header.height), block.hash)
        for outpoint, coin in change.created:
            self._made.setdefault(outpoint, []).append((place, coin))
        for outpoint, _ in change.spent:
            self._spent.setdefault(outpoint, []).append(place)

    def coin(self, outpoint: OutPoint, active: Sequence[BlockHash]) -> PackedCoin | None:
        """Return a coin as a node with this active chain sees it."""
        length = len(active)
        found: PackedCoin | None = None
        for (height, block_hash), coin in self._made.get(outpoint, ()):
            if height < length and active[height] == block_hash:
                found = coin
                break
        if found is not None:
            for height, block_hash in self._spent.get(outpoint, ()):
                if height < length and active[height] == block_hash:
                    return None
        return found

    def coins_at(self, active: Sequence[BlockHash]) -> dict[OutPoint, PackedCoin]:
        """Return all coins of an active chain."""
        found = {outpoint: self.coin(outpoint, active) for outpoint in self._made}
        return {outpoint: coin for outpoint, coin in found.items() if coin is not None}
