"""How nodes find each other: datagrams, asking, telling of newcomers."""

from __future__ import annotations

import pytest

from chaindeck.protocol import limits
from chaindeck.protocol.datagrams import Kind, encode_announcement, read_announcement
from chaindeck.protocol.effects import SendDatagram
from chaindeck.protocol.events import DatagramsRefused, NobodyFound, PeerReady
from chaindeck.protocol.inputs import DatagramReceived
from chaindeck.protocol.messages import AskPeers, GivePeers, KnownPeer
from chaindeck.protocol.types import make_address
from tests.ledger.forge import ALICE, dev_network
from tests.protocol.stranger import Stranger
from tests.protocol.town import START_MS, Resident, Town


@pytest.fixture
def town() -> Town:
    return Town()


def announcement(town: Town, *, kind: Kind = Kind.ASK, age_ms: int = 0, key=ALICE) -> bytes:
    return encode_announcement(
        town.network.id, key, kind=kind, time_ms=town.now_ms - age_ms, height=0, port=7_000
    )


SOURCE = make_address("10.3.0.1", 50_000)


def hear(node: Resident, data: bytes) -> list[SendDatagram]:
    effects = node.machine.step(node.town.now_ms, DatagramReceived(SOURCE, data))
    return [effect for effect in effects if isinstance(effect, SendDatagram)]


class TestDatagrams:
    def test_nodes_that_know_nobody_find_each_other(self, town: Town) -> None:
        nodes = town.settle(5, statics="none", is_discovering=True)
        town.run(10_000)
        assert [len(node.machine.peers) for node in nodes] == [4] * 5
        assert "discovery" in {event.source for event in nodes[0].heard(PeerReady)}

    def test_a_question_is_answered_with_as_many_bytes(self, town: Town) -> None:
        (node,) = town.settle(1, is_discovering=True)
        question = announcement(town)
        (answer,) = hear(node, question)
        assert answer.target == SOURCE
        assert len(answer.data) == len(question)
        assert read_announcement(town.network.id, answer.data).kind is Kind.ANSWER
        assert node.machine.topology.book.get(make_address("10.3.0.1", 7_000)) is not None

    def test_an_answer_is_not_answered(self, town: Town) -> None:
        (node,) = town.settle(1, is_discovering=True)
        assert not hear(node, announcement(town, kind=Kind.ANSWER))

    @pytest.mark.parametrize("age_ms", [limits.ANNOUNCEMENT_AGE_MS + 1, -60_001])
    def test_one_from_another_time_is_taken_for_a_replay(self, town: Town, age_ms: int) -> None:
        (node,) = town.settle(1, is_discovering=True)
        assert not hear(node, announcement(town, age_ms=age_ms))
        assert node.machine.discovery.refused == {"announcement-replay": 1}

    def test_the_same_again_is_a_replay(self, town: Town) -> None:
        (node,) = town.settle(1, is_discovering=True)
        question = announcement(town)
        assert hear(node, question)
        assert not hear(node, question)
        assert node.machine.discovery.refused == {"announcement-replay": 1}

    def test_one_that_is_back_need_not_wait(self, town: Town) -> None:
        one, other = town.settle(2, is_discovering=True)
        town.run(5_000)
        town.cut(one, other)
        town.run(200_000)
        assert not one.machine.peers
        assert all(known.failures > 3 for known in one.machine.topology.book)
        town.mend()
        town.run(2 * limits.ANNOUNCE_INTERVAL_MS)
        assert len(one.machine.peers) == len(other.machine.peers) == 1

    def test_a_forged_one_is_left_alone(self, town: Town) -> None:
        (node,) = town.settle(1, is_discovering=True)
        forged = bytearray(announcement(town))
        forged[-1] ^= 1
        assert not hear(node, bytes(forged))
        assert not hear(node, b"noise")
        assert not hear(
            node,
            encode_announcement(
                dev_network(name="other").id,
                ALICE,
                kind=Kind.ASK,
                time_ms=START_MS,
                height=0,
                port=1,
            ),
        )
        refused = {"peer-signature": 1, "message-malformed": 1, "frame-magic": 1}
        assert node.machine.discovery.refused == refused
        assert not len(node.machine.topology.book)
        town.run(limits.REFUSED_TOLD_MS)
        assert node.heard(DatagramsRefused) == [DatagramsRefused(refused)]
        town.run(2 * limits.REFUSED_TOLD_MS)
        assert len(node.heard(DatagramsRefused)) == 1

    def test_its_own_voice_tells_a_node_its_own_address(self, town: Town) -> None:
        (node,) = town.settle(1, is_discovering=True)
        hear(node, announcement(town, key=node.key))
        assert not node.machine.topology.book.learn(make_address("10.3.0.1", 7_000), "static", 1)

    def test_questions_beyond_the_rate_are_not_answered(self, town: Town) -> None:
        (node,) = town.settle(1, is_discovering=True)
        answered = 0
        for number in range(20):
            town.now_ms += 1
            key = type(ALICE)((900 + number).to_bytes(32, "big"))
            answered += len(hear(node, announcement(town, key=key)))
        assert answered == limits.ANSWER_RATE.burst

    def test_only_so_many_announcers_are_remembered(
        self, town: Town, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "MAX_ANNOUNCERS", 3)
        (node,) = town.settle(1, is_discovering=True)
        for number in range(5):
            key = type(ALICE)((900 + number).to_bytes(32, "big"))
            hear(node, announcement(town, key=key))
        assert len(node.machine.discovery._heard) == 3

    def test_a_node_that_does_not_discover_neither_speaks_nor_listens(self, town: Town) -> None:
        (node,) = town.settle(1)
        assert not hear(node, announcement(town))
        assert not len(node.machine.topology.book)


class TestAsking:
    def test_a_node_learns_of_others_from_whom_it_dialled(self, town: Town) -> None:
        nodes = town.settle(4)
        town.run(5_000)
        assert [len(node.machine.peers) for node in nodes] == [3] * 4

    def test_those_linked_before_are_told_of_a_newcomer(self, town: Town) -> None:
        (node,) = town.settle(1)
        watcher = Stranger(town, node).introduce()
        Stranger(town, node, port=9_000, ip="10.4.0.1").introduce()
        given = watcher.last(GivePeers)
        assert given is not None
        assert given.peers[0].address == make_address("10.4.0.1", 9_000)

    def test_asking_too_often_raises_the_score(self, town: Town) -> None:
        (node,) = town.settle(1)
        guest = Stranger(town, node).introduce()
        guest.say(AskPeers(), AskPeers(), AskPeers())
        town.run(20)
        assert len(guest.all(GivePeers)) == limits.ASK_PEERS_RATE.burst
        assert node.machine.peers[0].score.at(town.now_ms) > 0

    def test_addresses_beyond_the_rate_are_not_learned(self, town: Town) -> None:
        (node,) = town.settle(1)
        guest = Stranger(town, node).introduce()
        peers = tuple(
            KnownPeer(make_address(f"93.0.{number // 250}.{number % 250}", 1), START_MS // 1_000, 1)
            for number in range(int(limits.GIVE_PEERS_RATE.burst) + 1)
        )
        guest.say(GivePeers(peers))
        assert not len(node.machine.topology.book)
        guest.say(GivePeers(peers[:-1]))
        assert len(node.machine.topology.book) == len(peers) - 1

    def test_loopback_and_stale_addresses_are_no_news(self, town: Town) -> None:
        (node,) = town.settle(1)
        guest = Stranger(town, node).introduce()
        now_s = town.now_ms // 1_000
        guest.say(
            GivePeers(
                (
                    KnownPeer(make_address("127.0.0.1", 8_333), now_s, 1),
                    KnownPeer(make_address("93.0.0.1", 1), now_s - limits.PEER_STALE_S - 1, 1),
                )
            )
        )
        assert not len(node.machine.topology.book)

    def test_nobody_is_told_of_himself(self, town: Town) -> None:
        (node,) = town.settle(1)
        guest = Stranger(town, node, port=9_000, ip="10.4.0.1").introduce()
        guest.say(AskPeers())
        town.run(20)
        assert guest.last(GivePeers) == GivePeers(())

    def test_an_address_travels_unasked_three_hops_at_most(self, town: Town) -> None:
        (node,) = town.settle(1)
        guest, watcher = (Stranger(town, node).introduce() for _ in range(2))
        now_s = town.now_ms // 1_000
        for number, hops in ((1, limits.MAX_PASSED_HOPS - 1), (2, limits.MAX_PASSED_HOPS)):
            guest.say(GivePeers((KnownPeer(make_address(f"93.0.0.{number}", 1), now_s, hops),)))
        town.run(20)
        given = [peer.address for message in watcher.all(GivePeers) for peer in message.peers]
        assert given == [make_address("93.0.0.1", 1)]


class TestAlone:
    def test_a_node_that_finds_nobody_says_so_once(self, town: Town) -> None:
        (node,) = town.settle(1, statics="none", static_peers=(make_address("10.8.8.8", 1),))
        town.run(limits.ALONE_AFTER_MS - 1)
        assert not node.heard(NobodyFound)
        town.run(3 * limits.ALONE_AFTER_MS)
        assert node.heard(NobodyFound) == [NobodyFound({"static": 1})]
        assert node.machine.topology.is_alone
        Stranger(town, node).introduce()
        assert not node.machine.topology.is_alone
