"""How a node comes to the best chain: headers first (`headers`), then bodies from several at once.

The bodies on the way to the best header are asked of whoever is known to have them, a window ahead
of the tip, and handed to the chain in order. Whoever keeps all others waiting is passed over, and
let go when it does so again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Sequence
from itertools import islice
from typing import Literal

from chaindeck.ledger.codec import decode_block
from chaindeck.ledger.errors import RuleError
from chaindeck.ledger.ports import Entry
from chaindeck.ledger.types import Block, BlockHash
from chaindeck.protocol import limits
from chaindeck.protocol.core import Core
from chaindeck.protocol.effects import JudgeBlock, SetSyncing
from chaindeck.protocol.errors import PeerBlock, PeerStalling
from chaindeck.protocol.events import SyncMoved
from chaindeck.protocol.headers import LOCAL_ERRORS, HeaderSync
from chaindeck.protocol.inputs import BlockJudged
from chaindeck.protocol.links import Link
from chaindeck.protocol.messages import (
    AskBlocks,
    AskCompact,
    BlockBody,
    BlocksUnknown,
)


class _Request:
    """One body that is on its way."""

    __slots__ = ("branch", "link", "since_ms")

    def __init__(self, link: Link, since_ms: int, branch: BlockHash | None) -> None:
        self.link = link
        self.since_ms = since_ms
        self.branch = branch
        """The end of the branch for which it was asked."""


class Sync:
    """Brings one node to the tip of the network, and others to its own."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self.headers = HeaderSync(core, self.moved)
        self._path: deque[BlockHash] = deque()
        """Bodies on the way to the best header that have not been handed over, in order."""
        self._planned: BlockHash | None = None
        self._unavailable: dict[BlockHash, int] = {}
        """Ends of branches whose bodies nobody gave, and until when they are left alone."""
        self._disappointments = 0
        self._stepped_ms = -limits.STALL_FIRST_MS
        """When a body on this way was handed over last."""
        self._requests: dict[BlockHash, _Request] = {}
        self._arrived: dict[BlockHash, tuple[Block, Link]] = {}
        self._arrived_bytes = 0
        self._usual_bytes = 0
        """Of the bodies that came lately before their turn."""
        self._judging: dict[BlockHash, Link | None] = {}
        self._stall_ms = limits.STALL_FIRST_MS
        self._is_watching = False
        self._is_retrying = False
        self._is_stuck = False
        """Nobody is left who could have the next body."""
        self._is_first_sync = False
        self._sought: BlockHash | None = None
        """A block that a checkpoint names and nobody has shown."""
        self._told: tuple[str, int, int] = ("", -1, -1)
        core.when_left.append(self._left)

    # Life

    def start(self) -> None:
        """A node that is new, or was away for long, follows whatever is best at first."""
        core = self._core
        tip = core.chain.tip().header
        is_old = core.clock_ms - tip.time_ms > limits.AWAY_MS
        if tip.height == 0 or is_old:
            self._is_first_sync = True
            core.effects.append(SetSyncing(is_syncing=True))
            core.after(limits.ALONE_AFTER_MS, self._settle)
        self._plan()

    def proved(self, link: Link) -> None:
        assert link.introduction is not None
        link.work = link.introduction.work
        self.look()

    @property
    def state(self) -> Literal["current", "headers", "bodies"]:
        """What this node asks its peers for."""
        if len(self._path) + len(self._judging) > 1:
            # One that is missing is only new; it is here in a moment.
            return "bodies"
        return "headers" if self.headers.is_asking else "current"

    def look(self) -> None:
        """Ask for headers if somebody has more, for bodies if some are missing, and tell."""
        core = self._core
        self._end_search()
        if not self.headers.is_asking:
            work = core.chain.tip().work
            ahead = [
                link
                for link in core.ready.values()
                if link.headers_asked_ms is None
                and (link.must_be_asked or (link.work > work and not link.has_told_headers))
            ]
            if ahead:
                # Anybody can claim much work; who showed some, or is here for longer, comes first.
                self.headers.ask(min(ahead, key=lambda link: (link.best is None, link.id)))
        self._fill()
        while self._is_stuck and self._give_up_goal():
            # The next best may have been shown by as few; each is left alone for a while then.
            self._fill()
        self._fetch_beside()
        self._tell()

    # Bodies

    @property
    def is_near(self) -> bool:
        """Whether at most one body is missing, whose payments are probably here."""
        return len(self._path) <= 1 and not self._is_first_sync

    @property
    def is_far_behind(self) -> bool:
        """Whether this node is on its way to the tip, with some blocks to go that do come.

        Of blocks that are only promised nothing follows: whoever keeps them back would keep those
        apart who find some meanwhile.
        """
        return self._is_first_sync or self._is_on_its_way

    @property
    def _is_on_its_way(self) -> bool:
        to_go = len(self._path) + len(self._judging)
        is_moving = self._core.now_ms - self._stepped_ms < limits.STALL_FIRST_MS
        return to_go > limits.FAR_BLOCKS and is_moving

    def has(self, block_hash: BlockHash) -> bool:
        """Whether a body is here and waits for its turn or its verdict."""
        return block_hash in self._arrived or block_hash in self._judging

    def is_requested(self, block_hash: BlockHash) -> bool:
        return block_hash in self._requests

    def reserve(self, block_hash: BlockHash, link: Link, branch: BlockHash | None = None) -> None:
        """Note that a peer owes us a body, whichever way it will send it."""
        self._requests[block_hash] = _Request(link, self._core.now_ms, branch)
        link.in_flight[block_hash] = self._core.now_ms
        self._watch_later()

    def release(self, block_hash: BlockHash) -> None:
        request = self._requests.pop(block_hash, None)
        if request is not None:
            request.link.in_flight.pop(block_hash, None)

    def fetch(self, block_hash: BlockHash, link: Link) -> None:
        """Ask one peer for a whole body."""
        self.release(block_hash)
        self.reserve(block_hash, link)
        self._core.send(link, AskBlocks((block_hash,)))

    def body(self, link: Link, message: BlockBody) -> None:
        """Take in a whole block that somebody sent."""
        core = self._core
        if not core.may(link, "bodies", limits.BODIES_RATE):
            return
        try:
            block = decode_block(message.raw)
        except RuleError as error:
            # The body is not what the header commits to, which says nothing about the header.
            core.drop(link, PeerBlock(rule=error.code, detail=str(error)))
            return
        if block.hash not in link.in_flight and core.chain.find(block.hash) is None:
            core.charge(link, "body-unasked", limits.POINTS_UNASKED)
            return
        self.take(block, link)

    def bodies_unknown(self, link: Link, message: BlocksUnknown) -> None:
        core = self._core
        if not core.may(link, "unknown-blocks", limits.REPLIES_RATE):
            return
        for block_hash in message.hashes:
            request = self._requests.get(block_hash)
            if request is not None and request.link is link:
                self.release(block_hash)
                if request.branch is not None:
                    link.lacks.note(request.branch)
        self.look()

    def take(self, block: Block, link: Link) -> None:
        """Take in a body that matches a known header, from whichever message it came."""
        core = self._core
        self.release(block.hash)
        link.stalls = 0
        is_on_the_way = block.hash in self._path
        if is_on_the_way:
            self._disappointments = 0
        self._stall_ms = max(limits.STALL_FIRST_MS, self._stall_ms * 17 // 20)
        if self.has(block.hash) or not core.chain.is_wanted(block.hash):
            self.look()
            return
        parent = block.header.previous
        if is_on_the_way and (core.chain.is_wanted(parent) or self._is_busy()):
            self._buffer(block, link)
        elif is_on_the_way or len(self._judging) < limits.MAX_BLOCKS_JUDGED_AT_ALL:
            self._hand_over(block, link, is_step=is_on_the_way)
        self._advance()
        self.look()

    def _buffer(self, block: Block, link: Link) -> None:
        """Keep a body until its turn, while there is room: it is asked for again otherwise."""
        size = len(block.raw)
        self._usual_bytes = max(size, self._usual_bytes * 7 // 8)
        if self._arrived_bytes + size <= limits.MAX_BODIES_BUFFERED_BYTES:
            self._arrived[block.hash] = (block, link)
            self._arrived_bytes += size

    def judged(self, judged: BlockJudged) -> None:
        """Blame whoever sent what breaks a rule, and go on."""
        link = self._judging.pop(judged.hash, None)
        error = judged.error
        if error is not None:
            self._planned = None
            if link is not None and error.is_blamed and not isinstance(error, LOCAL_ERRORS):
                self._core.drop(link, PeerBlock(rule=error.code, detail=str(error)))
        elif link is not None:
            link.blocks_first += 1
        self._plan()
        self._advance()
        self.look()

    def named(self, block_hash: BlockHash) -> None:
        """A checkpoint names a block: its branch counts whatever its work, and so may others."""
        self.headers.named.note(block_hash)
        for link in self._core.ready.values():
            assert link.introduction is not None
            link.work = max(link.work, link.introduction.work)
            link.has_told_headers = False
            self._seek(block_hash, link)
        self.moved()

    def told_of(self, block_hash: BlockHash, link: Link) -> None:
        """A peer knows of a checkpoint, and perhaps its block."""
        if block_hash in self.headers.named:
            self._seek(block_hash, link)
            self.look()

    def _seek(self, block_hash: BlockHash, link: Link) -> None:
        if self._core.chain.find(block_hash) is None:
            self._sought = block_hash
            link.must_be_asked = True

    def _end_search(self) -> None:
        """Stop asking for a block that a checkpoint names once it is known."""
        if self._sought is not None and self._core.chain.find(self._sought) is not None:
            self._sought = None
            for link in self._core.ready.values():
                link.must_be_asked = False

    def moved(self) -> None:
        """The tip is elsewhere."""
        self._plan()
        self.look()

    def blocks_asked(self, link: Link, message: AskBlocks) -> None:
        """Serve bodies one after the other, as fast as the peer takes them."""
        core = self._core
        if core.may(link, "ask-blocks", limits.ASK_BLOCKS_RATE, len(message.hashes)):
            if len(link.queued_blocks) + len(message.hashes) > limits.MAX_BLOCKS_QUEUED:
                core.charge(link, "ask-blocks", limits.POINTS_OVER_RATE)
                return
            link.queued_blocks += message.hashes
            self.serve(link)

    def serve(self, link: Link) -> None:
        """Send the next bodies that a peer waits for, while it takes them."""
        core = self._core
        while (
            link.queued_blocks
            and link.pending_bytes < limits.SERVE_BELOW_BYTES
            and not link.is_closing
        ):
            block_hash = link.queued_blocks.pop(0)
            raw = core.chain.load_body(block_hash)
            if raw is None:
                core.send(link, BlocksUnknown((block_hash,)))
            else:
                link.known_blocks.note(block_hash)
                core.send(link, BlockBody(raw))

    def _plan(self) -> None:
        """Go for the best branch: append what is new on it, or start anew on another.

        Bodies may have come out of order, so that one is missing below others that are here.
        """
        chain = self._core.chain
        best = self._goal()
        if best.header.hash == self._planned:
            # What came another way is not on the way any more.
            self._advance()
            return
        wanted: list[BlockHash] = []
        entry: Entry | None = best
        while (
            entry is not None
            and entry.header.hash != self._planned
            and not chain.is_here(entry.header.hash)
        ):
            if chain.is_wanted(entry.header.hash) and entry.header.hash not in self._judging:
                wanted.append(entry.header.hash)
            entry = chain.find(entry.header.previous)
        wanted.reverse()
        joins = entry is not None and entry.header.hash == self._planned
        self._path = deque([*self._path, *wanted] if joins else wanted)
        self._planned = best.header.hash
        self._disappointments = 0
        if not joins:
            self._stepped_ms = -limits.STALL_FIRST_MS
            self._forget_arrived()
        self._advance()

    def _goal(self) -> Entry:
        """Return the end of the best branch whose bodies somebody may have.

        Somebody can have done the work for headers and keep the bodies to himself: then the best of
        what the others showed is gone for. So is, last of all, what they showed with as much work
        as the tip: it may be built upon any moment, or give a miner its turn.
        """
        chain = self._core.chain
        best, tip = chain.best_header(), chain.tip()
        if self._is_missing(best.header.hash):
            return best
        shown = [link.best for link in self._core.ready.values() if link.best is not None]
        missing = (chain.find(item) for item in dict.fromkeys(shown) if self._is_missing(item))
        no_less = (entry for entry in missing if entry is not None and entry.work >= tip.work)
        return max(no_less, key=lambda entry: entry.work, default=tip)

    def _is_missing(self, block_hash: BlockHash) -> bool:
        """Whether a branch is not here to its end, and somebody may have the rest."""
        is_left_alone = self._unavailable.get(block_hash, 0) > self._core.now_ms
        return not is_left_alone and not self._core.chain.is_here(block_hash)

    def _give_up_goal(self) -> bool:
        """Leave a branch alone for a while whose next body nobody gives; tell if there is another.

        There is always the tip, for which nothing is missing.
        """
        given_up = self._planned
        assert given_up is not None
        self._unavailable[given_up] = self._core.now_ms + limits.UNAVAILABLE_MS
        if len(self._unavailable) > limits.MAX_UNAVAILABLE:
            del self._unavailable[next(iter(self._unavailable))]
        self._retry_later()
        self._plan()
        return self._planned != given_up

    def _retry_later(self) -> None:
        if not self._is_retrying:
            self._is_retrying = True
            self._core.after(limits.UNAVAILABLE_MS, self._retry)

    def _retry(self) -> None:
        """Go for what was left alone, though nothing has moved meanwhile that would lead there."""
        self._is_retrying = False
        if any(until_ms > self._core.now_ms for until_ms in self._unavailable.values()):
            self._retry_later()
        self.moved()

    def _forget_arrived(self) -> None:
        """Let go of bodies that are no longer on the way."""
        kept = set(self._path)
        self._arrived = {key: item for key, item in self._arrived.items() if key in kept}
        self._arrived_bytes = sum(len(block.raw) for block, _ in self._arrived.values())

    def _advance(self) -> None:
        """Hand over, in order, what is here."""
        while self._path and not self._is_busy():
            block_hash = self._path[0]
            arrived = self._arrived.pop(block_hash, None)
            if arrived is not None:
                self._arrived_bytes -= len(arrived[0].raw)
                self._path.popleft()
                self._hand_over(*arrived, is_step=True)
            elif block_hash in self._judging or not self._core.chain.is_wanted(block_hash):
                self._path.popleft()
                self.release(block_hash)
            else:
                return

    def _is_busy(self) -> bool:
        return len(self._judging) >= limits.MAX_BLOCKS_JUDGED

    def _hand_over(self, block: Block, link: Link, *, is_step: bool) -> None:
        if is_step:
            self._stepped_ms = self._core.now_ms
        self._judging[block.hash] = link
        self._core.effects.append(JudgeBlock(block, link.id))

    def _fill(self) -> None:
        """Ask for the next bodies of whoever has them and room for more."""
        core = self._core
        self._is_stuck = False
        if not self._path:
            return
        room = [
            link
            for link in core.ready.values()
            if len(link.in_flight) <= limits.MAX_BLOCKS_IN_FLIGHT // 2
        ]
        if not room:
            return
        asking: dict[int, list[BlockHash]] = {}
        left = self._count_room()
        for block_hash in islice(self._path, limits.BODIES_AHEAD):
            if block_hash in self._requests or self.has(block_hash):
                continue
            if left <= 0 and block_hash != self._path[0]:
                break
            left -= 1
            entry = core.chain.find(block_hash)
            able = [
                link
                for link in room
                if self._may_have(link, entry) and len(link.in_flight) < limits.MAX_BLOCKS_IN_FLIGHT
            ]
            if not able:
                self._is_stuck = block_hash == self._path[0] and not any(
                    self._may_have(link, entry) for link in core.ready.values()
                )
                break
            link = min(able, key=self._readiness)
            self.reserve(block_hash, link, self._planned)
            asking.setdefault(link.id, []).append(block_hash)
        for link in room:
            self._ask(link, asking.get(link.id, ()), is_near=self.is_near)

    def _ask(self, link: Link, hashes: Sequence[BlockHash], *, is_near: bool) -> None:
        if hashes and is_near:
            self._core.send(link, AskCompact(hashes[0]))
        elif hashes:
            self._core.send(link, AskBlocks(tuple(hashes)))

    def _fetch_beside(self) -> None:
        """Fetch what peers show above our tip, while a better branch is promised and does not come.

        So a branch that is kept back keeps nobody from the one that is built meanwhile.
        """
        core = self._core
        if not self._path or self._is_on_its_way:
            return
        beside = sum(item.branch != self._planned for item in self._requests.values())
        left = limits.MAX_BLOCKS_JUDGED - len(self._judging) - beside
        on_the_way: set[BlockHash] = set()
        for link in core.ready.values():
            free = min(left, limits.MAX_BLOCKS_IN_FLIGHT - len(link.in_flight))
            shown = None if link.best is None else core.chain.find(link.best)
            if free <= 0 or shown is None or link.best in link.lacks:
                continue
            if shown.work <= core.chain.tip().work or shown.header.hash == self._planned:
                continue
            on_the_way = on_the_way or set(self._path)
            missing = self._missing_beside(shown, on_the_way)
            asked = [item for item in missing if item not in self._requests][:free]
            left -= len(asked)
            for block_hash in asked:
                self.reserve(block_hash, link, link.best)
            self._ask(link, asked, is_near=len(missing) == 1)

    def _missing_beside(self, end: Entry, on_the_way: Container[BlockHash]) -> list[BlockHash]:
        """Return what is missing of a branch, in order; nothing if it is gone for, or far away."""
        chain = self._core.chain
        missing: list[BlockHash] = []
        entry: Entry | None = end
        while entry is not None and not chain.is_here(entry.header.hash):
            if len(missing) >= limits.BODIES_BESIDE or entry.header.hash in on_the_way:
                return []
            missing.append(entry.header.hash)
            entry = chain.find(entry.header.previous)
        missing.reverse()
        return [item for item in missing if chain.is_wanted(item) and not self.has(item)]

    def _count_room(self) -> int:
        """Return how many more bodies may be asked for before their turn, if they are as usual."""
        free_bytes = limits.MAX_BODIES_BUFFERED_BYTES - self._arrived_bytes
        return free_bytes // max(1, self._usual_bytes) - len(self._requests)

    def _readiness(self, link: Link) -> tuple[int, bool, int, int]:
        """Order those who may have a body: a single one of whoever showed it, many of everybody."""
        has_only_work = self.is_near and link.best != self._planned
        return link.stalls, has_only_work, len(link.in_flight), link.id

    def _may_have(self, link: Link, entry: Entry | None) -> bool:
        """Whether a peer may have a body on the way: its work says so, and it never denied it."""
        is_denied = self._planned is not None and self._planned in link.lacks
        return entry is not None and link.work >= entry.work and not is_denied

    # Watching

    def _watch_later(self) -> None:
        if not self._is_watching:
            self._is_watching = True
            self._core.after(limits.WATCH_INTERVAL_MS, self._watch)

    def _watch(self) -> None:
        """Ask others for what is late."""
        self._is_watching = False
        late = [
            (block_hash, request.link)
            for block_hash, request in self._requests.items()
            if self._is_late(block_hash, request)
        ]
        for link in {link.id: link for _, link in late}.values():
            self._pass_over(link)
        for block_hash, _ in late:
            self.release(block_hash)
        if late:
            self._stall_ms = min(2 * self._stall_ms, limits.STALL_LAST_MS)
            self._disappointments += any(block_hash in self._path for block_hash, _ in late)
            if self._disappointments >= limits.MAX_STALLS:
                self._give_up_goal()
            self.look()
        self._fetch_beside()
        if self._requests:
            self._watch_later()

    def _is_late(self, block_hash: BlockHash, request: _Request) -> bool:
        """The next body may keep the others waiting for a while; the others, while bytes flow."""
        now_ms = self._core.now_ms
        waited_ms = now_ms - request.since_ms
        is_next = bool(self._path) and self._path[0] == block_hash
        quiet_ms = now_ms - max(request.since_ms, request.link.last_heard_ms)
        return quiet_ms >= self._stall_ms or (is_next and waited_ms >= 4 * self._stall_ms)

    def _pass_over(self, link: Link) -> None:
        link.stalls += 1
        others = any(other is not link for other in self._core.ready.values())
        if link.stalls >= limits.MAX_STALLS and others:
            self._core.drop(link, PeerStalling(what="bodies"))

    def _left(self, link: Link, _code: str) -> None:
        for block_hash in list(link.in_flight):
            self.release(block_hash)
        if link.ready_ms:
            self.look()

    # Telling

    def _settle(self) -> None:
        """Alone for a while: there is nobody to catch up with."""
        if not self._core.ready:
            self._end_first_sync()

    def _end_first_sync(self) -> None:
        if self._is_first_sync:
            self._is_first_sync = False
            self._core.effects.append(SetSyncing(is_syncing=False))

    def _tell(self) -> None:
        core = self._core
        state = self.state
        if state == "current" and core.ready:
            self._end_first_sync()
        height = core.chain.tip().header.height
        best = core.chain.best_header().header.height
        told = (state, height, best)
        is_step = state != self._told[0] or height >= self._told[1] + limits.TELL_EVERY_BLOCKS
        if is_step:
            self._told = told
            core.emit(SyncMoved(state, height, best))
