"""What the API asks of a miner, of peers and of development tools.

Where one is absent, so are its routes.
"""

from __future__ import annotations

from typing import Protocol

from chaindeck.ledger.types import Amount, BlockHash, KeyHash, TxId
from chaindeck.node.api.peer_forms import CaptureView, PeersSummary, PeerView, SyncState
from chaindeck.node.clock import DevClock


class Miner(Protocol):
    """Makes blocks on demand."""

    async def mine(self, blocks: int, key_hash: KeyHash | None) -> list[BlockHash]:
        """Mine so many blocks that pay a key, or whom the miner pays by itself.

        Cancelling ends it.
        """

    def hash_rate(self) -> float:
        """Return hashes a second while searching, 0 before the first search or while it waits."""

    def warnings(self) -> list[str]:
        """Say why it makes no blocks by itself, if it should."""


class Peering(Protocol):
    """Knows the peers of this node."""

    @property
    def key(self) -> bytes: ...

    @property
    def listens_at(self) -> str: ...

    def summary(self) -> PeersSummary: ...

    def views(self) -> list[PeerView]: ...

    def bars(self) -> dict[str, int]: ...

    def sync_state(self) -> SyncState: ...

    def warnings(self) -> list[str]: ...

    def clock_offset_ms(self) -> int | None: ...

    async def add(self, text: str, /) -> None:
        """Keep a link with a peer, by address or name."""

    async def drop(self, text: str, bar_ms: int, /) -> None:
        """Close the link with a peer; bar it for so long."""

    async def start_capture(self, seconds: float, /) -> CaptureView:
        """Record the network side for so long, in a file."""

    def end_capture(self) -> CaptureView: ...


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
