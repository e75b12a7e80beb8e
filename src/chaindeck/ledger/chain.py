"""Which of several branches holds: most work, first seen, unless an operator or a checkpoint says.

A `BlockTree` keeps the entries of all branches, knows which have their bodies, and answers one
question: given the active tip, where to go and by which way (`choose`). It connects nothing itself.

* A block is *ready* when its body and those of all before it are here. Only ready blocks can win.
* A block is *failed* when it, or one before it, broke a rule or was given up by command.
* A block is *parked* when following it would undo more than 100 blocks: it is not invalid, and not
  followed until an operator accepts it or a checkpoint lies on it. Never while a node first syncs.
* A checkpoint whose block is ready shuts out every branch that does not run through it. Until its
  block is ready it shuts out nothing, so that nobody waits for a block that is never shown. Which
  of several checkpoints holds is for `finality`.

Entries below the part kept in memory come from an `Archive`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Protocol

import msgspec

from chaindeck.ledger.errors import (
    BelowCheckpoint,
    CheckpointBranch,
    GenesisIsFixed,
    InvalidParent,
    UnknownBlock,
    UnknownParent,
)
from chaindeck.ledger.finality import Dispute, Finality, Named
from chaindeck.ledger.limits import MAX_TIPS, REORG_ALERT_BLOCKS, REORG_PARK_BLOCKS
from chaindeck.ledger.ports import Entry
from chaindeck.ledger.types import BlockHash


class Archive(Protocol):
    """Entries of the active chain that are no longer kept in memory."""

    def load_entry(self, block_hash: BlockHash) -> Entry | None:
        """Return an entry of the active chain, None for any other hash."""


class EmptyArchive:
    """The archive of a tree that keeps everything in memory."""

    def load_entry(self, block_hash: BlockHash) -> Entry | None:  # noqa: ARG002 the port's name
        return None


class Mark(msgspec.Struct):
    """What the tree knows of one entry beside its header. A store keeps it over a restart."""

    entry: Entry
    arrival: int | None = None
    """When its body came, as a running number; None until then. Smaller wins a tie."""

    is_ready: bool = False
    is_failed: bool = False
    is_parked: bool = False
    is_shut_out: bool = False

    @property
    def may_win(self) -> bool:
        return self.is_ready and not (self.is_failed or self.is_parked or self.is_shut_out)


class Choice(msgspec.Struct, frozen=True):
    """Where the active tip should go, and the way there."""

    tip: Entry
    disconnect: list[BlockHash]
    """From the active tip downwards."""

    connect: list[BlockHash]
    """Upwards to `tip`."""

    parked: list[BlockHash]
    """Branch ends with more work that wait for an operator since this choice."""

    @property
    def is_deep(self) -> bool:
        """Whether so much is undone that somebody should be told."""
        return len(self.disconnect) > REORG_ALERT_BLOCKS


class Tip(msgspec.Struct, frozen=True):
    """The end of a branch, for operators."""

    entry: Entry
    status: str
    """active, ready, headers-only, parked, shut-out (by a checkpoint) or invalid."""

    branch_length: int
    """Blocks since it left the active chain."""


class BlockTree:
    """Every known branch from the genesis block on."""

    def __init__(self, genesis: Entry, archive: Archive | None = None) -> None:
        self._archive = archive or EmptyArchive()
        self._marks: dict[BlockHash, Mark] = {}
        self._children: dict[BlockHash, list[BlockHash]] = {}
        self._leaves: dict[BlockHash, None] = {}
        self._candidates: dict[BlockHash, None] = {}
        self._accepted: set[BlockHash] = set()
        self._finality = Finality(genesis, self)
        self._floor = genesis
        self._last_arrival = 0
        self._first_arrival = 0
        self.genesis = genesis
        self.restore(Mark(genesis, arrival=0, is_ready=True))

    def __contains__(self, block_hash: BlockHash) -> bool:
        return self.find(block_hash) is not None

    def __len__(self) -> int:
        """How many entries are kept in memory."""
        return len(self._marks)

    # Looking

    def find(self, block_hash: BlockHash) -> Entry | None:
        mark = self._marks.get(block_hash)
        return mark.entry if mark else self._archive.load_entry(block_hash)

    def entry(self, block_hash: BlockHash) -> Entry:
        """Return a known entry or raise `UnknownBlock`."""
        entry = self.find(block_hash)
        if entry is None:
            raise UnknownBlock(field="hash", hash=block_hash.hex())
        return entry

    def mark(self, block_hash: BlockHash) -> Mark:
        """Return what is known of an entry, for storing; raise `UnknownBlock`."""
        mark = self._marks.get(block_hash)
        if mark is None:
            entry = self.entry(block_hash)
            mark = Mark(entry, arrival=0, is_ready=True)
            self._marks[block_hash] = mark
        return mark

    def marks(self) -> list[Mark]:
        """Return all that is kept in memory, lowest first."""
        return sorted(self._marks.values(), key=lambda mark: mark.entry.header.height)

    def window(self, entry: Entry, count: int) -> Sequence[Entry]:
        """Return the last `count` entries of a branch, oldest first (`ports.Ancestry`)."""
        entries = [entry]
        while len(entries) < count and entry.header.height:
            entry = self.entry(entry.header.previous)
            entries.append(entry)
        entries.reverse()
        return entries[-count:]

    def branch(self, entry: Entry) -> Iterator[Entry]:
        """Walk from an entry down to the genesis block."""
        yield entry
        while entry.header.height:
            entry = self.entry(entry.header.previous)
            yield entry

    @property
    def floor(self) -> Entry:
        """The block through which every branch has to run."""
        return self._floor

    @property
    def dispute(self) -> Dispute | None:
        """Two checkpoints that contradict each other, of which neither holds."""
        return self._finality.dispute

    def runs_through(self, entry: Entry, below: Entry) -> bool:
        """Whether the branch of a block has another one."""
        if entry.header.height < below.header.height:
            return False
        lowest = entry
        for lowest in self._down_to(entry, below.header.height):
            if self._is_archived(lowest):
                return self._archive.load_entry(below.header.hash) is not None
        return lowest.header.hash == below.header.hash

    def is_failed(self, block_hash: BlockHash) -> bool:
        mark = self._marks.get(block_hash)
        return mark is not None and mark.is_failed

    def is_here(self, block_hash: BlockHash) -> bool:
        """Whether a block is here with all before it."""
        mark = self._marks.get(block_hash)
        return mark.is_ready if mark else self._archive.load_entry(block_hash) is not None

    def best_header(self) -> Entry:
        """Return the entry with the most work that could win once its bodies are here.

        Where a checkpoint waits for a body, that is on its branch, whatever work others have.
        """
        coming = self._finality.coming
        if coming is not None and coming.header.hash in self._marks:
            above = (self.mark(item) for item in self._with_descendants(coming.header.hash))
            standing = (mark.entry for mark in above if not mark.is_failed)
            return max(standing, key=lambda entry: entry.work)
        open_leaves = (self._open_part(self._marks[leaf]) for leaf in self._leaves)
        return max(open_leaves, key=lambda mark: mark.entry.work).entry

    def tips(self, active: BlockHash) -> list[Tip]:
        """Return every branch end, the most work first."""
        leaves = (self.mark(leaf) for leaf in {**self._leaves, active: None})
        tips = [tip for leaf in leaves if (tip := self._tip(leaf, active))]
        return sorted(tips, key=lambda tip: (-tip.entry.work, tip.entry.header.hash))

    # Growing

    def parent_of(self, previous: BlockHash) -> Entry:
        """Return what a new header builds on; raise `UnknownParent` or `InvalidParent`."""
        parent = self.find(previous)
        if parent is None:
            raise UnknownParent(field="previous", previous=previous.hex())
        if self.mark(previous).is_failed:
            raise InvalidParent(field="previous", previous=previous.hex())
        return parent

    def add_header(self, entry: Entry) -> bool:
        """Take in an entry that `headers.check_header` made; return whether it is new."""
        header = entry.header
        if header.hash in self:
            return False
        self.parent_of(header.previous)
        parent = self.mark(header.previous)
        is_beside = parent.is_shut_out or header.height <= self._floor.header.height
        if is_beside and not self._finality.is_waiting():
            raise CheckpointBranch(field="height", height=self._floor.header.height)
        # A checkpoint that names what nobody has shown yet may lie on any branch.
        self.restore(Mark(entry, is_parked=parent.is_parked, is_shut_out=is_beside))
        self._drop_poorest_leaf(kept=header.hash)
        self._hear_of([header.hash])
        return True

    def arriving(self, block_hash: BlockHash) -> Mark:
        """Return what the mark of a known header will be once its body is here."""
        mark = self.mark(block_hash)
        return Mark(
            mark.entry,
            self._last_arrival + 1 if mark.arrival is None else mark.arrival,
            is_ready=mark.is_ready or self.is_here(mark.entry.header.previous),
            is_failed=mark.is_failed,
            is_parked=mark.is_parked,
            is_shut_out=mark.is_shut_out,
        )

    def add_body(self, block_hash: BlockHash) -> None:
        """Note that the body of a known header is here, and whatever becomes ready by it."""
        mark = self.mark(block_hash)
        if mark.arrival is None:
            self._last_arrival += 1
            mark.arrival = self._last_arrival
        if self.is_here(mark.entry.header.previous):
            self._make_ready(block_hash)

    def restore(self, mark: Mark) -> None:
        """Take back what a store kept; parents before children."""
        header = mark.entry.header
        self._marks[header.hash] = mark
        self._children.setdefault(header.previous, []).append(header.hash)
        self._leaves.pop(header.previous, None)
        self._leaves[header.hash] = None
        self._last_arrival = max(self._last_arrival, mark.arrival or 0)
        self._first_arrival = min(self._first_arrival, mark.arrival or 0)
        if mark.may_win:
            self._candidates[header.hash] = None

    def forget_below(self, height: int, active: BlockHash) -> None:
        """Let go of everything under a height of the active chain; the archive has what it needs.

        Branches that left the active chain below it are given up with it.
        """
        *_, lowest = self._down_to(self.entry(active), height)
        self._keep_only(set(self._with_descendants(lowest.header.hash)))

    # Choosing

    def choose(self, active: BlockHash, *, is_syncing: bool = False) -> Choice:
        """Return the ready branch that holds now and the way there from the active tip.

        Branches that would undo too much are parked on the way, unless the node is syncing.
        """
        parked: list[BlockHash] = []
        while True:
            best = self._best()
            disconnect, connect = self.route(active, best.header.hash)
            is_free = is_syncing or not self._accepted.isdisjoint(connect)
            is_lost = not self.mark(active).may_win
            if len(disconnect) <= REORG_PARK_BLOCKS or is_free or is_lost:
                return Choice(best, disconnect, connect, parked)
            self._park(connect[0])
            parked.append(best.header.hash)

    def route(self, start: BlockHash, goal: BlockHash) -> tuple[list[BlockHash], list[BlockHash]]:
        """Return what to disconnect downwards and what to connect upwards between two blocks."""
        here, there = self.entry(start), self.entry(goal)
        disconnect: list[BlockHash] = []
        connect: list[BlockHash] = []
        while here.header.hash != there.header.hash:
            if here.header.height >= there.header.height:
                disconnect.append(here.header.hash)
                here = self.entry(here.header.previous)
            else:
                connect.append(there.header.hash)
                there = self.entry(there.header.previous)
        connect.reverse()
        return disconnect, connect

    # Commands and verdicts

    def fail(self, block_hash: BlockHash) -> list[BlockHash]:
        """Mark a block and all that build on it as failed: it broke a rule, or was given up."""
        if block_hash == self.genesis.header.hash:
            raise GenesisIsFixed(field="hash")
        entry = self.entry(block_hash)
        self._check_not_fixed(entry)
        affected = list(self._with_descendants(block_hash))
        for item in affected:
            self.mark(item).is_failed = True
            self._candidates.pop(item, None)
        self._offer_below(entry)
        self._hear_of(affected)
        return affected

    def reconsider(self, block_hash: BlockHash) -> None:
        """Lift `fail` from a block, those before it and those after it; nothing else is judged."""
        lineage = self._lineage(block_hash)
        for item in lineage:
            mark = self.mark(item)
            mark.is_failed = False
            self._offer(mark)
        self._hear_of(lineage)

    def way_back(self, active: BlockHash, goal: BlockHash) -> Choice:
        """Return how to get to a block that was active once, whatever became of it since.

        Raises `UnknownBlock`, or `BelowCheckpoint` where a checkpoint is in the way. What lies on
        the way is in memory then, as the archive will no longer have it.
        """
        disconnect, connect = self.route(active, goal)
        if disconnect:
            self._check_not_fixed(self.entry(disconnect[-1]))
        for block_hash in disconnect:
            self.mark(block_hash)
        if not self.mark(goal).may_win:
            self.reconsider(goal)
            self.accept(goal)
        return Choice(self.entry(goal), disconnect, connect, [])

    def with_above(self, *roots: BlockHash) -> list[BlockHash]:
        """Return blocks with all that build on them, as far as they are in memory."""
        return list({item: None for root in roots for item in self._with_descendants(root)})

    @property
    def last_arrival(self) -> int:
        """The number of the body that came last."""
        return self._last_arrival

    def forget(self, hashes: Iterable[BlockHash]) -> None:
        """Let go of blocks, and of all that build on them, as if they had never come."""
        lost = set(self.with_above(*hashes))
        bereft = {self.mark(item).entry.header.previous for item in lost} - lost
        self._keep_only(self._marks.keys() - lost)
        self._accepted -= lost
        for parent in bereft:
            self._offer(self.mark(parent))
            self._children[parent] = [
                item for item in self._children.get(parent, ()) if item not in lost
            ]
            if not self._children[parent]:
                self._leaves[parent] = None
        self._hear_of(lost)

    def unfix(self) -> None:
        """Let no checkpoint hold any longer."""
        self._finality = Finality(self.genesis, self)
        self._floor = self.genesis
        self._open_all()

    def accept(self, block_hash: BlockHash) -> None:
        """Let a parked branch win after all, and not be parked again."""
        self._accepted.add(block_hash)
        for item in self._lineage(block_hash):
            mark = self.mark(item)
            mark.is_parked = False
            self._offer(mark)

    def prefer(self, block_hash: BlockHash) -> None:
        """Let a block win ties as if it had been seen before all others."""
        mark = self.mark(block_hash)
        if mark.arrival is not None:
            self._first_arrival -= 1
            mark.arrival = self._first_arrival

    def fix(self, height: int, block_hash: BlockHash, *, signers: int = 1) -> None:
        """Let a checkpoint that `CheckpointBook` accepted hold, at once or when its block is ready.

        A checkpoint revives no failed block: until an operator has reconsidered it, it is awaited.
        Where another contradicts it, the one with more signers holds, or neither (`dispute`).
        """
        self.fix_all([Named(height, block_hash, signers)])

    def fix_all(self, named: Sequence[Named]) -> None:
        """Let several hold at once."""
        self._finality.note(*named)
        self._move_floor()

    def rival_of(self, height: int, block_hash: BlockHash) -> BlockHash | None:
        """Return what contradicts a checkpoint and has no fewer signers."""
        dispute = self.dispute
        if dispute is not None and block_hash in (dispute.one.hash, dispute.other.hash):
            is_one = block_hash == dispute.one.hash
            return dispute.other.hash if is_one else dispute.one.hash
        entry, floor = self.find(block_hash), self._floor
        if height <= floor.header.height:
            is_below = entry is not None and self.runs_through(floor, entry)
            return None if is_below else floor.header.hash
        strongest = self._finality.strongest(height)
        if strongest.hash != block_hash:
            return strongest.hash
        is_open = entry is None or entry == self._finality.coming or self.runs_through(entry, floor)
        return None if is_open else floor.header.hash

    # Helpers

    def _best(self) -> Entry:
        return max((self._marks[key] for key in self._candidates), key=_rank).entry

    def _hear_of(self, hashes: Iterable[BlockHash]) -> None:
        """Rule anew if a checkpoint names one of these blocks."""
        heights = [self._finality.height_of(item) for item in hashes]
        named = [height for height in heights if height is not None]
        if named:
            self._finality.hear(min(named))
            self._move_floor()

    def _move_floor(self) -> None:
        """Let what holds now shut out the rest, and let go of what held before."""
        floor, before = self._finality.floor, self._floor
        if floor.header.hash == before.header.hash:
            return
        self._floor = floor
        self._open_all()
        if not self.runs_through(before, floor):
            self.accept(floor.header.hash)
        self._shut_out_beside(floor)

    def _check_not_fixed(self, entry: Entry) -> None:
        height = self._floor.header.height
        if entry.header.height <= height and not self.mark(entry.header.hash).is_shut_out:
            raise BelowCheckpoint(field="hash", height=height)

    def _open_all(self) -> None:
        """Let every branch compete again that a checkpoint had shut out."""
        for mark in self.marks():
            mark.is_shut_out = False
            self._offer(mark)

    def _shut_out_beside(self, entry: Entry) -> None:
        """Shut out what does not run through a checkpoint."""
        below = set(self._remembered_branch(entry))
        for mark in self.marks():
            header = mark.entry.header
            parent = self._marks.get(header.previous)
            # What the archive has is the active chain: a parent from there, above the checkpoint,
            # has it below itself.
            stands = header.height > entry.header.height and not (parent and parent.is_shut_out)
            if header.hash not in below and not stands:
                mark.is_shut_out = True
                self._candidates.pop(header.hash, None)

    def _remembered_branch(self, entry: Entry) -> Iterator[BlockHash]:
        mark = self._marks.get(entry.header.hash)
        while mark:
            yield mark.entry.header.hash
            mark = self._marks.get(mark.entry.header.previous)

    def _make_ready(self, first: BlockHash) -> None:
        waiting, made = [first], []
        while waiting:
            mark = self.mark(waiting.pop())
            block_hash = mark.entry.header.hash
            if mark.arrival is not None:
                mark.is_ready = True
                self._offer(mark)
                made.append(block_hash)
                waiting += self._children.get(block_hash, ())
        self._hear_of(made)

    def _offer(self, mark: Mark) -> None:
        """Let a block compete as far as it may, and a checkpoint that waited for it hold."""
        if mark.may_win:
            self._candidates.pop(mark.entry.header.previous, None)
            self._candidates[mark.entry.header.hash] = None

    def _offer_below(self, entry: Entry) -> None:
        """Let the first standing block below a lost branch compete for itself again."""
        mark = self.mark(entry.header.previous)
        while not mark.may_win:
            mark = self.mark(mark.entry.header.previous)
        self._candidates[mark.entry.header.hash] = None

    def _park(self, block_hash: BlockHash) -> None:
        for item in self._with_descendants(block_hash):
            self.mark(item).is_parked = True
            self._candidates.pop(item, None)
        self._offer_below(self.entry(block_hash))

    def _with_descendants(self, block_hash: BlockHash) -> Iterator[BlockHash]:
        waiting = [block_hash]
        while waiting:
            item = waiting.pop()
            yield item
            waiting += self._children.get(item, ())

    def _lineage(self, block_hash: BlockHash) -> list[BlockHash]:
        """The marked blocks before it, itself, and all after it, lowest first."""
        before: list[BlockHash] = []
        mark = self.mark(block_hash)
        while mark.is_failed or mark.is_parked:
            before.append(mark.entry.header.hash)
            mark = self.mark(mark.entry.header.previous)
        return [*reversed(before[1:]), *self._with_descendants(block_hash)]

    def _keep_only(self, kept: AbstractSet[BlockHash]) -> None:
        self._marks = {key: mark for key, mark in self._marks.items() if key in kept}
        self._leaves = {key: None for key in self._leaves if key in kept}
        self._candidates = {key: None for key in self._candidates if key in kept}
        self._children = {key: below for key, below in self._children.items() if key in kept}

    def _open_part(self, mark: Mark) -> Mark:
        while mark.is_failed or mark.is_parked or mark.is_shut_out:
            mark = self.mark(mark.entry.header.previous)
        return mark

    def _down_to(self, entry: Entry, height: int) -> Iterator[Entry]:
        """Walk from an entry down to a height of its branch."""
        yield entry
        while entry.header.height > height:
            entry = self.entry(entry.header.previous)
            yield entry

    def _is_archived(self, entry: Entry) -> bool:
        """Whether a block is out of memory: it and all before it are of the active chain."""
        block_hash = entry.header.hash
        return block_hash not in self._marks and self._archive.load_entry(block_hash) is not None

    def _tip(self, mark: Mark, active: BlockHash) -> Tip | None:
        """Describe a leaf, unless the active chain runs on above it, out of memory."""
        disconnect, connect = self.route(active, mark.entry.header.hash)
        if disconnect and not connect:
            return None
        return Tip(mark.entry, _status(mark, is_active=not connect), len(connect))

    def _drop_poorest_leaf(self, kept: BlockHash) -> None:
        """Stay under the cap. The best stays, and a newcomer, whose branch may yet be the best."""
        if len(self._leaves) <= MAX_TIPS:
            return
        spared = (kept, self._best().header.hash)
        leaves = (self._marks[leaf] for leaf in self._leaves if leaf not in spared)
        poorest = min(leaves, key=lambda mark: (mark.may_win, mark.entry.work))
        self._forget(poorest.entry.header.hash)

    def _forget(self, block_hash: BlockHash) -> None:
        mark = self._marks.pop(block_hash)
        self._candidates.pop(block_hash, None)
        self._leaves.pop(block_hash, None)
        previous = mark.entry.header.previous
        self._children[previous].remove(block_hash)
        if not self._children[previous]:
            del self._children[previous]
            self._leaves[previous] = None
            self._offer(self.mark(previous))


def _rank(mark: Mark) -> tuple[int, int]:
    assert mark.arrival is not None, "candidates have their body"
    return mark.entry.work, -mark.arrival


def _status(mark: Mark, *, is_active: bool) -> str:
    if is_active:
        return "active"
    if mark.is_failed:
        return "invalid"
    if mark.is_parked:
        return "parked"
    if mark.is_shut_out:
        return "shut-out"
    return "ready" if mark.is_ready else "headers-only"
