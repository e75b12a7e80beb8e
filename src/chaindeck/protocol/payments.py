"""How payments travel: pushed through a mesh, announced by id among many, compared now and then.

In a mesh whoever takes in a payment first pushes it to all, and nobody repeats it to those that are
linked with whom it came from (`messages.Neighbours` says who is). Among many nodes ids are gathered
for a tenth of a second and announced; each payment is asked of one peer at a time. What both miss,
comparing pools finds.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence

from chaindeck.ledger.codec import decode_transaction
from chaindeck.ledger.errors import AlreadyPooled, EncodingError, MissingInput, PoolError, RuleError
from chaindeck.ledger.recent import RecentSet
from chaindeck.ledger.types import Block, FullId, Transaction, TxId
from chaindeck.protocol import limits
from chaindeck.protocol.core import Core
from chaindeck.protocol.effects import JudgePayments
from chaindeck.protocol.errors import PeerPayment
from chaindeck.protocol.inputs import PaymentsAdmitted, PaymentsJudged
from chaindeck.protocol.links import Link
from chaindeck.protocol.messages import (
    AnnouncePayments,
    AskPayments,
    AskPool,
    Payments,
    PaymentsUnknown,
    PoolDigest,
)
from chaindeck.protocol.topology import Topology, short_key
from chaindeck.protocol.types import LinkId

_BUCKETS = 256
_BUCKET_BYTES = 8


class _Wanted:
    """A payment that is asked for."""

    __slots__ = ("asked", "asked_ms", "others")

    def __init__(self) -> None:
        self.asked: Link | None = None
        self.asked_ms = 0
        self.others: dict[LinkId, None] = {}
        """Who else announced it, and has not failed us."""


class _Orphan:
    """A payment that spends what is not known here."""

    __slots__ = ("link", "since_ms", "transaction")

    def __init__(self, transaction: Transaction, link: Link, since_ms: int) -> None:
        self.transaction = transaction
        self.link = link
        self.since_ms = since_ms


class PaymentRelay:
    """Brings payments in and passes them on."""

    def __init__(self, core: Core, topology: Topology) -> None:
        self._core = core
        self._topology = topology
        self._wanted: dict[FullId, _Wanted] = {}
        self._came_from: OrderedDict[FullId, Link] = OrderedDict()
        self._refused: RecentSet[bytes] = RecentSet(limits.MAX_REFUSED)
        self._confirmed: RecentSet[bytes] = RecentSet(limits.MAX_CONFIRMED)
        self._tickets: dict[int, tuple[Link | None, tuple[Transaction, ...]]] = {}
        self._next_ticket = 0
        self._orphans: dict[FullId, _Orphan] = {}
        self._orphans_of: dict[TxId, dict[FullId, None]] = {}
        self._is_flushing = False
        self._is_chasing = False
        core.when_left.append(self._left)

    def start(self) -> None:
        self._core.after(self._reconcile_delay(), self._reconcile)

    # What peers say

    def announced(self, link: Link, message: AnnouncePayments) -> None:
        """Ask for what is new, of the first to announce it."""
        core = self._core
        if not core.may(link, "announce", limits.ANNOUNCE_RATE, len(message.full_ids)):
            return
        asking: list[FullId] = []
        for full_id in message.full_ids:
            link.known_payments.note(full_id)
            link.to_announce.pop(full_id, None)
            if not self._is_new(full_id):
                continue
            wanted = self._wanted.get(full_id)
            if wanted is None:
                if len(self._wanted) >= limits.MAX_ANNOUNCED:
                    continue
                wanted = self._wanted[full_id] = _Wanted()
            if wanted.asked is None and link.asked < limits.MAX_PAYMENTS_ASKED:
                self._note_asked(wanted, link)
                asking.append(full_id)
            elif wanted.asked is not link:
                wanted.others[link.id] = None
        self._ask(link, asking)

    def asked(self, link: Link, message: AskPayments) -> None:
        """Send what waits here, in frames of bounded size, and say what does not."""
        core = self._core
        if not core.may(link, "ask-payments", limits.ASK_PAYMENTS_RATE, len(message.full_ids)):
            return
        found: list[bytes] = []
        unknown: list[FullId] = []
        for full_id in message.full_ids:
            raw = core.chain.waiting(full_id)
            if raw is None:
                unknown.append(full_id)
            else:
                link.known_payments.note(full_id)
                found.append(raw)
        self._send_raws(link, found)
        if unknown:
            core.send(link, PaymentsUnknown(tuple(unknown)))

    def unknown(self, link: Link, message: PaymentsUnknown) -> None:
        core = self._core
        if core.may(link, "unknown-payments", limits.REPLIES_RATE):
            for full_id in message.full_ids:
                wanted = self._wanted.get(full_id)
                if wanted is not None and wanted.asked is link:
                    self._let_go(wanted)
                    self._ask_next(full_id, wanted)

    def came(self, link: Link, message: Payments) -> None:
        """Hand what is new to the pool."""
        core = self._core
        count = len(message.raws)
        if not core.may(link, "payments", limits.PAYMENTS_RATE, count):
            return
        if link.judging + count > limits.MAX_JUDGED_AT_ONCE + limits.MAX_PAYMENTS_ASKED:
            core.charge(link, "payments", limits.POINTS_UNASKED)
            return
        if link.judging_bytes + sum(map(len, message.raws)) > limits.MAX_JUDGED_BYTES:
            # Long ones, perhaps asked for: they are told of again when pools are compared.
            return
        fresh: list[Transaction] = []
        for raw in message.raws:
            try:
                transaction = decode_transaction(raw)
            except EncodingError as error:
                core.drop(link, PeerPayment(rule=error.code, detail=str(error)))
                return
            link.known_payments.note(transaction.full_id)
            link.to_announce.pop(transaction.full_id, None)
            wanted = self._wanted.pop(transaction.full_id, None)
            if wanted is not None:
                self._let_go(wanted)
            if self._is_new(transaction.full_id):
                fresh.append(transaction)
                self._note_origin(transaction.full_id, link)
        self._judge(link, fresh)

    # What the pool says

    def judged(self, judged: PaymentsJudged) -> None:
        """Blame whoever sent what could never be right; keep what may be early."""
        link, transactions = self._tickets.pop(judged.ticket)
        if link is None:
            return
        link.judging -= len(transactions)
        link.judging_bytes -= sum(item.size for item in transactions)
        for transaction, error in zip(transactions, judged.errors, strict=True):
            self._came_from.pop(transaction.full_id, None)
            if error is None:
                link.payments_first += 1
            elif not isinstance(error, AlreadyPooled):
                self._refuse(link, transaction, error)

    def admitted(self, admitted: PaymentsAdmitted) -> None:
        """Pass on what waits now, and try what waited for it."""
        transactions = admitted.transactions
        if self._topology.is_mesh:
            self._push(transactions)
        else:
            self._queue(transactions)
        for transaction in transactions:
            self._retry_orphans(transaction.id)

    def tip_moved(self, connected: Sequence[Block]) -> None:
        """What was refused may be welcome now, and what was early may be in time."""
        self._refused.clear()
        for block in connected:
            for full_id in block.index.full_ids:
                self._confirmed.note(full_id)
                self._came_from.pop(FullId(full_id), None)
            if self._orphans_of:
                for tx_id in block.index.txids:
                    self._retry_orphans(TxId(tx_id))

    # Pushing and announcing

    def _push(self, transactions: Sequence[Transaction]) -> None:
        """In a mesh: to everybody, except who has it or is linked with whom it came from."""
        core = self._core
        groups: dict[LinkId | None, list[Transaction]] = {}
        for transaction in transactions:
            origin = self._came_from.pop(transaction.full_id, None)
            groups.setdefault(origin.id if origin else None, []).append(transaction)
        for origin_id, group in groups.items():
            origin = core.ready.get(origin_id) if origin_id is not None else None
            covered = origin.neighbours if origin else frozenset()
            for link in list(core.ready.values()):
                assert link.key is not None
                if link is origin or (origin and short_key(link.key) in covered):
                    continue
                missing = [item for item in group if item.full_id not in link.known_payments]
                for item in missing:
                    link.known_payments.note(item.full_id)
                self._send_raws(link, [item.raw for item in missing])

    def _queue(self, transactions: Sequence[Transaction]) -> None:
        """Among many: gather ids for those that hear first, and for a share of the others."""
        core, topology = self._core, self._topology
        share = -(-len(topology.lazy) // limits.LAZY_SHARE)
        hearing = [*topology.eager, *core.entropy.choose(topology.lazy, share)]
        for transaction in transactions:
            self._came_from.pop(transaction.full_id, None)
            for link in hearing:
                if transaction.full_id not in link.known_payments:
                    link.known_payments.note(transaction.full_id)
                    link.to_announce[transaction.full_id] = None
        if not self._is_flushing and any(link.to_announce for link in hearing):
            self._is_flushing = True
            core.after(core.settings.batch_interval_ms, self._flush)

    def _flush(self) -> None:
        self._is_flushing = False
        core = self._core
        # Most links hear of the same few: those are encoded once.
        groups: dict[tuple[FullId, ...], list[Link]] = {}
        for link in core.ready.values():
            if link.to_announce:
                groups.setdefault(tuple(link.to_announce), []).append(link)
                link.to_announce = {}
        for ids, links in groups.items():
            for start in range(0, len(ids), limits.MAX_IDS):
                core.send_all(links, AnnouncePayments(ids[start : start + limits.MAX_IDS]))

    def _announce(self, link: Link, ids: Sequence[FullId]) -> None:
        for start in range(0, len(ids), limits.MAX_IDS):
            part = tuple(ids[start : start + limits.MAX_IDS])
            self._core.send(link, AnnouncePayments(part))

    def _send_raws(self, link: Link, raws: Sequence[bytes]) -> None:
        batch: list[bytes] = []
        size = 0
        for raw in raws:
            if batch and size + len(raw) > limits.PUSH_BATCH_BYTES:
                self._core.send(link, Payments(tuple(batch)))
                batch, size = [], 0
            batch.append(raw)
            size += len(raw)
        if batch:
            self._core.send(link, Payments(tuple(batch)))

    # Asking

    def _is_new(self, full_id: FullId) -> bool:
        # Most of what is told waits here already.
        return (
            self._core.chain.waiting(full_id) is None
            and full_id not in self._confirmed
            and full_id not in self._came_from
            and full_id not in self._refused
            and full_id not in self._orphans
        )

    def _note_asked(self, wanted: _Wanted, link: Link) -> None:
        wanted.asked, wanted.asked_ms = link, self._core.now_ms
        link.asked += 1

    def _let_go(self, wanted: _Wanted) -> None:
        if wanted.asked is not None:
            wanted.asked.asked -= 1
            wanted.asked = None

    def _ask(self, link: Link, ids: Sequence[FullId]) -> None:
        if ids:
            self._core.send(link, AskPayments(tuple(ids)))
            self._chase_later()

    def _chase_later(self) -> None:
        if not self._is_chasing:
            self._is_chasing = True
            self._core.after(limits.ASK_PAYMENTS_TIMEOUT_MS, self._chase)

    def _chase(self) -> None:
        """Ask others for what did not come in time; first come, first looked at."""
        self._is_chasing = False
        late_ms = self._core.now_ms - limits.ASK_PAYMENTS_TIMEOUT_MS
        again: dict[LinkId, list[FullId]] = {}
        for full_id, wanted in list(self._wanted.items()):
            if wanted.asked is not None and wanted.asked_ms > late_ms:
                continue
            self._let_go(wanted)
            link = self._next_source(full_id, wanted)
            if link is not None:
                again.setdefault(link.id, []).append(full_id)
        for link_id, ids in again.items():
            link = self._core.ready.get(link_id)
            if link is not None:
                self._ask(link, ids)
        if self._wanted:
            self._chase_later()

    def _ask_next(self, full_id: FullId, wanted: _Wanted) -> None:
        link = self._next_source(full_id, wanted)
        if link is not None:
            self._ask(link, [full_id])

    def _next_source(self, full_id: FullId, wanted: _Wanted) -> Link | None:
        """Choose the next that announced a payment; forget it where nobody is left."""
        for link_id in list(wanted.others):
            link = self._core.ready.get(link_id)
            if link is None:
                del wanted.others[link_id]
            elif link.asked < limits.MAX_PAYMENTS_ASKED:
                del wanted.others[link_id]
                self._note_asked(wanted, link)
                return link
        if not wanted.others:
            del self._wanted[full_id]
        return None

    # Judging

    def _note_origin(self, full_id: FullId, link: Link) -> None:
        self._came_from[full_id] = link
        if len(self._came_from) > limits.MAX_ANNOUNCED:
            self._came_from.popitem(last=False)

    def _judge(self, link: Link | None, transactions: Sequence[Transaction]) -> None:
        if not transactions:
            return
        self._next_ticket += 1
        handed = tuple(transactions)
        self._tickets[self._next_ticket] = (link, handed)
        if link is not None:
            link.judging += len(handed)
            link.judging_bytes += sum(item.size for item in handed)
        self._core.effects.append(JudgePayments(self._next_ticket, handed))

    def _refuse(self, link: Link, transaction: Transaction, error: RuleError) -> None:
        core = self._core
        if isinstance(error, MissingInput):
            self._keep_orphan(link, transaction)
            return
        self._refused.note(transaction.full_id)
        if error.is_blamed and not isinstance(error, PoolError):
            core.drop(link, PeerPayment(rule=error.code, detail=str(error)))
        else:
            core.charge(link, "payments-refused", limits.POINTS_REFUSED)

    # Orphans

    def _keep_orphan(self, link: Link, transaction: Transaction) -> None:
        """Keep what spends the unknown for a while, within the sender's share."""
        core = self._core
        if link.is_closing or transaction.full_id in self._orphans:
            return
        while (
            link.orphans >= limits.MAX_ORPHANS_PER_LINK
            or link.orphan_bytes + transaction.size > limits.MAX_ORPHAN_BYTES_PER_LINK
        ):
            oldest = next(item for item in self._orphans.values() if item.link is link)
            self._drop_orphan(oldest.transaction.full_id)
            if not core.charge(link, "orphans", limits.POINTS_ORPHAN):
                return
        if not link.orphans:
            self._send_digest(link)
        self._orphans[transaction.full_id] = _Orphan(transaction, link, core.now_ms)
        link.orphans += 1
        link.orphan_bytes += transaction.size
        for item in transaction.inputs:
            self._orphans_of.setdefault(item.tx_id, {})[transaction.full_id] = None
        core.after(limits.ORPHAN_LIFE_MS, self._expire_orphan, transaction.full_id)

    def _expire_orphan(self, full_id: FullId) -> None:
        orphan = self._orphans.get(full_id)
        if orphan and orphan.since_ms + limits.ORPHAN_LIFE_MS <= self._core.now_ms:
            self._drop_orphan(full_id)

    def _drop_orphan(self, full_id: FullId) -> None:
        orphan = self._orphans.pop(full_id)
        orphan.link.orphans -= 1
        orphan.link.orphan_bytes -= orphan.transaction.size
        for tx_id in {item.tx_id for item in orphan.transaction.inputs}:
            waiting = self._orphans_of[tx_id]
            del waiting[full_id]
            if not waiting:
                del self._orphans_of[tx_id]

    def _retry_orphans(self, tx_id: TxId) -> None:
        """Offer again what waited for a transaction; its sender is no longer asked to answer."""
        by_link: dict[LinkId, tuple[Link, list[Transaction]]] = {}
        for full_id in list(self._orphans_of.get(tx_id, ())):
            orphan = self._orphans[full_id]
            self._drop_orphan(full_id)
            group = by_link.setdefault(orphan.link.id, (orphan.link, []))
            group[1].append(orphan.transaction)
            self._note_origin(full_id, orphan.link)
        for link, transactions in by_link.values():
            self._judge(link, transactions)

    # Comparing pools

    def proved(self, link: Link) -> None:
        self._send_digest(link)

    def compared(self, link: Link, message: PoolDigest) -> None:
        """Ask for what waits at the other end in buckets that differ."""
        core = self._core
        if not core.may(link, "digest", limits.DIGEST_RATE) or not message.count:
            return
        ours = self._buckets()
        bits = bytearray(_BUCKETS // 8)
        for bucket in range(_BUCKETS):
            span = slice(bucket * _BUCKET_BYTES, (bucket + 1) * _BUCKET_BYTES)
            if message.buckets[span] not in (ours[span], bytes(_BUCKET_BYTES)):
                bits[bucket // 8] |= 1 << bucket % 8
        if any(bits):
            core.send(link, AskPool(bytes(bits)))

    def pool_asked(self, link: Link, message: AskPool) -> None:
        """Announce what waits here in the buckets named."""
        core = self._core
        if core.may(link, "digest", limits.DIGEST_RATE):
            bits = message.buckets
            chosen = {bucket for bucket in range(_BUCKETS) if bits[bucket // 8] >> bucket % 8 & 1}
            ids = [full_id for full_id in core.chain.waiting_ids() if full_id[0] in chosen]
            self._announce(link, ids)

    def _reconcile(self) -> None:
        core = self._core
        for link in core.entropy.choose(list(core.ready.values()), 1):
            self._send_digest(link)
        core.after(self._reconcile_delay(), self._reconcile)

    def _reconcile_delay(self) -> int:
        interval_ms = limits.RECONCILE_INTERVAL_MS
        return interval_ms - self._core.entropy.below(interval_ms // 5)

    def _send_digest(self, link: Link) -> None:
        ids = self._core.chain.waiting_ids()
        self._core.send(link, PoolDigest(len(ids), digest_buckets(ids)))

    def _buckets(self) -> bytes:
        return digest_buckets(self._core.chain.waiting_ids())

    def _left(self, link: Link, _code: str) -> None:
        """Forget an ended link's orphans, and ask others for what it owed."""
        for full_id in [item for item, orphan in self._orphans.items() if orphan.link is link]:
            self._drop_orphan(full_id)
        owed = [(item, wanted) for item, wanted in self._wanted.items() if wanted.asked is link]
        for full_id, wanted in owed:
            self._let_go(wanted)
            self._ask_next(full_id, wanted)


def digest_buckets(ids: Iterable[FullId]) -> bytes:
    """Return the buckets of `messages.PoolDigest`."""
    sums = [0] * _BUCKETS
    for full_id in ids:
        sums[full_id[0]] ^= int.from_bytes(full_id[1:9], "little")
    return b"".join(value.to_bytes(_BUCKET_BYTES, "little") for value in sums)
