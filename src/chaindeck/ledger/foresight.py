"""Signatures of blocks that wait their turn, checked while the chain is busy with those before.

What a block spends may be made by a block that waits before it, so the coins that each will make
are kept until its turn is over. What comes of it is never a verdict, only ids in the signature
cache: in its turn a block is judged whole, and finds the long part done.
"""

from __future__ import annotations

from collections.abc import Sequence

from chaindeck.kernel import BlockVerdict
from chaindeck.ledger.connect import prepare_question
from chaindeck.ledger.errors import RuleError
from chaindeck.ledger.limits import MAX_FORESEEN
from chaindeck.ledger.state import ChainState, Judging, Steps
from chaindeck.ledger.types import Block, BlockHash, OutPoint, PackedCoin


class Foresight:
    """Look at blocks in the order of their turns, one after the other; forget each after its turn.

    What the last `MAX_FORESEEN` of them make is kept, should the turn of one never come.
    """

    def __init__(self, state: ChainState, *, threads: int = 2) -> None:
        self._state = state
        self._threads = threads
        self._made: dict[BlockHash, dict[OutPoint, PackedCoin]] = {}

    def look_at(self, block: Block) -> Steps[bool]:
        """Note which signatures of a block are good; return whether all are.

        Where something is wrong or missing nothing is noted, and its turn will say what it is.
        """
        state = self._state
        entry = state.tree.find(block.hash)
        if entry is None:
            return False
        try:
            question = prepare_question(state.network, entry, block, self, state.cache)
        except RuleError:
            return False
        verdict: BlockVerdict = yield Judging(question, self._threads)
        if verdict.is_valid:
            state.cache.add(question.full_ids)
            self._made[block.hash] = {
                OutPoint(key): PackedCoin(coin) for key, coin in verdict.created
            }
            if len(self._made) > MAX_FORESEEN:
                del self._made[next(iter(self._made))]
        return verdict.is_valid

    def forget(self, block_hash: BlockHash) -> None:
        """The turn of a block is over: what it made is where all coins are, or nowhere."""
        self._made.pop(block_hash, None)

    def coins(self, outpoints: Sequence[OutPoint]) -> list[PackedCoin | None]:
        """Return coins there are or were a moment ago (`ports.CoinView`).

        Some of them may be spent by a block that waits: a signature is no less good for that.
        """
        now = self._state.keeper.coins(outpoints)
        return [
            self._find(outpoint) if coin is None else coin
            for outpoint, coin in zip(outpoints, now, strict=True)
        ]

    def _find(self, outpoint: OutPoint) -> PackedCoin | None:
        found = (made.get(outpoint) for made in self._made.values())
        return next((coin for coin in found if coin is not None), None)
