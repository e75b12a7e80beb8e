"""Headers: asked of one peer at a time, judged as they come, so that only work buys a place.

A branch with less work than ours is only walked, not kept, until it turns out to have more. Headers
ahead of the clock are held and tried again, and nobody is blamed for them. Bodies are `sync`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

from chaindeck.ledger.errors import (
    CheckpointBranch,
    Held,
    InvalidParent,
    RuleError,
    UnknownParent,
)
from chaindeck.ledger.limits import MAX_TIME_AHEAD_MS
from chaindeck.ledger.ports import Entry
from chaindeck.ledger.recent import RecentSet
from chaindeck.ledger.targets import is_under_target, target_of, work_of
from chaindeck.ledger.types import BlockHash, Header
from chaindeck.protocol import limits
from chaindeck.protocol.core import Core
from chaindeck.protocol.errors import PeerHeaders, PeerLowWork, PeerStalling
from chaindeck.protocol.links import Link
from chaindeck.protocol.messages import AskHeaders, Headers

LOCAL_ERRORS = (InvalidParent, CheckpointBranch, UnknownParent)
"""An operator or a checkpoint here decided otherwise: no fault of who follows the other branch."""


class _Walk:
    """A branch of less work that is looked at without being kept."""

    __slots__ = ("count", "is_worthy", "start", "tip", "work")

    def __init__(self, start: BlockHash, tip: BlockHash, work: int) -> None:
        self.start = start
        self.tip = tip
        self.work = work
        self.count = 0
        self.is_worthy = False
        """It turned out to have more work: the next so many headers are kept."""


class _Held(NamedTuple):
    """A header that is ahead of the clock."""

    header: Header
    seal: bytes
    link: Link
    """Who told of it, and perhaps of more on top."""


class HeaderSync:
    """Learns headers from peers, and tells them ours. `changed` is called when some are new."""

    def __init__(self, core: Core, changed: Callable[[], None]) -> None:
        self._core = core
        self._changed = changed
        self._asked: Link | None = None
        self._walks: dict[int, _Walk] = {}
        self._held: dict[BlockHash, _Held] = {}
        self.named: RecentSet[bytes] = RecentSet(limits.MAX_CHECKPOINTS)
        """Blocks that checkpoints name."""
        core.when_left.append(self._left)

    @property
    def is_asking(self) -> bool:
        return self._asked is not None

    def ask(self, link: Link) -> None:
        """Ask one peer for what follows our best header; one peer at a time."""
        if self._asked is None:
            self._ask_after(link, self._locator())

    def asked(self, link: Link, message: AskHeaders) -> None:
        """Send what follows the first hash of the locator that is on our chain."""
        core = self._core
        if not core.may(link, "ask-headers", limits.ASK_HEADERS_RATE):
            return
        chain = core.chain
        height = 0
        for block_hash in message.locator:
            entry = chain.find(block_hash)
            if entry is not None and chain.active_hash(entry.header.height) == block_hash:
                height = entry.header.height
                break
        headers: list[tuple[Header, bytes]] = []
        while len(headers) < limits.MAX_HEADERS:
            height += 1
            following = chain.active_hash(height)
            if following is None:
                break
            entry = chain.find(following)
            assert entry is not None, "the active chain is known"
            headers.append((entry.header, chain.load_seal(following)))
        core.send(link, Headers(tuple(headers)))

    def came(self, link: Link, message: Headers) -> None:
        """Take in headers: an answer, or the announcement of a block."""
        core = self._core
        is_answer = link.headers_asked_ms is not None
        if is_answer:
            self._pass_on(link)
            link.headers_asked_ms = None
            link.must_be_asked = False
        if not core.may(link, "headers", limits.HEADERS_RATE, len(message.headers)):
            return
        if message.headers and self._check_joined(link, message.headers):
            first = message.headers[0][0]
            parent = core.chain.find(first.previous)
            walk = self._walks.get(link.id)
            if parent is None and not (walk and walk.tip == first.previous):
                self._unconnected(link, is_answer=is_answer)
                return
            if not self._is_only_walked(link, parent, message.headers):
                self._take_all(link, message.headers)
        elif is_answer and not link.is_closing:
            # Whatever it said, it has nothing that we lack.
            link.work = min(link.work, core.chain.best_header().work)
        if is_answer and link.headers_asked_ms is None:
            link.has_told_headers = True
        self._changed()

    def take(self, link: Link, header: Header, seal: bytes) -> Entry | None:
        """Judge one header; return its entry, or None where it breaks a rule or comes too early."""
        chain = self._core.chain
        entry = chain.find(header.hash)
        if entry is None:
            try:
                entry = chain.add_header(header, seal, self._core.clock_ms)
            except Held as held:
                self._hold(_Held(header, seal, link), int(held.values["ahead_ms"]))
                return None
            except LOCAL_ERRORS:
                link.work = 0
                link.has_told_headers = True
                return None
            except RuleError as error:
                self._core.drop(link, PeerHeaders(rule=error.code, detail=str(error)))
                return None
        shown = self._core.chain.find(link.best) if link.best else None
        if shown is None or entry.work >= shown.work:
            link.best = entry.header.hash
        link.work = max(link.work, entry.work)
        link.known_blocks.note(header.hash)
        return entry

    def _take_all(self, link: Link, headers: Sequence[tuple[Header, bytes]]) -> None:
        for header, seal in headers:
            if self.take(link, header, seal) is None:
                return
        if len(headers) == limits.MAX_HEADERS and self._asked is None:
            self._ask_after(link, (headers[-1][0].hash,))

    def _check_joined(self, link: Link, headers: Sequence[tuple[Header, bytes]]) -> bool:
        for (before, _), (after, _) in pairwise(headers):
            if after.previous != before.hash:
                self._core.drop(link, PeerHeaders(rule="header-parent", detail="not joined"))
                return False
        return True

    def _unconnected(self, link: Link, *, is_answer: bool) -> None:
        """A header from nowhere: ask how it joins our chain, but not for ever."""
        self._core.charge(link, "headers-unconnected", limits.POINTS_UNCONNECTED)
        if is_answer:
            link.work = 0
            link.has_told_headers = True
            self._changed()
        elif not link.is_closing:
            self.ask(link)

    def _is_only_walked(
        self, link: Link, parent: Entry | None, headers: Sequence[tuple[Header, bytes]]
    ) -> bool:
        """Look at headers of a branch that has less work than ours, as far as shown.

        Each is held against the target it claims, which is what it adds to the sum, so that the sum
        cannot be had for less. When it passes ours, or a checkpoint names one of them, the branch
        is asked for again, and kept then.
        """
        core = self._core
        ours = max(core.chain.tip().work, core.settings.least_work)
        walk = self._walks.get(link.id)
        if walk is not None and walk.is_worthy:
            walk.count -= len(headers)
            if walk.count <= 0:
                del self._walks[link.id]
            return False
        if walk is None or walk.tip != headers[0][0].previous:
            if parent is None or core.chain.find(headers[-1][0].hash) is not None:
                return False
            walk = _Walk(parent.header.hash, parent.header.hash, parent.work)
        is_named = False
        for header, _ in headers:
            is_named = is_named or header.hash in self.named
            target = target_of(header.target_bits)
            if target is None or not is_under_target(header.hash, target):
                core.drop(link, PeerHeaders(rule="header-work", detail=header.hash.hex()))
                return True
            walk.work += work_of(target)
        is_worthy = walk.work >= ours or is_named
        if is_worthy and walk.tip == walk.start:
            return False
        walk.tip = headers[-1][0].hash
        walk.count += len(headers)
        self._walk_on(link, walk, is_end=len(headers) < limits.MAX_HEADERS, is_worthy=is_worthy)
        return True

    def _walk_on(self, link: Link, walk: _Walk, *, is_end: bool, is_worthy: bool) -> None:
        core = self._core
        if is_worthy:
            walk.is_worthy = True
            self._walks[link.id] = walk
            self._ask_after(link, (walk.start,))
        elif is_end:
            self._walks.pop(link.id, None)
            link.work = min(link.work, walk.work)
            core.charge(link, "headers-low-work", limits.POINTS_LOW_WORK)
        elif walk.count > limits.MAX_WALKED_HEADERS:
            core.drop(link, PeerLowWork(count=walk.count))
        else:
            self._walks[link.id] = walk
            self._ask_after(link, (walk.tip,))

    def _ask_after(self, link: Link, locator: tuple[BlockHash, ...]) -> None:
        core = self._core
        self._asked = link
        link.headers_asked_ms = core.now_ms
        core.send(link, AskHeaders(locator))
        core.after(limits.HEADERS_PATIENCE_MS, self._grow_impatient, link, core.now_ms)
        core.after(limits.HEADERS_TIMEOUT_MS, self._time_out, link, core.now_ms)

    def _grow_impatient(self, link: Link, asked_at_ms: int) -> None:
        """Ask another too: whoever claims much and says nothing keeps nobody from the chain."""
        if self._asked is link and link.headers_asked_ms == asked_at_ms:
            self._asked = None
            self._changed()

    def _time_out(self, link: Link, asked_at_ms: int) -> None:
        if link.headers_asked_ms == asked_at_ms:
            self._core.drop(link, PeerStalling(what="headers"))

    def _pass_on(self, link: Link) -> None:
        if self._asked is link:
            self._asked = None

    def _left(self, link: Link, _code: str) -> None:
        self._walks.pop(link.id, None)
        self._pass_on(link)

    def _hold(self, held: _Held, ahead_ms: int) -> None:
        """Keep a header that is ahead of the clock, and try it when its time has come."""
        if len(self._held) < limits.HELD_BLOCKS:
            self._held[held.header.hash] = held
            wait_ms = max(1, ahead_ms - MAX_TIME_AHEAD_MS)
            self._core.after(wait_ms, self._retry_held, held.header.hash)

    def _retry_held(self, block_hash: BlockHash) -> None:
        held = self._held.pop(block_hash, None)
        if held is None or self._core.chain.find(block_hash) is not None:
            return
        header, seal, link = held
        try:
            entry = self._core.chain.add_header(header, seal, self._core.clock_ms)
        except Held as error:
            self._hold(held, int(error.values["ahead_ms"]))
            return
        except RuleError:
            # Nobody is asked to answer for what was said so long ago.
            return
        # What it told of on top could not be taken in either.
        link.work = max(link.work, entry.work)
        link.must_be_asked = True
        self._changed()

    def _locator(self) -> tuple[BlockHash, ...]:
        """Hashes from our best header downwards: near ones all, far ones ever fewer."""
        chain = self._core.chain
        hashes = [chain.best_header().header.hash]
        height, step = int(chain.tip().header.height), 1
        while height > 0 and len(hashes) < limits.LOCATOR_LENGTH - 1:
            found = chain.active_hash(height)
            if found is not None and found not in hashes:
                hashes.append(found)
            if len(hashes) > limits.LOCATOR_NEAR:
                step *= 2
            height -= step
        genesis = chain.active_hash(0)
        assert genesis is not None
        return tuple(hashes) if genesis in hashes else (*hashes, genesis)
