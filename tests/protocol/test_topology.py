"""Whom a node is linked with: a mesh of few, eight links among many."""

from __future__ import annotations

from collections import Counter

import pytest

from chaindeck.protocol import limits
from chaindeck.protocol.effects import Dial, KeepPeers
from chaindeck.protocol.events import DialUnanswered, PeerLeft, PeerReady
from chaindeck.protocol.inputs import DialFailed, PeerAdded, Started, TimerFired
from chaindeck.protocol.types import (
    Address,
    Settings,
    format_address,
    host_of,
    make_address,
)
from tests.protocol.stranger import Stranger
from tests.protocol.town import Town


@pytest.fixture
def town() -> Town:
    return Town()


class TestMesh:
    def test_few_nodes_are_all_linked(self, town: Town) -> None:
        nodes = town.settle(12)
        town.run(10_000)
        assert {len(node.machine.peers) for node in nodes} == {11}
        assert all(node.machine.topology.is_mesh for node in nodes)

    def test_a_node_that_was_away_is_linked_again(self, town: Town) -> None:
        nodes = town.settle(4)
        town.run(10_000)
        town.kill(nodes[2])
        town.run(20_000)
        assert {len(node.machine.peers) for node in nodes if node is not nodes[2]} == {2}
        nodes[2].is_up = True
        nodes[2].machine = type(nodes[2].machine)(nodes[2].settings, nodes[2].view)
        nodes[2].step(Started(nodes[2].kept))
        town.run(60_000)
        assert {len(node.machine.peers) for node in nodes} == {3}

    def test_one_that_does_not_answer_is_tried_again_ever_later(self, town: Town) -> None:
        (node,) = town.settle(1, static_peers=(make_address("10.8.8.8", 1),))
        town.run(300_000)
        waits = [event.retry_ms for event in node.heard(DialUnanswered)]
        assert 6 <= len(waits) <= 10
        assert waits == sorted(waits)


class TestGossip:
    def test_many_nodes_keep_some_links_each_and_choose_three_themselves(self, town: Town) -> None:
        nodes = town.settle(40, mesh_below=20, mesh_again_at=15)
        town.run(60_000)
        assert not any(node.machine.topology.is_mesh for node in nodes)
        counts = [len(node.machine.peers) for node in nodes]
        outbound = [sum(not link.is_inbound for link in node.machine.peers) for node in nodes]
        assert min(counts) >= limits.GOSSIP_LINKS
        assert min(outbound[1:]) >= limits.GOSSIP_OUTBOUND
        assert sum(counts) / len(counts) < 20

    def test_a_block_reaches_everybody(self, town: Town) -> None:
        nodes = town.settle(40, mesh_below=20, mesh_again_at=15)
        town.run(60_000)
        block = nodes[7].mine()
        town.run(100 * town.latency_ms)
        assert {node.tip for node in nodes} == {block.hash}

    def test_a_node_goes_back_to_a_mesh_when_few_are_left(self, town: Town) -> None:
        nodes = town.settle(24, mesh_below=20, mesh_again_at=10)
        town.run(60_000)
        assert not nodes[0].machine.topology.is_mesh
        for node in nodes[8:]:
            town.kill(node)
        town.run(600_000)
        assert all(node.machine.topology.is_mesh for node in nodes[:8])
        assert {len(node.machine.peers) for node in nodes[:8]} == {7}

    def test_going_over_to_gossip_ends_links_of_its_own_beyond_eight(self, town: Town) -> None:
        nodes = town.settle(20, mesh_below=100, mesh_again_at=50)
        town.run(20_000)
        (late,) = town.settle(1, statics="none", mesh_below=10, mesh_again_at=5)
        late.step(PeerAdded(nodes[0].address))
        town.run(30_000)
        codes = Counter(event.code for event in late.heard(PeerLeft))
        outbound = [link for link in late.machine.peers if not link.is_inbound]
        assert len(outbound) <= limits.GOSSIP_LINKS + 1
        assert set(codes) <= {"peer-surplus", "peer-duplicate", "peer-closed"}

    def test_peers_to_keep_are_kept_in_gossip_too(self, town: Town) -> None:
        nodes = town.settle(20, mesh_below=100, mesh_again_at=50)
        town.run(20_000)
        static = tuple(node.address for node in nodes[:12])
        (late,) = town.settle(1, statics="none", mesh_below=5, mesh_again_at=2)
        for address in static:
            late.step(PeerAdded(address))
        town.run(60_000)
        linked = {link.listening for link in late.machine.peers}
        assert set(static) <= linked

    def test_eager_links_are_the_oldest_of_both_kinds(self, town: Town) -> None:
        (node,) = town.settle(1, mesh_below=1, mesh_again_at=0)
        guests = [Stranger(town, node).introduce() for _ in range(limits.GOSSIP_LINKS + 3)]
        eager = [link.id for link in node.machine.topology.eager]
        assert eager == [guest.link for guest in guests[: limits.GOSSIP_LINKS]]
        lazy = [link.id for link in node.machine.topology.lazy]
        assert lazy == [guest.link for guest in guests[limits.GOSSIP_LINKS :]]


class TestRemembering:
    def test_proved_peers_are_kept_for_the_next_start(self, town: Town) -> None:
        one, other = town.settle(2)
        town.run(2 * limits.HEARTBEAT_INTERVAL_MS)
        assert other.kept
        fresh = type(other.machine)(
            Settings(network=town.network, key=other.key, seed=bytes(32), port=1), other.view
        )
        effects = fresh.step(town.now_ms, Started(other.kept))
        effects += fresh.step(town.now_ms, TimerFired())
        assert Dial(one.address) in effects
        assert not any(isinstance(effect, KeepPeers) for effect in effects)

    def test_a_failed_dial_of_a_stranger_is_no_trouble(self, town: Town) -> None:
        (node,) = town.settle(1)
        node.step(DialFailed(make_address("10.1.1.1", 1), "gone"))
        assert not node.heard(PeerReady)


class TestAddresses:
    @pytest.mark.parametrize(
        ("host", "text"),
        [("10.0.0.7", "10.0.0.7:8333"), ("fd00::7", "[fd00::7]:8333")],
    )
    def test_text_and_back(self, host: str, text: str) -> None:
        address = make_address(host, 8333)
        assert str(address) == format_address(address) == text
        assert host_of(address) == host
        assert len(address.ip) == 16

    @pytest.mark.parametrize(
        ("host", "is_private", "is_loopback"),
        [
            ("10.1.2.3", True, False),
            ("172.16.0.1", True, False),
            ("172.15.0.1", False, False),
            ("172.32.0.1", False, False),
            ("192.168.4.4", True, False),
            ("192.169.4.4", False, False),
            ("fd00::1", True, False),
            ("fe80::1", False, False),
            ("2001:db8::1", False, False),
            ("127.0.0.1", False, True),
            ("::1", False, True),
            ("93.184.0.1", False, False),
        ],
    )
    def test_kinds(self, host: str, is_private: bool, is_loopback: bool) -> None:
        address = make_address(host, 1)
        assert address.is_private == is_private
        assert address.is_loopback == is_loopback

    def test_groups(self) -> None:
        def group(host: str) -> bytes:
            return make_address(host, 1).group

        assert group("93.184.0.1") == group("93.184.255.9")
        assert group("93.184.0.1") != group("93.185.0.1")
        assert group("2001:db8::1") == group("2001:db8:ffff::1")
        assert group("2001:db8::1") != group("2001:db9::1")

    def test_what_is_no_address_is_refused(self) -> None:
        with pytest.raises(ValueError, match="example"):
            make_address("example.org", 1)

    def test_addresses_are_ordered(self) -> None:
        assert Address(bytes(16), 1) < Address(bytes(16), 2)
