"""How payments travel: pushed in a mesh, announced in gossip, asked for, compared, and refused."""

from __future__ import annotations

import pytest

from chaindeck.ledger.coins import Coin
from chaindeck.ledger.types import OutPoint, Transaction
from chaindeck.protocol import limits
from chaindeck.protocol.events import PeerMisbehaved
from chaindeck.protocol.messages import (
    AnnouncePayments,
    AskPayments,
    AskPool,
    Neighbours,
    Payments,
    PaymentsUnknown,
    PoolDigest,
)
from chaindeck.protocol.payments import digest_buckets
from chaindeck.protocol.topology import short_key
from tests.ledger.forge import ALICE, BOB, pay, spend
from tests.protocol.stranger import Stranger
from tests.protocol.town import Resident, Town


@pytest.fixture
def town() -> Town:
    return Town()


def payment(town: Town, number: int = 0, *, fee: int = 1_000, signer=ALICE) -> Transaction:
    """One of the two payments that the genesis block allows, from Alice to Bob."""
    outpoint, coin = town.residents[0].standing.forge.owned(ALICE)[number]
    return spend(
        town.network.id, [(outpoint, coin)], [pay(BOB.key_hash, coin.amount - fee)], signer
    )


def child(town: Town, parent: Transaction, fee: int = 1_000) -> Transaction:
    output = parent.outputs[0]
    coin = Coin(output.key_hash, output.amount, 0, is_reward=False)
    return spend(
        town.network.id,
        [(OutPoint(parent.outpoint(0)), coin)],
        [pay(ALICE.key_hash, output.amount - fee)],
        BOB,
    )


def waits(node: Resident, transaction: Transaction) -> bool:
    return transaction.id in node.state.pool


class TestMesh:
    def test_a_payment_reaches_every_node_in_one_hop(self, town: Town) -> None:
        nodes = town.settle(6)
        town.run(2_000)
        nodes[3].pay(payment(town))
        town.run(town.latency_ms)
        town.run(1)
        assert all(waits(node, payment(town)) for node in nodes)

    def test_nobody_repeats_it_to_those_who_are_linked_with_its_origin(self, town: Town) -> None:
        nodes = town.settle(6)
        town.run(2_000)
        for node in nodes:
            node.sent.clear()
        nodes[0].pay(payment(town))
        town.run(1_000)
        raw = payment(town).raw
        sent = [len([1 for _, data in node.sent if raw in data]) for node in nodes]
        assert sent == [5, 0, 0, 0, 0, 0]

    def test_it_is_passed_on_to_those_who_are_not(self, town: Town) -> None:
        middle, one, other = town.settle(3)
        town.cut(one, other)
        town.run(70_000)
        assert len(one.machine.peers) == 1
        one.pay(payment(town))
        town.run(3 * town.latency_ms)
        assert waits(middle, payment(town))
        assert waits(other, payment(town))

    def test_one_that_was_lost_is_found_by_comparing_pools(self, town: Town) -> None:
        one, other = town.settle(2)
        town.run(1_000)
        raw = payment(town).raw
        town.may_pass = lambda _, data: None if raw in data else data
        one.pay(payment(town))
        town.run(1_000)
        assert not waits(other, payment(town))
        town.may_pass = lambda _, data: data
        town.run(2 * limits.RECONCILE_INTERVAL_MS)
        assert waits(other, payment(town))

    def test_a_newcomer_gets_what_waits(self, town: Town) -> None:
        (one,) = town.settle(1)
        one.pay(payment(town), payment(town, 1))
        (other,) = town.settle(1)
        town.run(3_000)
        assert len(other.state.pool) == 2


class TestGossip:
    def test_ids_are_gathered_and_then_announced(self, town: Town) -> None:
        (node,) = town.settle(1, mesh_below=1, mesh_again_at=0)
        guest = Stranger(town, node).introduce()
        node.pay(payment(town))
        node.pay(payment(town, 1))
        assert not guest.all(AnnouncePayments)
        town.run(limits.BATCH_INTERVAL_MS + 20)
        (announced,) = guest.all(AnnouncePayments)
        assert set(announced.full_ids) == {payment(town).full_id, payment(town, 1).full_id}

    def test_what_is_asked_for_is_sent_and_what_is_gone_is_said_to_be(self, town: Town) -> None:
        (node,) = town.settle(1)
        guest = Stranger(town, node).introduce()
        guest.heard.clear()
        node.pay(payment(town))
        town.run(20)
        guest.say(AskPayments((payment(town).full_id, bytes(32))))
        town.run(20)
        assert guest.last(Payments) == Payments((payment(town).raw,))
        assert guest.last(PaymentsUnknown) == PaymentsUnknown((bytes(32),))

    def test_an_announced_payment_is_asked_of_the_first_who_announced_it(self, town: Town) -> None:
        (node,) = town.settle(1)
        first, second = (Stranger(town, node).introduce() for _ in range(2))
        full_id = payment(town).full_id
        first.say(AnnouncePayments((full_id,)))
        second.say(AnnouncePayments((full_id,)))
        town.run(50)
        assert first.all(AskPayments) == [AskPayments((full_id,))]
        assert not second.all(AskPayments)
        first.say(Payments((payment(town).raw,)))
        town.run(50)
        assert waits(node, payment(town))
        town.run(3 * limits.ASK_PAYMENTS_TIMEOUT_MS)
        assert not second.all(AskPayments)

    def test_a_payment_that_does_not_come_is_asked_of_the_next(self, town: Town) -> None:
        (node,) = town.settle(1)
        first, second = (Stranger(town, node).introduce() for _ in range(2))
        full_id = payment(town).full_id
        first.say(AnnouncePayments((full_id,)))
        second.say(AnnouncePayments((full_id,)))
        town.run(2 * limits.ASK_PAYMENTS_TIMEOUT_MS)
        assert second.all(AskPayments) == [AskPayments((full_id,))]
        town.run(4 * limits.ASK_PAYMENTS_TIMEOUT_MS)
        assert len(first.all(AskPayments)) == len(second.all(AskPayments)) == 1
        assert not node.machine.payments._wanted

    def test_a_payment_that_the_first_denies_is_asked_of_the_next_at_once(self, town: Town) -> None:
        (node,) = town.settle(1)
        first, second = (Stranger(town, node).introduce() for _ in range(2))
        full_id = payment(town).full_id
        first.say(AnnouncePayments((full_id,)))
        second.say(AnnouncePayments((full_id,)))
        first.say(PaymentsUnknown((full_id, bytes(32))))
        town.run(50)
        assert second.all(AskPayments) == [AskPayments((full_id,))]

    def test_what_a_leaving_peer_owes_is_asked_of_the_next(self, town: Town) -> None:
        (node,) = town.settle(1)
        first, second = (Stranger(town, node).introduce() for _ in range(2))
        full_id = payment(town).full_id
        first.say(AnnouncePayments((full_id,)))
        second.say(AnnouncePayments((full_id,)))
        first.leave()
        town.run(50)
        assert second.all(AskPayments) == [AskPayments((full_id,))]

    def test_a_payment_that_waits_already_is_not_asked_for(self, town: Town) -> None:
        (node,) = town.settle(1)
        node.pay(payment(town))
        guest = Stranger(town, node).introduce()
        guest.say(AnnouncePayments((payment(town).full_id,)))
        town.run(50)
        assert not guest.all(AskPayments)

    def test_nor_is_one_that_a_block_holds(self, town: Town) -> None:
        (node,) = town.settle(1)
        node.mine(payment(town))
        guest = Stranger(town, node).introduce()
        guest.say(AnnouncePayments((payment(town).full_id,)))
        town.run(50)
        assert not guest.all(AskPayments)

    def test_only_so_many_are_asked_of_one_peer_at_a_time(self, town: Town) -> None:
        (node,) = town.settle(1)
        guest = Stranger(town, node).introduce()
        ids = [number.to_bytes(32, "big") for number in range(1, limits.MAX_PAYMENTS_ASKED + 11)]
        guest.say(AnnouncePayments(tuple(ids[:15_000])))
        guest.say(AnnouncePayments(tuple(ids[15_000:])))
        town.run(50)
        assert sum(len(asked.full_ids) for asked in guest.all(AskPayments)) == 20_000
        assert node.machine.peers[0].asked == limits.MAX_PAYMENTS_ASKED
        town.run(2 * limits.ASK_PAYMENTS_TIMEOUT_MS)
        assert sum(len(asked.full_ids) for asked in guest.all(AskPayments)) == 20_010

    def test_ids_beyond_the_rate_are_left_alone_and_counted(self, town: Town) -> None:
        (node,) = town.settle(1)
        guest = Stranger(town, node).introduce()
        ids = tuple(number.to_bytes(32, "big") for number in range(20_000))
        for _ in range(11):
            guest.say(AnnouncePayments(ids))
        link = node.machine.peers[0]
        assert link.score.at(town.now_ms) == pytest.approx(limits.POINTS_OVER_RATE)
        assert len(node.machine.payments._wanted) <= limits.MAX_ANNOUNCED


class TestComparing:
    def test_equal_pools_ask_each_other_for_nothing(self, town: Town) -> None:
        (node,) = town.settle(1)
        node.pay(payment(town))
        guest = Stranger(town, node).introduce()
        digest = guest.last(PoolDigest)
        assert digest == PoolDigest(1, digest_buckets([payment(town).full_id]))
        guest.say(digest)
        town.run(50)
        assert not guest.all(AskPool)

    def test_buckets_that_differ_are_asked_for(self, town: Town) -> None:
        (node,) = town.settle(1)
        guest = Stranger(town, node).introduce()
        other = bytes([7]) + bytes(30) + b"x"
        buckets = bytearray(digest_buckets([other]))
        buckets[7 * 8] = 1
        guest.say(PoolDigest(1, bytes(buckets)))
        town.run(50)
        asked = guest.last(AskPool)
        assert asked is not None
        assert asked.buckets[0] == 1 << 7
        assert not any(asked.buckets[1:])

    def test_an_asked_bucket_is_announced(self, town: Town) -> None:
        (node,) = town.settle(1)
        node.pay(payment(town), payment(town, 1))
        guest = Stranger(town, node).introduce()
        first = payment(town).full_id
        bits = bytearray(32)
        bits[first[0] // 8] = 1 << first[0] % 8
        guest.say(AskPool(bytes(bits)))
        town.run(50)
        announced = guest.last(AnnouncePayments)
        assert announced is not None
        assert first in announced.full_ids


class TestRefusals:
    def test_a_payment_with_a_wrong_signature_bars_its_sender(self, town: Town) -> None:
        (node,) = town.settle(1)
        guest = Stranger(town, node).introduce()
        guest.say(Payments((payment(town, signer=BOB).raw,)))
        town.run(50)
        assert guest.farewell == "peer-payment"
        assert node.heard(PeerMisbehaved)[0].is_barred

    def test_bytes_that_are_no_payment_bar_their_sender(self, town: Town) -> None:
        (node,) = town.settle(1)
        guest = Stranger(town, node).introduce()
        guest.say(Payments((b"\x01\x02",)))
        town.run(50)
        assert guest.farewell == "peer-payment"

    def test_a_double_spend_is_refused_and_nobody_blamed(self, town: Town) -> None:
        (node,) = town.settle(1)
        node.pay(payment(town))
        guest = Stranger(town, node).introduce()
        other = payment(town, fee=1_001)
        guest.say(Payments((other.raw,)))
        town.run(50)
        assert guest.farewell is None
        assert not waits(node, other)
        guest.say(AnnouncePayments((other.full_id,)))
        town.run(50)
        assert not guest.all(AskPayments), "it was refused a moment ago"
        node.mine()
        guest.say(AnnouncePayments((other.full_id,)))
        town.run(50)
        assert guest.all(AskPayments), "a new tip may change minds"

    def test_a_flood_unasked_for_is_not_judged(self, town: Town) -> None:
        (node,) = town.settle(1)
        guest = Stranger(town, node).introduce()
        link = node.machine.peers[0]
        link.judging = limits.MAX_JUDGED_AT_ONCE + limits.MAX_PAYMENTS_ASKED
        guest.say(Payments((payment(town).raw,)))
        town.run(50)
        assert not waits(node, payment(town))
        assert link.score.at(town.now_ms) > 0

    def test_long_ones_are_left_alone_while_many_are_judged(
        self, town: Town, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (node,) = town.settle(1)
        guest = Stranger(town, node).introduce()
        (link,) = node.machine.peers
        one, other = payment(town), payment(town, fee=2_000)
        monkeypatch.setattr(limits, "MAX_JUDGED_BYTES", one.size)
        guest.say(Payments((one.raw,)), Payments((other.raw,)))
        assert link.judging_bytes == one.size
        town.run(50)
        assert waits(node, one)
        assert not waits(node, other)
        assert link.judging_bytes == 0


class TestOrphans:
    def test_a_child_that_comes_first_waits_for_its_parent(self, town: Town) -> None:
        (node,) = town.settle(1)
        guest = Stranger(town, node).introduce()
        parent = payment(town)
        guest.say(Payments((child(town, parent).raw,)))
        town.run(50)
        assert len(node.machine.payments._orphans) == 1
        assert guest.farewell is None
        guest.say(Payments((parent.raw,)))
        town.run(50)
        assert waits(node, child(town, parent))
        assert not node.machine.payments._orphans
        assert not node.machine.payments._orphans_of

    def test_a_parent_that_a_block_brings_is_as_good(self, town: Town) -> None:
        (node,) = town.settle(1)
        guest = Stranger(town, node).introduce()
        parent = payment(town)
        guest.say(Payments((child(town, parent).raw,)))
        town.run(50)
        node.mine(parent)
        town.run(50)
        assert waits(node, child(town, parent))

    def test_an_orphan_is_forgotten_after_a_minute(self, town: Town) -> None:
        (node,) = town.settle(1)
        guest = Stranger(town, node).introduce()
        guest.say(Payments((child(town, payment(town)).raw,)))
        town.run(limits.ORPHAN_LIFE_MS - 100)
        assert node.machine.payments._orphans
        town.run(1_000)
        assert not node.machine.payments._orphans

    def test_orphans_go_with_their_sender(self, town: Town) -> None:
        (node,) = town.settle(1)
        guest = Stranger(town, node).introduce()
        guest.say(Payments((child(town, payment(town)).raw,)))
        town.run(50)
        guest.leave()
        assert not node.machine.payments._orphans

    def test_one_peer_has_at_most_a_hundred(self, town: Town) -> None:
        (node,) = town.settle(1)
        guest = Stranger(town, node).introduce()
        parent = payment(town)
        for number in range(limits.MAX_ORPHANS_PER_LINK + 5):
            guest.say(Payments((child(town, parent, fee=number + 1).raw,)))
        town.run(50)
        assert len(node.machine.payments._orphans) == limits.MAX_ORPHANS_PER_LINK
        assert node.machine.peers[0].orphans == limits.MAX_ORPHANS_PER_LINK

    def test_long_ones_have_a_share_in_bytes(
        self, town: Town, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (node,) = town.settle(1)
        guest = Stranger(town, node).introduce()
        parent = payment(town)
        size = child(town, parent).size
        monkeypatch.setattr(limits, "MAX_ORPHAN_BYTES_PER_LINK", 5 * size)
        for number in range(8):
            guest.say(Payments((child(town, parent, fee=number + 1).raw,)))
        town.run(50)
        (link,) = node.machine.peers
        assert link.orphans == 5
        assert link.orphan_bytes == 5 * size
        guest.say(Payments((parent.raw,)))
        town.run(50)
        assert (link.orphans, link.orphan_bytes) == (0, 0)


def test_neighbours_are_named_by_the_hash_of_their_keys(town: Town) -> None:
    one, other = town.settle(2)
    town.run(2_000)
    guest = Stranger(town, one).introduce()
    town.run(limits.NEIGHBOURS_DELAY_MS + 50)
    told = guest.last(Neighbours)
    assert told is not None
    assert short_key(other.machine.node_key) in told.keys
