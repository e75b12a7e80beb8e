"""How a new block travels: compact to those who hear first, as a header to the rest.

A compact block names its payments by six bytes each; the receiver puts it together from what waits
in its pool and asks for the rest by place. Only a block that the chain has taken in is passed on,
so whoever sends a bad one made it or did not look.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from chaindeck.kernel import match_short_ids
from chaindeck.ledger.codec import (
    block_offsets,
    decode_block,
    encode_signature,
)
from chaindeck.ledger.errors import RuleError
from chaindeck.ledger.types import Block, BlockHash
from chaindeck.protocol import limits
from chaindeck.protocol.compact import compact_key, make_compact
from chaindeck.protocol.core import Core
from chaindeck.protocol.errors import PeerCompact
from chaindeck.protocol.links import Link
from chaindeck.protocol.messages import (
    AskCompact,
    AskMissing,
    BlockBody,
    BlocksUnknown,
    CompactBlock,
    Headers,
    Missing,
)
from chaindeck.protocol.sync import Sync
from chaindeck.protocol.topology import Topology, short_key

_SALT_BYTES = 8
_SHORT_ID_BYTES = 6


class _Pending:
    """A compact block that lacks some payments."""

    __slots__ = ("compact", "link", "places", "raws")

    def __init__(self, link: Link, compact: CompactBlock, raws: list[bytes | None]) -> None:
        self.link = link
        self.compact = compact
        self.raws = raws
        """Every transaction in order, None for what is missing."""
        self.places = tuple(place for place, raw in enumerate(raws) if raw is None)


class BlockRelay:
    """Announces new blocks and puts compact ones together."""

    def __init__(self, core: Core, topology: Topology, sync: Sync) -> None:
        self._core = core
        self._topology = topology
        self._sync = sync
        self._came_from: dict[BlockHash, Link] = {}
        self._recent: dict[BlockHash, Block] = {}
        self._pending: dict[BlockHash, _Pending] = {}
        self._is_telling_later = False
        core.when_left.append(self._left)

    # Announcing

    def proved(self, link: Link) -> None:
        """Show our tip to a peer that would not ask for it.

        Its work was introduced, not its hash: another block may have as much, and one may have come
        while the two greeted each other. Whoever has more shows that, or is asked for it.
        """
        tip = self._core.chain.tip()
        is_unasked = tip.work == link.work or tip.work != link.told_work
        if tip.header.height and tip.work >= link.work and is_unasked:
            self._tell([link])

    def moved(self, connected: Sequence[Block]) -> None:
        """Announce the new tip to whoever does not have it."""
        if not connected:
            return
        for block in connected[-limits.RECENT_BLOCKS :]:
            self._remember(block)
        block = connected[-1]
        core = self._core
        if self._sync.is_far_behind:
            # On the way to something better, which whoever has it announces. But nobody may.
            self._plan_telling()
            return
        origin = self._came_from.pop(block.hash, None)
        self._came_from.clear()
        unaware = [link for link in core.ready.values() if block.hash not in link.known_blocks]
        first, later = self._split(unaware, origin)
        rested = [link for link in first if link.may("push", limits.PUSH_RATE, core.now_ms)]
        if rested:
            core.send_all(rested, make_compact(block, core.entropy.draw(_SALT_BYTES)))
        for link in rested:
            link.known_blocks.note(block.hash)
        told = [link for link in later if link.may("tell", limits.PUSH_RATE, core.now_ms)]
        self._tell(told)
        if len(rested) + len(told) < len(unaware):
            self._plan_telling()

    def _plan_telling(self) -> None:
        if not self._is_telling_later:
            self._is_telling_later = True
            self._core.after(limits.TELL_TIP_INTERVAL_MS, self._tell_later)

    def _tell_later(self) -> None:
        """Tell of the last of many blocks; whoever wants those before asks for their headers."""
        self._is_telling_later = False
        if self._sync.is_far_behind:
            self._plan_telling()
            return
        tip = self._core.chain.tip().header.hash
        links = self._core.ready.values()
        self._tell([link for link in links if tip not in link.known_blocks])

    def _tell(self, links: list[Link]) -> None:
        chain = self._core.chain
        header = chain.tip().header
        if links:
            self._core.send_all(links, Headers(((header, chain.load_seal(header.hash)),)))
        for link in links:
            link.known_blocks.note(header.hash)

    def _split(self, unaware: list[Link], origin: Link | None) -> tuple[list[Link], list[Link]]:
        """Say who gets the block now and who only hears of it."""
        if self._topology.is_mesh:
            covered = origin.neighbours if origin else frozenset()
            first = [link for link in unaware if short_key(_key(link)) not in covered]
            return first, [link for link in unaware if link not in first]
        first = [link for link in unaware if link in self._topology.eager]
        return first, [link for link in unaware if link not in first]

    # Compact blocks

    def came(self, link: Link, compact: CompactBlock) -> None:
        """Put a block together, as far as its payments are here."""
        core, sync = self._core, self._sync
        if not core.may(link, "compact-blocks", limits.COMPACT_RATE):
            return
        header = compact.header
        if header.tx_count != 1 + len(compact.short_ids) // _SHORT_ID_BYTES:
            core.drop(link, PeerCompact(reason="the header counts another number"))
            return
        if core.chain.find(header.previous) is None:
            sync.headers.ask(link)
            return
        entry = sync.headers.take(link, header, compact.seal)
        is_of_use = (
            entry is not None
            # Less work can be wanted as well: where a checkpoint names the block.
            and (entry.work >= core.chain.tip().work or sync.is_requested(header.hash))
            and core.chain.is_wanted(header.hash)
            and not sync.has(header.hash)
        )
        if is_of_use and not core.chain.is_wanted(header.previous):
            self._fill(link, compact)
        sync.moved()

    def missing(self, link: Link, message: Missing) -> None:
        """Complete a block with what was asked for."""
        pending = self._pending.get(message.hash)
        if pending is None or pending.link is not link:
            self._core.charge(link, "missing-unasked", limits.POINTS_UNASKED)
            return
        del self._pending[message.hash]
        if len(message.raws) != len(pending.places):
            self._core.drop(link, PeerCompact(reason="not the payments asked for"))
            return
        for place, raw in zip(pending.places, message.raws, strict=True):
            pending.raws[place] = raw
        self._complete(link, pending.compact, [raw for raw in pending.raws if raw is not None])
        self._sync.moved()

    def _fill(self, link: Link, compact: CompactBlock) -> None:
        core = self._core
        ids = core.chain.waiting_ids()
        key = compact_key(compact.header, compact.salt)
        raws: list[bytes | None] = [compact.coinbase]
        places = match_short_ids(key, b"".join(ids), compact.short_ids)
        raws += [core.chain.waiting(ids[place]) if place >= 0 else None for place in places]
        if None not in raws:
            self._complete(link, compact, [raw for raw in raws if raw is not None])
        elif compact.header.hash not in self._pending:
            self._ask_missing(_Pending(link, compact, raws))

    def _ask_missing(self, pending: _Pending) -> None:
        block_hash = pending.compact.header.hash
        if len(self._pending) >= limits.MAX_COMPACT_PENDING:
            oldest = next(iter(self._pending))
            self._sync.fetch(oldest, self._pending.pop(oldest).link)
        self._pending[block_hash] = pending
        self._sync.release(block_hash)
        self._sync.reserve(block_hash, pending.link)
        self._core.send(pending.link, AskMissing(block_hash, pending.places))

    def _complete(self, link: Link, compact: CompactBlock, raws: Iterable[bytes]) -> None:
        """Hand over a whole block; where it does not match its header, ask for it as it is.

        Two payments may share a short id, so nobody is to blame for that.
        """
        raw = b"".join((compact.header.raw, encode_signature(compact.seal), *raws))
        try:
            block = decode_block(raw)
        except RuleError:
            self._sync.fetch(compact.header.hash, link)
            return
        self._pending.pop(block.hash, None)
        self._came_from[block.hash] = link
        if len(self._came_from) > limits.MAX_KNOWN_BLOCKS:
            # The tip does not follow what comes: the oldest is nobody's news.
            del self._came_from[next(iter(self._came_from))]
        self._sync.take(block, link)

    # Serving

    def asked(self, link: Link, message: AskCompact) -> None:
        block = self._find(link, message.hash)
        if block is not None:
            link.known_blocks.note(message.hash)
            self._core.send(link, make_compact(block, self._core.entropy.draw(_SALT_BYTES)))

    def missing_asked(self, link: Link, message: AskMissing) -> None:
        """Send some transactions of a recent block, or the whole of an older one."""
        core = self._core
        block = self._find(link, message.hash)
        if block is None:
            return
        if message.places and message.places[-1] >= block.header.tx_count:
            core.drop(link, PeerCompact(reason="a place beyond the end of the block"))
            return
        offsets = block_offsets(block.index)
        ends = [*offsets[1:], len(block.raw)]
        raws = tuple(block.raw[offsets[place] : ends[place]] for place in message.places)
        core.send(link, Missing(message.hash, raws))

    def _find(self, link: Link, block_hash: BlockHash) -> Block | None:
        """Return a recent block. An older one is sent whole instead, an unknown one denied."""
        core = self._core
        if not core.may(link, "ask-missing", limits.ASK_MISSING_RATE):
            return None
        block = self._recent.get(block_hash)
        if block is None:
            raw = core.chain.load_body(block_hash)
            core.send(link, BlockBody(raw) if raw else BlocksUnknown((block_hash,)))
        return block

    def _remember(self, block: Block) -> None:
        self._recent[block.hash] = block
        if len(self._recent) > limits.RECENT_BLOCKS:
            del self._recent[next(iter(self._recent))]

    def _left(self, link: Link, _code: str) -> None:
        for block_hash in [key for key, item in self._pending.items() if item.link is link]:
            del self._pending[block_hash]


def _key(link: Link) -> bytes:
    assert link.key is not None, "only proved links are told of blocks"
    return link.key
