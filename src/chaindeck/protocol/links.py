"""One connection as the machine sees it: who is at the other end, what they have, what they owe."""

from __future__ import annotations

from chaindeck.ledger.recent import RecentSet
from chaindeck.ledger.types import BlockHash, FullId
from chaindeck.protocol import limits
from chaindeck.protocol.allowance import Bucket, Rate, Score
from chaindeck.protocol.frames import FrameReader
from chaindeck.protocol.messages import Introduction
from chaindeck.protocol.transitions import Phase
from chaindeck.protocol.types import Address, Binding, LinkId, NodeKey


class Link:
    """One connection. Everything about it is forgotten when it ends."""

    __slots__ = (
        "address",
        "asked",
        "best",
        "binding",
        "blocks_first",
        "buckets",
        "bytes_in",
        "bytes_out",
        "clock_offset_ms",
        "connected_ms",
        "has_asked_peers",
        "has_told_headers",
        "headers_asked_ms",
        "id",
        "in_flight",
        "introduction",
        "is_guest",
        "is_inbound",
        "judging",
        "judging_bytes",
        "key",
        "known_blocks",
        "known_payments",
        "lacks",
        "last_heard_ms",
        "listening",
        "must_be_asked",
        "neighbours",
        "nonce",
        "opening",
        "orphan_bytes",
        "orphans",
        "payments_first",
        "pending_bytes",
        "phase",
        "ping_nonce",
        "ping_sent_ms",
        "queued_blocks",
        "reader",
        "ready_ms",
        "round_trip_ms",
        "score",
        "source",
        "stalls",
        "to_announce",
        "told_work",
        "unanswered",
        "work",
    )

    def __init__(
        self,
        link_id: LinkId,
        address: Address,
        reader: FrameReader,
        now_ms: int,
        *,
        is_inbound: bool,
        binding: Binding,
    ) -> None:
        self.id = link_id
        self.address = address
        self.listening: Address | None = None if is_inbound else address
        """Where the peer accepts links, as far as it said."""
        self.reader = reader
        self.is_inbound = is_inbound
        self.binding = binding
        self.phase = Phase.ANSWERING if is_inbound else Phase.DIALLED
        self.source = "inbound" if is_inbound else "static"
        self.key: NodeKey | None = None
        self.introduction: Introduction | None = None
        self.opening: tuple[bytes, bytes] = (b"", b"")
        """Both introductions as they were sent, the dialler's first: what the proofs sign."""
        self.is_guest = False
        """There is no room for it; it is told of others and let go."""
        self.nonce = b""
        self.connected_ms = now_ms
        self.ready_ms = 0
        self.last_heard_ms = now_ms
        self.clock_offset_ms = 0

        self.ping_nonce = 0
        self.ping_sent_ms = 0
        self.unanswered = 0
        self.round_trip_ms: int | None = None

        self.bytes_in = 0
        self.bytes_out = 0
        self.pending_bytes = 0
        self.score = Score(limits.SCORE_HALF_LIFE_MS)
        self.buckets: dict[str, Bucket] = {}

        self.neighbours: frozenset[bytes] = frozenset()
        self.known_payments: RecentSet[bytes] = RecentSet(limits.MAX_KNOWN_PER_LINK)
        self.known_blocks: RecentSet[bytes] = RecentSet(limits.MAX_KNOWN_BLOCKS)
        self.to_announce: dict[FullId, None] = {}
        """What it hears of with the next batch, unless it says it first."""
        self.asked = 0
        """Payments asked for and not here yet."""
        self.judging = self.judging_bytes = 0
        self.orphans = self.orphan_bytes = 0
        self.payments_first = 0
        self.blocks_first = 0

        self.work = 0
        """Of the best branch that the peer has, as far as it said or showed."""
        self.best: BlockHash | None = None  # its end, once shown; of several, the last
        self.told_work = 0  # of our own branch, as we introduced ourselves
        self.headers_asked_ms: int | None = None  # until it has answered
        self.has_told_headers = False
        """It has answered for headers to the end: what it says it has, it showed."""
        self.must_be_asked = False  # for headers, whatever work it claims
        self.in_flight: dict[BlockHash, int] = {}
        """Bodies asked for, and when."""
        self.lacks: RecentSet[bytes] = RecentSet(limits.MAX_LACKED)
        """Ends of branches of which it had not a body that it was asked for."""
        self.queued_blocks: list[BlockHash] = []
        """Bodies it asked for that wait until it has taken what it got."""
        self.stalls = 0
        self.has_asked_peers = False

    @property
    def is_ready(self) -> bool:
        return self.phase is Phase.READY

    @property
    def is_closing(self) -> bool:
        return self.phase is Phase.CLOSING

    def may(self, what: str, rate: Rate, now_ms: int, count: float = 1) -> bool:
        """Take from one of the peer's allowances; return whether there was enough."""
        bucket = self.buckets.get(what)
        if bucket is None:
            bucket = self.buckets[what] = Bucket(rate, now_ms)
        return bucket.take(now_ms, count)
