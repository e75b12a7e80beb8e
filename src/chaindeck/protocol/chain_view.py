"""`ports.Chain` over the ledger's own chain: what a driver that holds a `ChainState` passes in."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from chaindeck.ledger.ports import Entry
from chaindeck.ledger.state import ChainState
from chaindeck.ledger.types import BlockHash, FullId, Header


class ChainView:
    """A chain and its pool as the machine asks for them.

    `active_hash` and `load_seal` are the keeper's: where the active chain is on disk.
    """

    def __init__(
        self,
        state: ChainState,
        active_hash: Callable[[int], BlockHash | None],
        load_seal: Callable[[BlockHash], bytes],
    ) -> None:
        self._state = state
        self.active_hash = active_hash
        self.load_seal = load_seal

    def tip(self) -> Entry:
        return self._state.tip

    def best_header(self) -> Entry:
        return self._state.tree.best_header()

    def find(self, block_hash: BlockHash) -> Entry | None:
        return self._state.tree.find(block_hash)

    def add_header(self, header: Header, seal: bytes, now_ms: int) -> Entry:
        """Take in a header whose parent is known, or raise the rule that it breaks."""
        return self._state.add_header(header, seal, now_ms)

    def is_wanted(self, block_hash: BlockHash) -> bool:
        return self._state.tree.find(block_hash) is not None and not self._state.has_body(
            block_hash
        )

    def is_here(self, block_hash: BlockHash) -> bool:
        return self._state.tree.is_here(block_hash)

    def load_body(self, block_hash: BlockHash) -> bytes | None:
        return self._state.keeper.load_body(block_hash)

    def waiting(self, full_id: FullId) -> bytes | None:
        entry = self._state.pool.find(full_id)
        return None if entry is None else entry.raw

    def waiting_ids(self) -> Sequence[FullId]:
        return self._state.pool.full_ids()
