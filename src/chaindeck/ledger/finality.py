"""What checkpoints come to: the highest block that is fixed, and what nobody has settled yet.

Two checkpoints contradict each other when they name two blocks of one height, or blocks of two
branches. The one with more signers holds. With as many neither does: what all agree about stays
fixed, and the two are a `Dispute` until one of them gains a signer or a later checkpoint stands.
Of several the lowest counts, as whoever signs inventions for a height far off must not hide it. The
answer depends on what was signed and on which blocks are here, and never on what came first, so
that nodes which have heard the same agree.

This module knows no signatures (`checkpoints`) and marks nothing (`chain`).
"""

from __future__ import annotations

from typing import Final, Protocol

import msgspec

from chaindeck.ledger.ports import Entry
from chaindeck.ledger.types import BlockHash

RIVALS_A_HEIGHT: Final = 2
"""Blocks that are remembered of one height: a third says nothing that two did not."""


class Named(msgspec.Struct, frozen=True):
    """What a quorum said."""

    height: int
    hash: BlockHash
    signers: int


class Dispute(msgspec.Struct, frozen=True):
    """Two that contradict each other and have as many signers, the lower one first."""

    one: Named
    other: Named


class Branches(Protocol):
    """What has to be known of blocks."""

    def find(self, block_hash: BlockHash) -> Entry | None:
        """Return a known header's entry."""

    def runs_through(self, entry: Entry, below: Entry) -> bool:
        """Whether the branch of a block has another one."""

    def is_failed(self, block_hash: BlockHash) -> bool:
        """Whether a known block broke a rule or was given up."""

    def is_here(self, block_hash: BlockHash) -> bool:
        """Whether a known block is here with all before it."""


class _Claim(msgspec.Struct, frozen=True):
    """One that nothing contradicts so far, above others with which it goes together."""

    named: Named
    entry: Entry | None
    """None until somebody has shown its header."""

    below: _Claim | None


class Ruling(msgspec.Struct, frozen=True):
    """What holds, as far as heights were gone through."""

    top: _Claim
    dispute: Dispute | None = None


class Finality:
    """What quorums said, and what it comes to. Nothing is gone through twice without need."""

    def __init__(self, genesis: Entry, branches: Branches) -> None:
        self._branches = branches
        self._first = Ruling(_Claim(Named(0, genesis.header.hash, 0), genesis, None))
        self._named: dict[int, list[Named]] = {}
        self._after: dict[int, Ruling] = {}
        """The ruling when everything up to a height has been heard."""
        self._heights: dict[BlockHash, int] = {}
        self.floor = genesis
        """The block through which every branch has to run."""
        self.coming: Entry | None = None
        """A block above the floor that is to be the next one, once its body is here."""
        self.dispute: Dispute | None = None

    def height_of(self, block_hash: BlockHash) -> int | None:
        """Return the height for which a block was named."""
        return self._heights.get(block_hash)

    def strongest(self, height: int) -> Named:
        """Return what most signers named for a height for which something was named."""
        return self._named[height][0]

    def is_waiting(self) -> bool:
        """Whether a block was named that nobody has shown."""
        return any(self._branches.find(block_hash) is None for block_hash in self._heights)

    def note(self, *several: Named) -> None:
        """Take in what quorums said, or said with more signers than before."""
        for named in several:
            self._rank(named)
        self.hear(min(named.height for named in several))

    def _rank(self, named: Named) -> None:
        """Remember something as one of the two that most signed for its height."""
        rivals = [item for item in self._named.get(named.height, ()) if item.hash != named.hash]
        ranked = sorted([*rivals, named], key=lambda item: (-item.signers, item.hash))
        for item in ranked[RIVALS_A_HEIGHT:]:
            self._heights.pop(item.hash, None)
        self._named[named.height] = ranked[:RIVALS_A_HEIGHT]
        self._heights.update((item.hash, item.height) for item in ranked[:RIVALS_A_HEIGHT])

    def hear(self, from_height: int) -> None:
        """Rule anew about everything from a height on, as another block is here or has failed."""
        heights = sorted(self._named)
        before = [height for height in heights if height < from_height]
        ruling = self._after[before[-1]] if before else self._first
        for height in heights[len(before) :]:
            ruling = self._rule(ruling, *self._named[height])
            self._after[height] = ruling
        self.dispute = ruling.dispute
        self.floor, self.coming = self._places(ruling.top)

    def _places(self, claim: _Claim) -> tuple[Entry, Entry | None]:
        """Return the highest block that is here, and the highest above it that is only known."""
        coming: Entry | None = None
        while claim.entry is None or not self._branches.is_here(claim.named.hash):
            coming = coming or claim.entry
            assert claim.below is not None, "the genesis block is here"
            claim = claim.below
        return claim.entry, coming

    def _rule(self, ruling: Ruling, strongest: Named, rival: Named | None = None) -> Ruling:
        if rival is not None and rival.signers == strongest.signers:
            return Ruling(ruling.top, ruling.dispute or Dispute(strongest, rival))
        entry = self._branches.find(strongest.hash)
        if entry is None:
            return Ruling(_Claim(strongest, None, ruling.top), ruling.dispute)
        if entry.header.height != strongest.height or self._branches.is_failed(strongest.hash):
            return ruling
        below, opponent = self._go_below(ruling.top, entry)
        if opponent is not None and opponent.signers > strongest.signers:
            return ruling
        if opponent is not None and opponent.signers == strongest.signers:
            return Ruling(below, ruling.dispute or Dispute(opponent, strongest))
        return Ruling(_Claim(strongest, entry, below))

    def _go_below(self, claim: _Claim, entry: Entry) -> tuple[_Claim, Named | None]:
        """Return the highest with which a block goes together, and the strongest other one.

        What nobody has shown is on no known branch, and so not below a known block.
        """
        opponent: Named | None = None
        while claim.entry is None or not self._branches.runs_through(entry, claim.entry):
            if opponent is None or claim.named.signers > opponent.signers:
                opponent = claim.named
            assert claim.below is not None, "everything runs through the genesis block"
            claim = claim.below
        return claim, opponent
