"""What the rules ask of whoever keeps blocks and coins: two small ports, and an entry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from chaindeck.ledger.types import Header, KeyHash, OutPoint, PackedCoin


class Entry(msgspec.Struct, frozen=True, gc=False):
    """A header in its place: what its branch adds up to there."""

    header: Header
    work: int
    """Of the whole branch up to and with this block."""

    base_bits: int
    """The target its period is counted from, which a late block's easier target does not move."""

    sealer: KeyHash | None
    """Who sealed it, where the network lists miners."""


class Ancestry(Protocol):
    """Looks back along the branch of an entry."""

    def window(self, entry: Entry, count: int) -> Sequence[Entry]:
        """Return the last `count` entries of the branch that ends with `entry`, oldest first.

        Fewer only where the genesis block is among them.
        """


class CoinView(Protocol):
    """Knows which coins exist just before a block or for the next one."""

    def coins(self, outpoints: Sequence[OutPoint]) -> list[PackedCoin | None]:
        """Return each coin in the order asked, None for what does not exist or is spent."""
