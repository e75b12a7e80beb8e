"""What the API asks of a miner and of development tools. Where one is absent, so are its routes."""

from __future__ import annotations

from typing import Protocol

from chaindeck.ledger.types import Amount, BlockHash, KeyHash, TxId
from chaindeck.node.clock import DevClock


class Miner(Protocol):
    """Makes blocks on demand."""

    async def mine(self, blocks: int, key_hash: KeyHash | None) -> list[BlockHash]:
        """Mine so many blocks that pay a key, or whom the miner pays by itself."""

    def hash_rate(self) -> float:
        """Return hashes a second while searching, 0 before the first search."""


class DevTools(Protocol):
    """What only development chains can do."""

    clock: DevClock

    async def snapshot(self) -> str:
        """Remember the chain as it is; return the name to revert to."""

    async def revert(self, name: str, /) -> None:
        """Go back to a snapshot."""

    async def reset(self) -> None:
        """Go back to the genesis block."""

    async def faucet(self, key_hash: KeyHash, amount: Amount) -> TxId:
        """Pay somebody; return the payment's id."""
