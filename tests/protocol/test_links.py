"""A link from its first byte to its last: handshake, room, heartbeats, bars."""

from __future__ import annotations

import pytest

from chaindeck.protocol import limits
from chaindeck.protocol.codec import encode_message
from chaindeck.protocol.events import ClockDiffers, PeerLeft, PeerMisbehaved, PeerReady
from chaindeck.protocol.inputs import (
    BytesTaken,
    ClockSet,
    PeerAdded,
    PeerBarred,
    PeerPardoned,
    PeerRemoved,
    Stopping,
)
from chaindeck.protocol.messages import (
    AskHeaders,
    AskPeers,
    Bye,
    GivePeers,
    Hello,
    Ping,
    Pong,
    Proof,
    Welcome,
)
from chaindeck.protocol.topology import choose_victim
from tests.protocol.stranger import Stranger
from tests.protocol.town import Town


@pytest.fixture
def town() -> Town:
    return Town()


def left(node, code: str) -> list:
    return [event for event in node.heard(PeerLeft) if event.code == code]


class TestHandshake:
    def test_two_nodes_know_each_other_by_their_keys(self, town: Town) -> None:
        one, other = town.settle(2)
        town.run(1_000)
        assert [link.key for link in one.machine.peers] == [other.machine.node_key]
        assert [link.key for link in other.machine.peers] == [one.machine.node_key]
        assert other.heard(PeerReady)[0].source == "static"

    def test_a_peer_that_says_nothing_is_left_after_five_seconds(self, town: Town) -> None:
        (node,) = town.settle(1)
        guest = Stranger(town, node)
        town.run(limits.HANDSHAKE_TIMEOUT_MS - 1)
        assert not guest.is_closed
        town.run(50)
        assert guest.farewell == "peer-handshake-timeout"
        assert guest.is_closed

    def test_a_peer_of_another_network_is_refused_and_not_barred(self, town: Town) -> None:
        (node,) = town.settle(1)
        guest = Stranger(town, node, network_id=bytes(32))
        guest.say(Hello(guest.introduction))
        town.run(50)
        assert guest.farewell == "peer-network"
        assert not node.heard(PeerMisbehaved)

    def test_a_proof_by_another_key_bars_the_address_for_an_hour(self, town: Town) -> None:
        (node,) = town.settle(1)
        guest = Stranger(town, node, number=77)
        guest.say(Hello(guest.introduction))
        town.run(50)
        thief = Stranger(town, node, number=78)
        welcome = guest.last(Welcome)
        assert welcome is not None
        guest.say(Proof(thief.proof(welcome)))
        town.run(50)
        assert guest.farewell == "peer-signature"
        again = Stranger(town, node, number=77)
        town.run(50)
        assert again.farewell == "peer-barred"
        town.run(limits.BAR_MS)
        late = Stranger(town, node, number=77).introduce()
        assert late.farewell is None

    def test_speaking_before_the_proof_ends_the_link(self, town: Town) -> None:
        (node,) = town.settle(1)
        guest = Stranger(town, node)
        guest.say(Ping(1))
        town.run(50)
        assert guest.farewell == "message-unexpected"

    def test_a_node_that_dials_itself_never_does_so_again(self, town: Town) -> None:
        (node,) = town.settle(1)
        node.step(PeerAdded(node.address))
        town.run(10_000)
        assert not node.machine.peers
        assert node.machine.topology.book.get(node.address) is None
        node.step(PeerAdded(node.address))
        assert node.machine.topology.book.get(node.address) is None

    def test_only_listed_keys_are_admitted_where_there_is_a_list(self, town: Town) -> None:
        friend = Stranger(town, town.settle(1)[0], number=41)
        (node,) = town.settle(1, statics="none", admitted=frozenset([friend.key.public_key]))
        assert Stranger(town, node, number=41).introduce().farewell is None
        foe = Stranger(town, node, number=42)
        foe.say(Hello(foe.introduction))
        town.run(50)
        assert foe.farewell == "peer-not-admitted"

    def test_two_links_between_the_same_nodes_become_one(self, town: Town) -> None:
        one, other = town.settle(2)
        one.step(PeerAdded(other.address))
        town.run(5_000)
        assert len(one.machine.peers) == len(other.machine.peers) == 1

    def test_a_peer_that_comes_again_takes_the_place_of_its_old_link(self, town: Town) -> None:
        (node,) = town.settle(1)
        old = Stranger(town, node, number=51).introduce()
        new = Stranger(town, node, number=51).introduce()
        assert old.farewell == "peer-duplicate"
        assert [link.id for link in node.machine.peers] == [new.link]


class TestRoom:
    def test_one_address_has_so_many_links_and_the_next_is_told_of_others(self, town: Town) -> None:
        (node,) = town.settle(1, max_inbound_per_address=2)
        for number in (61, 62):
            assert Stranger(town, node, number=number, ip="10.7.0.1").introduce().farewell is None
        third = Stranger(town, node, number=63, ip="10.7.0.1")
        third.introduce()
        assert third.farewell == "peer-full"
        assert third.all(GivePeers)
        assert Stranger(town, node, number=64, ip="10.7.0.2").introduce().farewell is None

    def test_public_addresses_of_one_group_share_their_room(self, town: Town) -> None:
        (node,) = town.settle(1, max_inbound_per_group=2)
        for number in (1, 2):
            assert Stranger(town, node, ip=f"93.184.0.{number}").introduce().farewell is None
        third = Stranger(town, node, ip="93.184.1.1").introduce()
        assert third.farewell == "peer-full"
        assert Stranger(town, node, ip="93.185.0.1").introduce().farewell is None

    def test_a_full_node_gives_up_who_served_least(self, town: Town) -> None:
        (node,) = town.settle(1, max_inbound=20, max_inbound_per_address=30)
        guests = []
        for _ in range(20):
            guests.append(Stranger(town, node).introduce())
            town.run(10)
        newcomer = Stranger(town, node).introduce()
        assert newcomer.farewell is None
        farewells = [guest.farewell for guest in guests]
        assert farewells.count("peer-evicted") == 1
        assert farewells[0] is None, "the oldest is spared"

    def test_in_a_private_network_an_address_is_a_group(self, town: Town) -> None:
        (node,) = town.settle(1)
        for number in range(24):
            machine = "10.7.0.1" if number % 4 == 0 else f"10.7.0.{number + 2}"
            Stranger(town, node, ip=machine).introduce()
        victim = choose_victim(node.machine.peers)
        assert victim is not None
        assert str(victim.address).startswith("10.7.0.1:")

    def test_a_victim_is_of_the_largest_group_and_nobody_who_served(self, town: Town) -> None:
        (node,) = town.settle(1)
        for number in range(24):
            group = "93.1.0" if number < 6 else f"93.{number}.0"
            Stranger(town, node, ip=f"{group}.{number + 1}").introduce()
        links = node.machine.peers
        for number, link in enumerate(reversed(links[18:22])):
            link.blocks_first = 1 + number
        victim = choose_victim(links)
        assert victim is not None
        assert victim.blocks_first == 0
        assert choose_victim(links[:4]) is None

    def test_with_too_many_guests_a_newcomer_is_refused_at_once(self, town: Town) -> None:
        (node,) = town.settle(1, max_inbound=0)
        guests = [Stranger(town, node) for _ in range(limits.MAX_GUESTS + 1)]
        town.run(50)
        assert guests[-1].farewell == "peer-full"
        assert guests[0].farewell is None


class TestHeartbeat:
    def test_a_peer_that_answers_stays(self, town: Town) -> None:
        one, other = town.settle(2)
        town.run(300_000)
        assert len(one.machine.peers) == 1
        link = one.machine.peers[0]
        assert link.round_trip_ms == 2 * town.latency_ms
        assert link.key == other.machine.node_key

    def test_a_peer_that_misses_three_heartbeats_is_gone(self, town: Town) -> None:
        (node,) = town.settle(1)
        guest = Stranger(town, node).introduce()
        guest.answers_pings = False
        missed = limits.MISSED_HEARTBEATS * limits.HEARTBEAT_INTERVAL_MS
        town.run(missed)
        assert not guest.is_closed
        town.run(limits.HEARTBEAT_INTERVAL_MS + 1_000)
        assert guest.farewell == "peer-silent"
        assert left(node, "peer-silent")

    def test_a_pong_of_another_nonce_counts_for_nothing(self, town: Town) -> None:
        (node,) = town.settle(1)
        guest = Stranger(town, node).introduce()
        guest.answers_pings = False
        for _ in range(8):
            town.run(limits.HEARTBEAT_INTERVAL_MS)
            guest.say(Pong(1))
        assert guest.farewell == "peer-silent"

    def test_pings_are_answered(self, town: Town) -> None:
        (node,) = town.settle(1)
        guest = Stranger(town, node).introduce()
        guest.say(Ping(7))
        town.run(20)
        assert guest.last(Pong) == Pong(7)


class TestLimits:
    def test_too_many_pings_close_the_link_and_bar_nobody(self, town: Town) -> None:
        (node,) = town.settle(1)
        guest = Stranger(town, node, number=71).introduce()
        guest.say(*[Ping(number) for number in range(40)])
        town.run(50)
        assert guest.farewell == "peer-flood"
        assert len(guest.all(Pong)) == limits.PING_RATE.burst
        assert not node.heard(PeerMisbehaved)[0].is_barred
        assert Stranger(town, node, number=71).introduce().farewell is None

    def test_a_peer_that_takes_nothing_is_let_go_at_four_megabytes(self, town: Town) -> None:
        (node,) = town.settle(1)
        guest = Stranger(town, node).introduce()
        link = node.machine.peers[0]
        link.pending_bytes = limits.MAX_SEND_QUEUE_BYTES
        guest.say(Ping(1))
        town.run(1)
        assert not guest.farewell
        link.pending_bytes = limits.MAX_SEND_QUEUE_BYTES + 1
        guest.say(Ping(2))
        town.run(50)
        assert guest.farewell == "peer-slow"

    def test_bytes_that_left_are_no_longer_pending(self, town: Town) -> None:
        (node,) = town.settle(1)
        Stranger(town, node).introduce()
        link = node.machine.peers[0]
        town.run(100)
        before = link.pending_bytes
        node.step(BytesTaken(link.id, 1))
        assert link.pending_bytes == before - 1
        node.step(BytesTaken(999_999, 1))

    def test_a_malformed_frame_bars_its_sender(self, town: Town) -> None:
        (node,) = town.settle(1)
        guest = Stranger(town, node, number=72).introduce()
        frame = bytearray(encode_message(town.network.magic, Ping(1)))
        frame[-1] ^= 1
        guest.send(bytes(frame))
        town.run(50)
        assert guest.farewell == "frame-checksum"
        assert node.heard(PeerMisbehaved)[0].is_barred

    def test_what_follows_a_fault_in_the_same_bytes_is_not_heard(self, town: Town) -> None:
        (node,) = town.settle(1)
        guest = Stranger(town, node).introduce()
        guest.say(Hello(guest.introduction), Ping(9))
        town.run(50)
        assert guest.farewell == "message-unexpected"
        assert not guest.all(Pong)


class TestOrders:
    def test_a_removed_peer_is_left_and_not_dialled_again(self, town: Town) -> None:
        one, other = town.settle(2)
        town.run(1_000)
        other.step(PeerRemoved(one.address))
        assert left(other, "peer-removed")
        town.run(60_000)
        assert [link.is_inbound for link in other.machine.peers] == [True], "it came by itself"

    def test_a_barred_peer_comes_back_when_the_bar_is_lifted(self, town: Town) -> None:
        one, other = town.settle(2)
        town.run(1_000)
        other.step(PeerBarred(one.address, 600_000))
        town.run(60_000)
        assert not other.machine.peers
        assert left(other, "peer-barred")
        assert other.machine.topology.book.bars(other.machine.core.now_ms)
        other.step(PeerPardoned(one.address))
        town.run(300_000)
        assert other.machine.peers

    def test_a_stopping_node_says_good_bye_to_all(self, town: Town) -> None:
        one, other = town.settle(2)
        town.run(1_000)
        one.step(Stopping())
        town.run(100)
        assert not other.machine.peers
        assert "node-stopping" in left(other, "peer-closed")[0].detail

    def test_a_bye_is_taken_at_its_word(self, town: Town) -> None:
        (node,) = town.settle(1)
        guest = Stranger(town, node).introduce()
        guest.say(Bye("peer-full"))
        town.run(50)
        assert guest.is_closed
        assert "peer-full" in left(node, "peer-closed")[0].detail

    def test_a_closed_socket_is_told_once(self, town: Town) -> None:
        (node,) = town.settle(1)
        guest = Stranger(town, node).introduce()
        guest.leave()
        assert len(left(node, "peer-closed")) == 1
        assert not node.machine.core.links


class TestClocks:
    def test_peers_far_from_our_clock_are_told_of_once(self, town: Town) -> None:
        (node,) = town.settle(1)
        for _ in range(3):
            Stranger(town, node, time_ms=town.now_ms + 60_000).introduce()
        assert len(node.heard(ClockDiffers)) == 1
        assert node.machine.topology.median_offset_ms() >= 59_000

    def test_a_clock_that_is_set_right_is_no_longer_off(self, town: Town) -> None:
        (node,) = town.settle(1)
        Stranger(town, node, time_ms=town.now_ms + 60_000).introduce()
        node.step(ClockSet(60_000))
        assert abs(node.machine.topology.median_offset_ms()) < 1_000
        assert node.machine.core.clock_ms == town.now_ms + 60_000
        guest = Stranger(town, node)
        guest.introduce()
        assert guest.last(Welcome).introduction.time_ms >= town.now_ms + 59_000

    def test_timers_do_not_follow_a_clock_that_is_set(self, town: Town) -> None:
        (node,) = town.settle(1)
        node.step(ClockSet(-3_600_000))
        guest = Stranger(town, node)
        town.run(limits.HANDSHAKE_TIMEOUT_MS + 50)
        assert guest.farewell == "peer-handshake-timeout"


def test_a_ready_peer_may_ask_what_a_node_knows(town: Town) -> None:
    (node,) = town.settle(1)
    guest = Stranger(town, node).introduce()
    guest.say(AskPeers(), AskHeaders((town.network.block.hash,)))
    town.run(50)
    assert guest.all(GivePeers)
