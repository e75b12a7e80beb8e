"""Going back, for development: a chain as it was once, as if nothing had come since.

`rewind` and `start_over` work on a `ChainState` as its own commands do, and are driven alike. What
came later is forgotten wherever a node remembers: the tree, the keeper and the pool. It may come
again, and is then as good as new.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from chaindeck.ledger.chain import Mark
from chaindeck.ledger.state import ChainState, Steps
from chaindeck.ledger.types import BlockHash

KeptPayments = Sequence[tuple[bytes, int]]
"""Bytes and times of arrival, as `Pool.dump` gives them."""


def rewind(
    state: ChainState, tip: BlockHash, arrival: int, kept: KeptPayments, now_ms: int
) -> Steps[None]:
    """Go back to a block, to the blocks known when `BlockTree.last_arrival` was so, and to a pool.

    Raises `UnknownBlock`, or `BelowCheckpoint` where a checkpoint came since.
    """
    yield from state.go_back(tip, now_ms)
    later = _hashes(
        mark for mark in state.tree.marks() if mark.arrival is None or mark.arrival > arrival
    )
    while later:
        yield from state.forget(later)
        # What was known then and could not win, but could by now, may not win either.
        later = state.tree.choose(tip, is_syncing=True).connect[:1]
    yield from _refill(state, kept, now_ms)


def start_over(state: ChainState, now_ms: int) -> Steps[None]:
    """Know nothing but the genesis block."""
    state.forget_checkpoints()
    yield from state.go_back(state.tree.genesis.header.hash, now_ms)
    yield from state.forget(
        _hashes(mark for mark in state.tree.marks() if mark.entry.header.height)
    )
    yield from _refill(state, (), now_ms)


def _hashes(marks: Iterable[Mark]) -> list[BlockHash]:
    return [mark.entry.header.hash for mark in marks]


def _refill(state: ChainState, kept: KeptPayments, now_ms: int) -> Steps[None]:
    state.pool.remove([entry for _, entry in state.pool.by_age()])
    yield from state.restore_pool(kept, now_ms)
