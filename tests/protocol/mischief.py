"""A node among strangers who say anything at any time, driven by a stream of choices.

What they say is made of real things (blocks, payments, hashes of this chain and of others) and of
broken ones, because noise alone never gets past a checksum. Used with random choices in the tests
and with a fuzzer's bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from chaindeck.ledger.checkpoints import Checkpoint, encode_checkpoint, sign_checkpoint
from chaindeck.ledger.types import Block, BlockHash, Height, Transaction
from chaindeck.protocol import limits
from chaindeck.protocol.codec import encode_message
from chaindeck.protocol.compact import make_compact
from chaindeck.protocol.events import PeerMisbehaved
from chaindeck.protocol.inputs import ClockSet, DatagramReceived
from chaindeck.protocol.messages import (
    AnnouncePayments,
    AskBlocks,
    AskCompact,
    AskHeaders,
    AskMissing,
    AskPayments,
    AskPeers,
    AskPool,
    BlockBody,
    BlocksUnknown,
    Bye,
    CheckpointNotice,
    CompactBlock,
    GivePeers,
    Headers,
    Hello,
    KnownPeer,
    Message,
    Missing,
    Neighbours,
    Payments,
    PaymentsUnknown,
    Ping,
    Pong,
    PoolDigest,
    Proof,
    Welcome,
)
from chaindeck.protocol.types import make_address
from tests.ledger.forge import ALICE, BOB, CAROL, address, dev_network, remake
from tests.protocol.stranger import Stranger
from tests.protocol.test_payment_relay import child, payment
from tests.protocol.town import Resident, Town

Item = TypeVar("Item")
Choose = Callable[[int], int]
"""Returns a number below its argument."""

_STRANGERS = 6
_SIGNERS = (ALICE, BOB, CAROL)
_NETWORK = dev_network(
    checkpoint_signers=tuple(address(key) for key in _SIGNERS), checkpoint_quorum=2
)


class Mischief:
    """One town with an honest pair of nodes, and strangers around the first."""

    def __init__(self, choose: Choose) -> None:
        self._choose = choose
        self.town = Town(_NETWORK)
        self.node, self.friend = self.town.settle(2)
        self.town.run(1_000)
        self.strangers: list[Stranger] = []
        self._next_number = 10_000
        self.payments = self._make_payments()
        self.blocks = self._make_blocks()

    def run(self, steps: int) -> None:
        for _ in range(steps):
            self._act()
            check_caps(self.node)
        check_honest(self)

    def _act(self) -> None:
        choice = self._choose(16)
        if choice == 0 or not self.strangers:
            self._come()
        elif choice == 1:
            self.town.run(self._pick([10, 200, 2_500, 20_000]))
        elif choice == 2:
            self.node.mine()
        elif choice == 3:
            self.node.pay(self._pick(self.payments))
        elif choice == 4:
            self.node.step(ClockSet(self._choose(100_000) - 50_000))
        elif choice == 5:
            source = make_address("10.66.0.1", 1)
            self.node.step(DatagramReceived(source, bytes([self._choose(256)]) * 117))
        elif choice == 6:
            self._pick(self.strangers).leave()
        elif choice == 7:
            self._send_broken(self._pick(self.strangers))
        else:
            self._pick(self.strangers).say(*[self._message() for _ in range(1 + self._choose(4))])
        self.town.run(self._choose(12))
        self.strangers = [item for item in self.strangers if not item.is_closed]

    def _come(self) -> None:
        if len(self.strangers) == _STRANGERS:
            self._pick(self.strangers).leave()
            return
        self._next_number += 1
        stranger = Stranger(
            self.town,
            self.node,
            number=self._next_number,
            ip=f"93.{self._next_number % 200}.0.1",
            work=self._pick([0, 4, 1 << 60]),
            port=self._pick([0, 8333]),
        )
        stranger.answers_pings = bool(self._choose(2))
        self.strangers.append(stranger)
        if self._choose(8):
            stranger.say(Hello(stranger.introduction))
            self.town.run(20)
            welcome = stranger.last(Welcome)
            if welcome is not None and self._choose(8):
                stranger.say(Proof(stranger.proof(welcome)))

    def _send_broken(self, stranger: Stranger) -> None:
        frame = bytearray(encode_message(self.town.network.magic, self._message()))
        if self._choose(2):
            frame[self._choose(len(frame))] ^= 1 << self._choose(8)
        stranger.send(bytes(frame[: 1 + self._choose(len(frame))]))

    def _message(self) -> Message:
        block = self._pick(self.blocks)
        hashes = tuple(self._some([item.hash for item in self.blocks]))
        ids = tuple(self._some([item.full_id for item in self.payments]))
        raws = tuple(self._some([item.raw for item in self.payments]))
        now_s = self.town.now_ms // 1_000
        peers = [make_address(f"93.0.0.{number}", number) for number in range(1, 9)]
        choices: list[Callable[[], Message]] = [
            lambda: Ping(self._choose(256)),
            lambda: Pong(self._choose(256)),
            AskPeers,
            lambda: GivePeers(tuple(KnownPeer(item, now_s, 1) for item in self._some(peers))),
            lambda: Neighbours(frozenset(bytes([self._choose(256)]) * 8 for _ in range(3))),
            lambda: AnnouncePayments(ids),
            lambda: AskPayments(ids),
            lambda: Payments(raws),
            lambda: Payments((self.payments[0].raw[:-1],)),
            lambda: PaymentsUnknown(ids),
            lambda: make_compact(block, bytes(8)),
            lambda: CompactBlock(block.header, b"", bytes(8), b"\x01", bytes(6)),
            lambda: AskHeaders(hashes),
            lambda: self._headers(block),
            lambda: Headers(tuple((item.header, item.seal) for item in self._run_of_blocks())),
            lambda: AskBlocks(hashes),
            lambda: BlockBody(block.raw),
            lambda: BlockBody(block.raw[:-1]),
            lambda: BlocksUnknown(hashes),
            lambda: AskCompact(block.hash),
            lambda: AskMissing(block.hash, tuple(range(self._choose(4)))),
            lambda: Missing(block.hash, raws),
            lambda: PoolDigest(self._choose(5), bytes([self._choose(256)]) * 2_048),
            lambda: AskPool(bytes([self._choose(256)]) * 32),
            lambda: CheckpointNotice(bytes(self._choose(200))),
            lambda: CheckpointNotice(encode_checkpoint(self._checkpoint(block))),
            lambda: Bye("because"),
            lambda: Hello(self._pick(self.strangers).introduction),
        ]
        return self._pick(choices)()

    def _headers(self, block: Block) -> Headers:
        changes = [{}, {"nonce": self._choose(256)}, {"time_ms": 1}, {"height": 3}, {"version": 1}]
        change = self._pick(changes)
        change.pop("version", None)
        return Headers(((remake(block.header, **change), b""),))

    def _checkpoint(self, block: Block) -> Checkpoint:
        """What some signers say of a block, of one that nobody has, or of a wrong height."""
        height = self._pick([block.header.height, block.header.height, Height(self._choose(9))])
        named = self._pick([block.hash, block.hash, BlockHash(bytes([self._choose(9)]) * 32)])
        return sign_checkpoint(_NETWORK, height, named, _SIGNERS[: 1 + self._choose(3)])

    def _run_of_blocks(self) -> Sequence[Block]:
        start = self._choose(len(self.blocks))
        return self.blocks[start : start + self._choose(6)]

    def _make_payments(self) -> list[Transaction]:
        first, second = payment(self.town), payment(self.town, 1)
        rival = payment(self.town, fee=5_000)
        forged = payment(self.town, 1, signer=BOB)
        children = [child(self.town, first, fee) for fee in (1_000, 2_000, 30_000)]
        return [first, second, rival, *children, forged]

    def _make_blocks(self) -> list[Block]:
        """Two branches, one with payments, and a block that breaks a rule."""
        blocks: list[Block] = []
        for number, took_ms in enumerate((10_000, 11_000)):
            other = Town(self.town.network)
            (elsewhere,) = other.settle(1)
            payments = [self.payments[0]] if number else []
            blocks += [elsewhere.mine(*payments, took_ms=took_ms)]
            blocks += [elsewhere.mine(took_ms=took_ms) for _ in range(7)]
        return [*blocks, self.node.assemble(self.payments[-1])]

    def _pick(self, items: Sequence[Item]) -> Item:
        return items[self._choose(len(items))]

    def _some(self, items: Sequence[Item]) -> list[Item]:
        return [self._pick(items) for _ in range(self._choose(5))]


def check_caps(node: Resident) -> None:
    """Everything that strangers can fill is within its bounds."""
    machine = node.machine
    payments, sync, blocks = machine.payments, machine.sync, machine.blocks
    assert len(payments._wanted) <= limits.MAX_ANNOUNCED
    assert len(payments._came_from) <= limits.MAX_ANNOUNCED
    assert len(payments._orphans) <= limits.MAX_ORPHANS_PER_LINK * len(machine.core.links)
    assert len(blocks._pending) <= limits.MAX_COMPACT_PENDING
    assert len(sync.headers._held) <= limits.HELD_BLOCKS
    assert len(sync._judging) <= limits.MAX_BLOCKS_JUDGED + len(machine.core.links)
    assert len(machine.topology.book) <= limits.MAX_KNOWN_PEERS
    for link in machine.core.links.values():
        assert link.asked >= 0
        assert link.judging >= 0
        assert link.orphans >= 0
        assert len(link.in_flight) <= limits.MAX_BLOCKS_IN_FLIGHT
        assert len(link.queued_blocks) <= limits.MAX_BLOCKS_QUEUED
        assert link.pending_bytes <= limits.MAX_SEND_QUEUE_BYTES + (1 << 20)
        assert len(link.known_payments) <= limits.MAX_KNOWN_PER_LINK
    for request in sync._requests.values():
        assert not request.link.is_closing, "what a closed link owes is asked of others"


def check_honest(mischief: Mischief) -> None:
    """The honest pair is still linked, agrees, and has barred nobody honest."""
    town, node, friend = mischief.town, mischief.node, mischief.friend
    for stranger in mischief.strangers:
        if not stranger.is_closed:
            stranger.leave()
    node.step(ClockSet(0))
    node.mine()
    node.mine()
    town.run_until(lambda: node.tip == friend.tip, 400_000)
    for resident, other in ((node, friend), (friend, node)):
        for event in resident.heard(PeerMisbehaved):
            assert event.address.ip != other.address.ip, event
