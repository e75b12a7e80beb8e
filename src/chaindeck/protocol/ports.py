"""What the machine asks of the chain. It only reads, but for headers, which are cheap to judge.

`chain_view` gives it over a `ledger.state.ChainState`; a recording wraps it and keeps the answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from chaindeck.ledger.ports import Entry
from chaindeck.ledger.types import BlockHash, FullId, Header


class Chain(Protocol):
    """The chain and the pool of this node as they are now."""

    def tip(self) -> Entry:
        """Return the end of the active chain."""

    def best_header(self) -> Entry:
        """Return the entry with the most work that could win once its bodies are here."""

    def find(self, block_hash: BlockHash) -> Entry | None:
        """Return a known entry, of any branch."""

    def active_hash(self, height: int) -> BlockHash | None:
        """Return the block of the active chain at a height."""

    def load_seal(self, block_hash: BlockHash) -> bytes:
        """Return the seal of a block of the active chain."""

    def add_header(self, header: Header, seal: bytes, now_ms: int) -> Entry:
        """Take in a header whose parent is known, or raise the rule that it breaks."""

    def is_wanted(self, block_hash: BlockHash) -> bool:
        """Whether the body of a known header is missing and could still count."""

    def is_here(self, block_hash: BlockHash) -> bool:
        """Whether a known block is here with all before it."""

    def load_body(self, block_hash: BlockHash) -> bytes | None:
        """Return a block with its body, None for what is unknown or pruned."""

    def waiting(self, full_id: FullId) -> bytes | None:
        """Return a payment that waits."""

    def waiting_ids(self) -> Sequence[FullId]:
        """Return the ids of all that wait."""
