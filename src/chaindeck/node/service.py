"""What a node can be asked and told, as a plain object: the API, the miner and tests use it alike.

It drives `ledger.state.ChainState` over a `store.ChainStore` from one asyncio loop. Long work (the
checking of signatures) runs in threads, without the interpreter lock; all else happens on the loop,
in turns of some milliseconds, so that a reader sees the chain before a block or after it and never
between, and soon. Blocks and commands are taken one after the other, payments at any time.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

import msgspec

from chaindeck.ledger.chain import Tip
from chaindeck.ledger.checkpoints import Checkpoint
from chaindeck.ledger.codec import decode_block, decode_transaction
from chaindeck.ledger.errors import ImmatureCoin, MissingInput, RuleError
from chaindeck.ledger.foresight import Foresight
from chaindeck.ledger.genesis import Network
from chaindeck.ledger.pool_types import Accepted, DropCode, Dropped, PoolLimits, Rejected
from chaindeck.ledger.ports import Entry
from chaindeck.ledger.rewinding import KeptPayments, rewind, start_over
from chaindeck.ledger.state import (
    Admitted,
    ChainState,
    Connected,
    Disconnected,
    Event,
    Judging,
    Lost,
    Parked,
    Recovering,
    Reorganised,
    Steps,
)
from chaindeck.ledger.types import Block, BlockHash, Transaction, TxId
from chaindeck.node.clock import Clock
from chaindeck.node.describe import describe_block, describe_payment
from chaindeck.node.feed import Feed
from chaindeck.node.limits import (
    DROPPED_KEPT,
    EXPIRY_INTERVAL_S,
    FEW_SIGNATURES,
    FEW_TRANSACTIONS,
    JOURNAL_SLACK,
    REST_S,
    TURNS_A_PAUSE,
)
from chaindeck.node.logs import get_logger
from chaindeck.node.recovering import Recoverer
from chaindeck.store import ChainStore
from chaindeck.store.errors import StoreError
from chaindeck.store.pool_file import POOL_NAME, PoolJournal, Waiting, load_pool

Answer = TypeVar("Answer")
_log = get_logger("node")
_SIGNATURE_THREADS = 2
_RECENT_MARKS = 10_000
"""Blocks below the tip whose entries are kept in memory."""


class Past(msgspec.Struct, frozen=True):
    """Where a chain stood, and what was known of payments that no block held."""

    tip: BlockHash
    arrival: int
    """The number of the body that had come last."""

    waiting: KeptPayments
    dropped: Sequence[Dropped]


class NodeService:
    """One node's chain, pool and feed. Use it from the loop that `start` ran on."""

    def __init__(
        self, network: Network, store: ChainStore, clock: Clock, limits: PoolLimits | None = None
    ) -> None:
        self.network = network
        self.store = store
        self.clock = clock
        self.instance_id = uuid.uuid4().hex
        self.started_ms = clock.now_ms()
        self.feed = Feed(self.instance_id)
        self.state = ChainState(network, store, limits=limits, threads=_SIGNATURE_THREADS)
        self._foresight = Foresight(self.state, threads=_SIGNATURE_THREADS)
        self._dropped: OrderedDict[TxId, Dropped] = OrderedDict()
        self._chain_lock = asyncio.Lock()
        self._workers = ThreadPoolExecutor(_SIGNATURE_THREADS, thread_name_prefix="signatures")
        self._tip_moved = asyncio.Condition()
        self._listeners: list[Callable[[Event], None]] = []
        self._housekeeping: asyncio.Task[None] | None = None
        self._settling: asyncio.Task[None] | None = None
        self._journal: PoolJournal
        self._recoverer: Recoverer

    # Life

    async def start(self) -> None:
        """Stand where the store stands, and take back the pool that the last stop left."""
        self._recoverer = Recoverer()
        lowest = max(0, self.store.height() - _RECENT_MARKS)
        marks = self.store.load_marks(lowest)
        tip = self.store.load_entry(self.store.tip())
        assert tip is not None, "a store knows its own tip"
        self.state.resume(marks, tip, self.store.load_checkpoints())
        await self._drive(self.state.settle(self.clock.now_ms()))
        await self._restore_pool()
        self._tell()
        self._housekeeping = asyncio.create_task(self._keep_house())

    async def stop(self) -> None:
        """Finish what is under way, and keep the pool."""
        if self._housekeeping:
            self._housekeeping.cancel()
            await asyncio.wait([self._housekeeping])
        if self._settling:
            await self._settling
        async with self._chain_lock:
            self._journal.rewrite(self._waiting())
            self._journal.close()
        self._recoverer.close()
        self._workers.shutdown(wait=True)

    # Looking

    @property
    def tip(self) -> Entry:
        return self.state.tip

    def dropped(self, tx_id: TxId) -> Dropped | None:
        """Return why a payment left the pool without a block, for those that did of late."""
        return self._dropped.get(tx_id)

    def tips(self) -> list[Tip]:
        return self.state.tree.tips(self.tip.header.hash)

    def load_block(self, block_hash: BlockHash) -> Block | None:
        raw = self.store.load_body(block_hash)
        return None if raw is None else decode_block(raw)

    def remember(self) -> Past:
        """Return what `rewind` needs to make everything as it is now."""
        return Past(
            self.tip.header.hash,
            self.state.tree.last_arrival,
            list(self.state.pool.dump()),
            list(self._dropped.values()),
        )

    def listen(self, listener: Callable[[Event], None]) -> None:
        """Call a function with every event of the chain, right when it happens."""
        self._listeners.append(listener)

    async def wait_for_tip(self, other_than: BlockHash) -> Entry:
        """Return the tip as soon as it is not the one given."""
        async with self._tip_moved:
            await self._tip_moved.wait_for(lambda: self.tip.header.hash != other_than)
            return self.tip

    # Telling

    async def submit_transactions(
        self, transactions: Sequence[Transaction], *, dry_run: bool = False
    ) -> list[Accepted | Rejected]:
        """Offer payments; return what became of each, in order.

        Raises a `StoreError` where the accepted cannot be written down; then none was accepted.
        """
        now_ms = self.clock.now_ms()

        def keep(results: Sequence[Accepted | Rejected]) -> None:
            self._journal.append(
                Waiting(transaction.raw, now_ms)
                for transaction, result in zip(transactions, results, strict=True)
                if isinstance(result, Accepted)
            )

        steps = self.state.submit_transactions(transactions, now_ms, keep=keep, dry_run=dry_run)
        results = await self._drive(steps)
        self._tell()
        return results

    async def submit_block(self, block: Block) -> bool:
        """Take in a block; return whether it is new. Raises the rule it breaks."""
        try:
            return await self._command(self.state.submit_block(block, self.clock.now_ms()))
        finally:
            self._foresight.forget(block.hash)

    async def foresee(self, block: Block) -> bool:
        """Check signatures of a block that is submitted later, and after those foreseen before.

        One at a time. It changes nothing but how long `submit_block` will take: much less where
        this returns true.
        """
        return await self._drive(self._foresight.look_at(block))

    async def invalidate(self, block_hash: BlockHash) -> None:
        await self._command(self.state.invalidate(block_hash, self.clock.now_ms()))

    async def reconsider(self, block_hash: BlockHash) -> None:
        await self._command(self.state.reconsider(block_hash, self.clock.now_ms()))

    async def prefer(self, block_hash: BlockHash) -> None:
        await self._command(self.state.prefer(block_hash, self.clock.now_ms()))

    async def fix(self, checkpoint: Checkpoint) -> bool:
        return await self._command(self.state.fix(checkpoint, self.clock.now_ms()))

    async def rewind(self, past: Past) -> None:
        """Make everything as it was when `remember` returned this, for development."""
        now_ms = self.clock.now_ms()
        await self._command(rewind(self.state, past.tip, past.arrival, past.waiting, now_ms))
        self._dropped = OrderedDict((dropped.tx_id, dropped) for dropped in past.dropped)
        self._journal.rewrite(self._waiting())

    async def start_over(self) -> None:
        """Know nothing but the genesis block, for development."""
        await self._command(start_over(self.state, self.clock.now_ms()))
        self._dropped.clear()
        self._journal.rewrite(self._waiting())

    async def prune(self, keep_bytes: int) -> None:
        """Give up the oldest blocks until so many bytes are left."""
        async with self._chain_lock:
            await self._in_thread(partial(self.store.prune, keep_bytes))

    # Inside

    async def _command(self, steps: Steps[Answer]) -> Answer:
        """Run one thing that may move the tip, alone, and tell what it did even if it failed."""
        async with self._chain_lock:
            if self.store.is_settling_due:
                await self._settle_rows()
            try:
                return await self._drive(steps)
            finally:
                self._tell()
                async with self._tip_moved:
                    self._tip_moved.notify_all()
                if self.store.is_settling_due and self._settling is None:
                    self._settling = asyncio.create_task(self._settle())

    async def _settle(self) -> None:
        """Write index rows now rather than while the next block waits for it."""
        try:
            async with self._chain_lock:
                await self._settle_rows()
        except StoreError as error:
            # What waits stays in memory, and the next command tries again and tells its caller.
            _log.error("settling failed", error)
        finally:
            self._settling = None

    async def _settle_rows(self) -> None:
        # Whoever reads from a node that is not up to date yet can wait for some milliseconds more.
        rest_s = 0.0 if self.state.is_syncing else REST_S
        await self._in_thread(partial(_go_gently, self.store.settle_in_turns(), rest_s))

    async def _drive(self, steps: Steps[Answer]) -> Answer:
        """Run a generator of the ledger, its jobs in threads."""
        try:
            job = next(steps)
            while True:
                if job is None:
                    for _ in range(TURNS_A_PAUSE):
                        await asyncio.sleep(0)
                    job = next(steps)
                elif isinstance(job, Recovering) and job.count <= FEW_SIGNATURES:
                    job = steps.send(await self._recoverer.recover(job.digests, job.signatures))
                elif isinstance(job, Judging) and is_small(job):
                    job = steps.send(job())
                else:
                    job = steps.send(await self._in_thread(job))
        except StopIteration as done:
            answer: Answer = done.value
            return answer

    async def _in_thread(self, job: Callable[[], Answer]) -> Answer:
        """Wait for a job's end, even when cancelled: no thread stops for that."""
        running = asyncio.get_running_loop().run_in_executor(self._workers, job)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            await asyncio.wait([running])
            raise

    async def _restore_pool(self) -> None:
        """Offer what waited before the last stop; whoever asks hears what became of the rest."""
        path = self.store.folder / POOL_NAME
        kept = [
            (item.raw, item.arrived_ms)
            for item in load_pool(path)
            if self.store.find_transaction(decode_transaction(item.raw).id) is None
        ]
        for result in await self._drive(self.state.restore_pool(kept, self.clock.now_ms())):
            if isinstance(result, Rejected) and result.tx_id not in self.state.pool:
                self._forget(Dropped(result.tx_id, drop_code(result.error), str(result.error)))
        self._journal = PoolJournal(path, self._waiting())

    def _waiting(self) -> Iterator[Waiting]:
        return (Waiting(raw, arrived_ms) for raw, arrived_ms in self.state.pool.dump())

    async def _keep_house(self) -> None:
        """Let go of what has waited too long, and of what the journal need not keep."""
        while True:
            await asyncio.sleep(EXPIRY_INTERVAL_S)
            self.state.expire(self.clock.now_ms())
            self._tell()
            self.feed.publish("stats", self._describe_stats())
            if self._journal.records > JOURNAL_SLACK + 2 * len(self.state.pool):
                await self._shorten_journal()

    async def _shorten_journal(self) -> None:
        """Write the journal anew; where that fails, the old one serves on."""
        async with self._chain_lock:
            turns = self._journal.rewrite_in_turns(self._waiting())
            try:
                await self._in_thread(partial(_go_gently, turns))
            except StoreError as error:
                _log.error("the journal was not shortened", error)

    def _tell(self) -> None:
        for event in self.state.take_events():
            self._note(event)
            for listener in self._listeners:
                listener(event)

    def _note(self, event: Event) -> None:
        """Remember what can be asked for later, and put the event on the feed."""
        match event:
            case Connected():
                self._publish_block(event, "connected")
            case Disconnected():
                self._publish_block(event, "disconnected")
            case Reorganised() | Parked():
                self.feed.publish("reorg", _describe_reorganisation(event))
            case Admitted():
                self.feed.publish("transaction", describe_payment(event))
            case Lost():
                self._forget(event.dropped)
                self.feed.publish(
                    "transaction",
                    {
                        "id": event.dropped.tx_id.hex(),
                        "status": "dropped",
                        "reason": event.dropped.code.value,
                        "detail": event.dropped.detail,
                    },
                )

    def _describe_stats(self) -> dict[str, Any]:
        return {
            "time_ms": self.clock.now_ms(),
            "height": self.tip.header.height,
            "waiting": len(self.state.pool),
            "waiting_bytes": self.state.pool.total_bytes,
        }

    def _forget(self, dropped: Dropped) -> None:
        self._dropped[dropped.tx_id] = dropped
        if len(self._dropped) > DROPPED_KEPT:
            self._dropped.popitem(last=False)

    def _publish_block(self, event: Connected | Disconnected, status: str) -> None:
        self.feed.publish("block", {**describe_block(self.network, event), "status": status})


def is_small(job: Judging) -> bool:
    return job.unknown <= FEW_SIGNATURES and job.count <= FEW_TRANSACTIONS


def _go_gently(turns: Iterable[None], rest_s: float = REST_S) -> None:
    """Do long work in a thread with rests: while it works, the loop gets the interpreter late."""
    for _ in turns:
        time.sleep(rest_s)


def drop_code(error: RuleError) -> DropCode:
    """Say in the pool's words why something that waited before a stop does not wait after it."""
    if isinstance(error, MissingInput):
        return DropCode.CONFLICT
    if isinstance(error, ImmatureCoin):
        return DropCode.IMMATURE
    return DropCode.EVICTED


def _describe_reorganisation(event: Reorganised | Parked) -> dict[str, Any]:
    if isinstance(event, Parked):
        return {"status": "parked", "tip": event.tip.hex()}
    return {
        "status": "done",
        "old_tip": event.old_tip.hex(),
        "new_tip": event.new_tip.hex(),
        "fork_height": event.fork_height,
        "disconnected": event.disconnected,
        "connected": event.connected,
        "is_deep": event.is_deep,
    }
