"""One node's chain as it moves: takes in blocks and payments, steers the tip, tells what happened.

`ChainState` joins the parts of this room (header rules, tree, connecting, pool) over a `Keeper`
that remembers. It is as pure as they are. What takes long is handed out: methods that may have to
check signatures are generators that yield such work as a `Job`, a call without arguments that
touches nothing shared, and are sent its answer. Where long work cannot be handed out they yield
`None` now and then, a moment in which others may have their turn. `run_here` drives one to its end;
a server runs the jobs in threads instead, and does other things meanwhile and in the pauses.

Between two steps of a block nothing else may move the tip: a driver takes blocks and commands one
after the other, and payments at any time.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, Protocol, TypeVar

import msgspec

from chaindeck.kernel import BlockVerdict, recover_many
from chaindeck.ledger.blocks import check_body
from chaindeck.ledger.chain import Archive, BlockTree, Choice, Mark
from chaindeck.ledger.checkpoints import Checkpoint, CheckpointBook
from chaindeck.ledger.codec import decode_block, decode_transaction
from chaindeck.ledger.connect import Change, OtherCoins, Question, conclude, prepare_question
from chaindeck.ledger.errors import CheckpointConflict, RuleError
from chaindeck.ledger.finality import Named
from chaindeck.ledger.genesis import Network
from chaindeck.ledger.headers import check_header, check_not_held, genesis_entry
from chaindeck.ledger.limits import (
    ONE_CHANGE_BYTES,
    REWIND_BLOCKS,
    SIGNATURE_BYTES,
    SIGNATURES_A_THREAD,
)
from chaindeck.ledger.pool import Keep, Pool, keep_nowhere
from chaindeck.ledger.pool_plan import Plan
from chaindeck.ledger.pool_types import Accepted, Dropped, PoolLimits, Rejected
from chaindeck.ledger.ports import CoinView, Entry
from chaindeck.ledger.signatures import SignatureCache
from chaindeck.ledger.types import Block, BlockHash, Header, Height, Transaction

Answer = TypeVar("Answer")
Job = Callable[[], Any]
Steps = Generator[Job | None, Any, Answer]
Prepared = Any
"""What a keeper works out for itself; nobody else looks into it."""


class Recovering(msgspec.Struct, frozen=True):
    """The job that most payments need. A driver may know a better place for a small one."""

    digests: bytes
    signatures: bytes
    threads: int

    @property
    def count(self) -> int:
        return len(self.signatures) // SIGNATURE_BYTES

    def __call__(self) -> tuple[bytes, bytes]:
        return recover_many(self.digests, self.signatures, self.threads)


class Judging(msgspec.Struct, frozen=True):
    """The job that every block needs; a small one is done sooner than handed out."""

    question: Question
    threads: int

    @property
    def count(self) -> int:
        """How many transactions are looked at."""
        return len(self.question.known)

    @property
    def unknown(self) -> int:
        """How many of them have signatures that nobody checked yet."""
        return self.question.known.count(0)

    def __call__(self) -> BlockVerdict:
        return self.question.ask(self.threads)


class Batch(Protocol):
    """One change to what a keeper remembers."""

    def save_body(self, block: Block) -> None: ...

    def save_marks(self, marks: Sequence[Mark]) -> None: ...

    def save_checkpoints(self, height: Height, held: Sequence[Checkpoint]) -> None:
        """Keep these as all that is held of a height."""

    def connect(self, entry: Entry, block: Block, change: Change, prepared: Prepared) -> None: ...

    def disconnect(self, block_hash: BlockHash) -> object: ...


class Keeper(CoinView, Archive, Protocol):
    """Remembers blocks, coins and marks; what it has been told survives a crash."""

    def writing(self) -> AbstractContextManager[Batch]:
        """Give a batch that happens wholly when the block ends well, and else not at all."""

    def load_body(self, block_hash: BlockHash) -> bytes | None: ...

    def prepare(self, block: Block, change: Change) -> Generator[None, None, Prepared]:
        """Work out, with pauses, what a batch's `connect` will write; return it for that."""

    def recall(self, block_hash: BlockHash) -> tuple[Block, Change]:
        """Return a block of the active chain and what it changed."""

    def forget(self, block_hashes: Sequence[BlockHash]) -> None:
        """Give up blocks beside the active chain for good, in a change of its own."""


class Connected(msgspec.Struct, frozen=True, tag="block"):
    """A block is part of the active chain now."""

    entry: Entry
    block: Block
    change: Change


class Disconnected(msgspec.Struct, frozen=True, tag="disconnected"):
    """A block was part of the active chain and is no longer."""

    entry: Entry
    block: Block
    change: Change
    """What connecting it had done."""


class Reorganised(msgspec.Struct, frozen=True, tag="reorg"):
    """The tip moved to another branch. Follows the single disconnections and connections."""

    old_tip: BlockHash
    new_tip: BlockHash
    fork_height: int
    disconnected: int
    connected: int
    is_deep: bool


class Parked(msgspec.Struct, frozen=True, tag="parked"):
    """A branch with more work waits for an operator, as it would undo too much."""

    tip: BlockHash


class Admitted(msgspec.Struct, frozen=True, tag="transaction"):
    """A payment waits now."""

    transaction: Transaction
    result: Accepted


class Lost(msgspec.Struct, frozen=True, tag="dropped"):
    """A payment waited and does no longer, and no block holds it."""

    dropped: Dropped


class Fixed(msgspec.Struct, frozen=True, tag="checkpoint"):
    """A quorum has said something new, whoever brought it, and whether it holds or not."""

    checkpoint: Checkpoint


Event = Connected | Disconnected | Reorganised | Parked | Admitted | Lost | Fixed


class ChainState:
    """The tip, the branches and the pool of one node."""

    def __init__(
        self,
        network: Network,
        keeper: Keeper,
        *,
        limits: PoolLimits | None = None,
        threads: int = 2,
        cache: SignatureCache | None = None,
    ) -> None:
        self.network = network
        self.keeper = keeper
        self.cache = SignatureCache() if cache is None else cache
        self.pool = Pool(network, self.cache, limits or PoolLimits())
        self.tree = BlockTree(genesis_entry(network), keeper)
        self.tip = self.tree.genesis
        self.checkpoints = CheckpointBook(network)
        self.is_syncing = False
        self._threads = threads
        self._newest: Block | None = None
        self._events: list[Event] = []

    @property
    def next_height(self) -> Height:
        return Height(self.tip.header.height + 1)

    def resume(
        self, marks: Iterable[Mark], tip: Entry, checkpoints: Sequence[Checkpoint] = ()
    ) -> None:
        """Stand where a keeper stood before: its marks, lowest first, its tip and checkpoints."""
        for mark in marks:
            if mark.entry.header.height:
                self.tree.restore(mark)
        self.tip = tip
        if checkpoints:
            self.checkpoints.restore(checkpoints)
            self.tree.fix_all(
                [Named(item.height, item.hash, len(item.signatures)) for item in checkpoints]
            )
            self._note_dispute()

    def take_events(self) -> list[Event]:
        """Return what happened since the last call, in order."""
        events, self._events = self._events, []
        return events

    # Blocks

    def submit_block(self, block: Block, now_ms: int) -> Steps[bool]:
        """Take in a block; return whether it is new. Raises the rule it breaks.

        But for `UnknownParent` and `Held` the answer is final: a block that breaks a rule is
        remembered as failed.
        """
        if self.has_body(block.hash):
            # It may be here and not connected, where the disk was full.
            yield from self._advance(now_ms)
            return False
        entry = self.tree.find(block.hash) or self.judge_header(block.header, block.seal, now_ms)
        self.tree.add_header(entry)
        try:
            check_body(self.network.genesis, entry, block)
        except RuleError:
            self._fail(block.hash)
            raise
        self._newest = block
        try:
            if entry.header.previous == self.tip.header.hash and len(block.raw) <= ONE_CHANGE_BYTES:
                yield from self._extend(block, now_ms)
            else:
                yield from self._remember(block)
            refusals = yield from self._advance(now_ms)
        finally:
            self._newest = None
        if block.hash in refusals:
            raise refusals[block.hash]
        return True

    def judge_header(self, header: Header, seal: bytes, now_ms: int) -> Entry:
        """Return the entry of a header whose parent is known, or raise what it breaks."""
        parent = self.tree.parent_of(header.previous)
        entry = check_header(self.network, self.tree, parent, header, seal)
        check_not_held(header, now_ms)
        return entry

    def add_header(self, header: Header, seal: bytes, now_ms: int) -> Entry:
        """Take in a header whose parent is known, or raise what it breaks; its body may follow."""
        entry = self.judge_header(header, seal, now_ms)
        self.tree.add_header(entry)
        self._note_dispute()
        return entry

    def has_body(self, block_hash: BlockHash) -> bool:
        """Whether a block need not be fetched: its body is here, or it can never count."""
        if self.tree.find(block_hash) is None:
            return False
        mark = self.tree.mark(block_hash)
        return mark.arrival is not None or mark.is_failed

    def settle(self, now_ms: int) -> Steps[None]:
        """Move the tip to where it should be, after a command or a start."""
        yield from self._advance(now_ms)

    # Commands

    def invalidate(self, block_hash: BlockHash, now_ms: int) -> Steps[None]:
        """Give a block up, with all that builds on it."""
        self._fail(block_hash)
        yield from self._advance(now_ms)

    def reconsider(self, block_hash: BlockHash, now_ms: int) -> Steps[None]:
        """Lift `invalidate` and let a parked branch win."""
        self.tree.reconsider(block_hash)
        self.tree.accept(block_hash)
        yield from self._command_done(now_ms)

    def prefer(self, block_hash: BlockHash, now_ms: int) -> Steps[None]:
        """Let a block win ties."""
        self.tree.prefer(block_hash)
        yield from self._command_done(now_ms)

    def fix(self, checkpoint: Checkpoint, now_ms: int) -> Steps[bool]:
        """Take in a signed checkpoint; return whether it is new.

        Raises `CheckpointConflict` where another contradicts it that has no fewer signers. It is
        remembered and told nevertheless, as all nodes have to see the same.
        """
        is_new = self.checkpoints.add(checkpoint, keep=self._keep_checkpoints)
        height, block_hash = checkpoint.height, checkpoint.hash
        if is_new:
            self.tree.fix(height, block_hash, signers=len(checkpoint.signatures))
            self._events.append(Fixed(checkpoint))
            yield from self._command_done(now_ms)
        rival = self.tree.rival_of(height, block_hash)
        if rival is not None:
            raise CheckpointConflict(height=height, known=rival.hex(), other=block_hash.hex())
        return is_new

    def go_back(self, block_hash: BlockHash, now_ms: int) -> Steps[None]:
        """Move the tip to a block that it was once; `forget` what must not win again.

        Raises what `BlockTree.way_back` does.
        """
        old_tip = self.tip.header.hash
        way = self.tree.way_back(old_tip, block_hash)
        for first in range(0, len(way.disconnect), REWIND_BLOCKS):
            down = way.disconnect[first : first + REWIND_BLOCKS]
            self._adopt((yield from self._move(down, [])), now_ms)
        for up in way.connect:
            self._adopt((yield from self._move([], [up])), now_ms)
        self._save(self.tree.marks())
        if way.disconnect:
            self._events.append(_reorganised(way, old_tip, self.tip))

    def forget(self, block_hashes: Sequence[BlockHash]) -> Steps[None]:
        """Give up blocks beside the active chain, and all on them, as if they had never come."""
        yield partial(self.keeper.forget, self.tree.with_above(*block_hashes))
        self.tree.forget(block_hashes)

    def forget_checkpoints(self) -> None:
        """Let history be open again from the genesis block on."""
        with self.keeper.writing() as batch:
            for height in {held.height for held in self.checkpoints.all()}:
                batch.save_checkpoints(height, ())
        self.checkpoints = CheckpointBook(self.network)
        self.tree.unfix()

    # Payments

    def submit_transactions(
        self,
        transactions: Sequence[Transaction],
        now_ms: int,
        *,
        keep: Keep = keep_nowhere,
        dry_run: bool = False,
    ) -> Steps[list[Accepted | Rejected]]:
        """Offer payments to the pool; return what became of each, in order.

        `keep` hears it first, unless it is a dry run. Where it raises, nothing has happened.
        """
        plan = self.pool.prepare(transactions, self.keeper, self.next_height)
        key_hashes, statuses = yield from self._recover(plan)
        while plan.revision != self.pool.revision:
            plan = self.pool.renew(plan, self.keeper, self.next_height)
            key_hashes, statuses = yield from self._recover(plan)
        results = self.pool.admit(plan, key_hashes, statuses, now_ms, keep=keep, dry_run=dry_run)
        if not dry_run:
            for transaction, result in zip(transactions, results, strict=True):
                if isinstance(result, Accepted):
                    self._events.append(Admitted(transaction, result))
                    self._lose([*result.replaced, *result.evicted])
        return results

    def restore_pool(
        self, kept: Sequence[tuple[bytes, int]], now_ms: int
    ) -> Steps[list[Accepted | Rejected]]:
        """Take back what a store kept of the pool, with the times of arrival.

        What a block holds by now must not be among it, or its children would take it for waiting.
        """
        transactions = [decode_transaction(raw) for raw, _ in kept]
        arrived_ms = [arrived for _, arrived in kept]
        plan = self.pool.prepare(transactions, self.keeper, self.next_height)
        key_hashes, statuses = yield from self._recover(plan)
        return self.pool.admit(plan, key_hashes, statuses, now_ms, arrived_ms=arrived_ms)

    def expire(self, now_ms: int) -> None:
        """Let go of what has waited too long."""
        self._lose(self.pool.expire(now_ms))

    def _recover(self, plan: Plan) -> Steps[tuple[bytes, bytes]]:
        """Recover the signers of a plan; nothing is handed out where there is none."""
        if not plan.signatures:
            return b"", b""
        worthwhile = len(plan.signatures) // (SIGNATURE_BYTES * SIGNATURES_A_THREAD)
        threads = min(self._threads, max(1, worthwhile))
        answer: tuple[bytes, bytes] = yield Recovering(plan.digests, plan.signatures, threads)
        return answer

    # Moving the tip

    def _advance(self, now_ms: int) -> Steps[dict[BlockHash, RuleError]]:
        """Follow the best branch; where a block on it breaks a rule, fail it and choose again.

        Returns the blocks that were refused on the way, each with the rule.
        """
        refusals: dict[BlockHash, RuleError] = {}
        self._note_dispute()
        while True:
            choice = self.tree.choose(self.tip.header.hash, is_syncing=self.is_syncing)
            self._note_parked(choice)
            if not (choice.connect or choice.disconnect):
                return refusals
            try:
                yield from self._follow(choice, now_ms)
            except _RefusedError as refused:
                refusals[refused.block_hash] = refused.error
                self._fail(refused.block_hash)

    def _extend(self, block: Block, now_ms: int) -> Steps[None]:
        """Have a block on the tip connected and kept in one change of the keeper.

        The tree hears of it afterwards, and may still have a reason to go elsewhere. A block that
        breaks a rule is kept as all others are.
        """
        mark = self.tree.arriving(block.hash)
        try:
            moved = yield from self._move([], [block.hash], mark)
        except _RefusedError:
            yield from self._remember(block)
            return
        self.tree.add_body(block.hash)
        self._adopt(moved, now_ms)

    def _follow(self, choice: Choice, now_ms: int) -> Steps[None]:
        """Go the way of a choice. Without anything to undo, each block is a change of its own."""
        old_tip = self.tip.header.hash
        if not choice.disconnect:
            for block_hash in choice.connect:
                self._adopt((yield from self._move([], [block_hash])), now_ms)
            return
        self._adopt((yield from self._move(choice.disconnect, choice.connect)), now_ms)
        self._events.append(_reorganised(choice, old_tip, self.tip))

    def _move(
        self,
        disconnect: Sequence[BlockHash],
        connect: Sequence[BlockHash],
        kept: Mark | None = None,
    ) -> Steps[_Moved]:
        """Judge every block of the way on the coins it will find, then change the keeper.

        With a mark the last body is not kept yet, and is in the same change.
        """
        moved = _Moved([], [])
        prepared: list[Prepared] = []
        ahead = OtherCoins(self.keeper)
        for block_hash in disconnect:
            block, change = self.keeper.recall(block_hash)
            ahead.undo(change)
            moved.down.append(Disconnected(self.tree.entry(block_hash), block, change))
        for block_hash in connect:
            entry, block = self.tree.entry(block_hash), self._body(block_hash)
            try:
                change = yield from self.judge_body(entry, block, ahead)
            except RuleError as error:
                raise _RefusedError(block_hash, error) from error
            if block_hash != connect[-1]:
                ahead.apply(change)
            moved.up.append(Connected(entry, block, change))
            prepared.append((yield from self.keeper.prepare(block, change)))
        with self.keeper.writing() as batch:
            if kept is not None:
                batch.save_body(moved.up[-1].block)
                batch.save_marks([kept])
            for down in moved.down:
                batch.disconnect(down.block.hash)
            for up, ready in zip(moved.up, prepared, strict=True):
                batch.connect(up.entry, up.block, up.change, ready)
        return moved

    def judge_body(self, entry: Entry, block: Block, view: CoinView) -> Steps[Change]:
        """Return what a block changes on these coins, or raise the rule that it breaks."""
        question = prepare_question(self.network, entry, block, view, self.cache)
        verdict = yield Judging(question, self._threads)
        return conclude(question, verdict, view, self.cache)

    def _adopt(self, moved: _Moved, now_ms: int) -> None:
        """Bring tip and pool to where the keeper is, block by block, and tell."""
        then = OtherCoins(self.keeper)
        if moved.down:
            then.rewind([down.change for down in moved.down], [up.change for up in moved.up])
        for down in moved.down:
            then.undo(down.change)
            self.tip = self.tree.entry(down.entry.header.previous)
            self._events.append(down)
            self._lose(self.pool.block_disconnected(down.block, then, self.next_height, now_ms))
        for up in moved.up:
            self.tip = up.entry
            self._events.append(up)
            self._lose(self.pool.block_connected(up.block))

    def _fail(self, block_hash: BlockHash) -> None:
        affected = self.tree.fail(block_hash)
        self._save([self.tree.mark(item) for item in affected])

    def _remember(self, block: Block) -> Steps[None]:
        """Keep a body; the tree hears of it once it is safe, as the keeper may refuse it."""
        yield partial(self._keep, block, self.tree.arriving(block.hash))
        self.tree.add_body(block.hash)

    def _keep(self, block: Block, mark: Mark) -> None:
        with self.keeper.writing() as batch:
            batch.save_body(block)
            batch.save_marks([mark])

    def _save(self, marks: Sequence[Mark]) -> None:
        with self.keeper.writing() as batch:
            batch.save_marks(marks)

    def _keep_checkpoints(self, held: Sequence[Checkpoint]) -> None:
        with self.keeper.writing() as batch:
            batch.save_checkpoints(held[0].height, held)

    def _body(self, block_hash: BlockHash) -> Block:
        """Return a block that is here; the one that just came need not be decoded again."""
        if self._newest is not None and self._newest.hash == block_hash:
            return self._newest
        raw = self.keeper.load_body(block_hash)
        assert raw is not None, "a ready block has its body"
        return decode_block(raw)

    def _command_done(self, now_ms: int) -> Steps[None]:
        self._save(self.tree.marks())
        yield from self._advance(now_ms)

    def _note_parked(self, choice: Choice) -> None:
        if choice.parked:
            self._events += [Parked(tip) for tip in choice.parked]
            self._save(self.tree.marks())

    def _note_dispute(self) -> None:
        """Let those who mine know of checkpoints that contradict each other."""
        dispute = self.tree.dispute
        if dispute is None:
            self.checkpoints.conflict = None
            return
        one = self.checkpoints.find(Height(dispute.one.height), dispute.one.hash)
        other = self.checkpoints.find(Height(dispute.other.height), dispute.other.hash)
        assert one is not None, "the tree knows only what the book has"
        assert other is not None, "the tree knows only what the book has"
        self.checkpoints.conflict = one, other

    def _lose(self, dropped: Sequence[Dropped]) -> None:
        self._events += [Lost(item) for item in dropped]


class _Moved(msgspec.Struct, frozen=True):
    """The steps of one change of the tip."""

    down: list[Disconnected]
    up: list[Connected]


class _RefusedError(Exception):
    """A block on the way to the best tip breaks a rule."""

    def __init__(self, block_hash: BlockHash, error: RuleError) -> None:
        super().__init__(block_hash.hex())
        self.block_hash = block_hash
        self.error = error


def run_here(steps: Steps[Answer]) -> Answer:
    """Drive a generator of jobs to its end, each job at once."""
    try:
        job = next(steps)
        while True:
            job = steps.send(None if job is None else job())
    except StopIteration as done:
        answer: Answer = done.value
        return answer


def _reorganised(choice: Choice, old_tip: BlockHash, tip: Entry) -> Reorganised:
    return Reorganised(
        old_tip,
        tip.header.hash,
        tip.header.height - len(choice.connect),
        len(choice.disconnect),
        len(choice.connect),
        choice.is_deep,
    )
