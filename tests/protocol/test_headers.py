"""Headers: who is asked, what is believed, and what a branch of little work costs."""

from __future__ import annotations

import pytest

from chaindeck.ledger.state import run_here
from chaindeck.protocol import limits
from chaindeck.protocol.compact import make_compact
from chaindeck.protocol.events import PeerMisbehaved
from chaindeck.protocol.inputs import ClockSet
from chaindeck.protocol.messages import (
    AskHeaders,
    Headers,
)
from tests.ledger.forge import remake
from tests.protocol.stranger import Stranger
from tests.protocol.test_sync import chain, serve, tell_headers
from tests.protocol.town import START_MS, Town


@pytest.fixture
def town() -> Town:
    return Town()


class TestHeaders:
    def test_headers_that_do_not_join_bar_their_sender(self, town: Town) -> None:
        (node,) = town.settle(1)
        guest = Stranger(town, node).introduce()
        first, second, third = chain(town, 3)
        tell_headers(guest, [first, third])
        town.run(20)
        assert guest.farewell == "peer-headers"
        assert second.hash not in node.state.tree

    def test_a_header_without_its_work_bars_its_sender(self, town: Town) -> None:
        (node,) = town.settle(1)
        guest = Stranger(town, node).introduce()
        block = chain(town, 1)[0]
        guest.say(Headers(((remake(block.header, target_bits=0x1D00FFFF), b""),)))
        town.run(20)
        assert guest.farewell == "peer-headers"
        assert node.heard(PeerMisbehaved)[0].is_barred

    def test_headers_from_nowhere_are_asked_about_and_then_counted(self, town: Town) -> None:
        (node,) = town.settle(1)
        guest = Stranger(town, node).introduce()
        blocks = chain(town, 3)
        tell_headers(guest, blocks[2:])
        town.run(20)
        assert len(guest.all(AskHeaders)) == 1
        link = node.machine.peers[0]
        assert link.score.at(town.now_ms) == pytest.approx(limits.POINTS_UNCONNECTED, rel=0.01)
        for _ in range(600):
            tell_headers(guest, blocks[2:])
        town.run(20)
        assert guest.farewell == "peer-flood"

    def test_an_answer_from_nowhere_ends_the_asking(self, town: Town) -> None:
        (node,) = town.settle(1)
        guest = Stranger(town, node, work=9).introduce()
        tell_headers(guest, chain(town, 3)[2:])
        town.run(50)
        assert len(guest.all(AskHeaders)) == 1
        assert node.machine.peers[0].work == 0

    def test_a_peer_that_promised_more_and_shows_nothing_is_believed_no_longer(
        self, town: Town
    ) -> None:
        (node,) = town.settle(1)
        guest = Stranger(town, node, work=1_000, height=1_000).introduce()
        assert guest.all(AskHeaders)
        guest.say(Headers(()))
        town.run(5_000)
        assert len(guest.all(AskHeaders)) == 1
        assert node.machine.sync.state == "current"

    def test_a_peer_that_never_answers_for_headers_is_left(self, town: Town) -> None:
        (node,) = town.settle(1)
        guest = Stranger(town, node, work=1_000).introduce()
        town.run(limits.HEADERS_TIMEOUT_MS - 100)
        assert guest.farewell is None
        town.run(200)
        assert guest.farewell == "peer-stalling"

    def test_a_block_ahead_of_the_clock_is_held_and_taken_in_its_time(self, town: Town) -> None:
        (node,) = town.settle(1)
        guest = Stranger(town, node).introduce()
        ahead = START_MS + 40_000 - town.network.genesis.time_ms
        blocks = chain(town, 1, took_ms=ahead)
        guest.say(make_compact(blocks[0], bytes(8)))
        town.run(1_000)
        assert blocks[0].hash not in node.state.tree
        assert guest.farewell is None
        town.run(12_000)
        serve(town, guest, blocks)
        assert blocks[0].hash in node.state.tree

    def test_blocks_on_top_of_one_that_was_held_are_asked_for_without_any_news(
        self, town: Town
    ) -> None:
        (node,) = town.settle(1)
        guest = Stranger(town, node).introduce()
        other = Town(town.network)
        other.now_ms += 3_600_000
        (elsewhere,) = other.settle(1)
        ahead_ms = START_MS + 40_000 - town.network.genesis.time_ms
        blocks = [elsewhere.mine(took_ms=took_ms) for took_ms in (ahead_ms, 1_000, 1_000)]
        tell_headers(guest, blocks)
        town.run(9_000)
        assert blocks[0].hash not in node.state.tree
        for _ in range(6):
            guest.heard.clear()
            town.run(1_000)
            if guest.all(AskHeaders):
                tell_headers(guest, blocks)
            serve(town, guest, blocks)
        assert node.tip == blocks[-1].hash
        assert guest.farewell is None

    def test_a_held_header_waits_on_when_the_clock_was_set_back(self, town: Town) -> None:
        (node,) = town.settle(1)
        guest = Stranger(town, node).introduce()
        ahead = START_MS + 40_000 - town.network.genesis.time_ms
        blocks = chain(town, 1, took_ms=ahead)
        tell_headers(guest, blocks)
        node.step(ClockSet(-20_000))
        town.run(15_000)
        assert blocks[0].hash not in node.state.tree
        town.run(30_000)
        assert blocks[0].hash in node.state.tree

    def test_of_held_headers_only_so_many_are_kept(
        self, town: Town, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "HELD_BLOCKS", 2)
        (node,) = town.settle(1)
        guest = Stranger(town, node).introduce()
        ahead = START_MS + 50_000 - town.network.genesis.time_ms
        for number in range(4):
            tell_headers(guest, chain(town, 1, took_ms=ahead + number))
        assert len(node.machine.sync.headers._held) == 2

    def test_headers_are_told_from_where_the_asker_stands(self, town: Town) -> None:
        (node,) = town.settle(1)
        blocks = [node.mine() for _ in range(5)]
        guest = Stranger(town, node).introduce()
        guest.say(AskHeaders((bytes(32), blocks[2].hash, blocks[0].hash)))
        town.run(20)
        told = guest.last(Headers)
        assert told is not None
        assert [header.hash for header, _ in told.headers] == [blocks[3].hash, blocks[4].hash]
        guest.say(AskHeaders(()))
        town.run(20)
        assert len(guest.last(Headers).headers) == 5

    def test_a_branch_that_an_operator_gave_up_blames_nobody(self, town: Town) -> None:
        one, other = town.settle(2)
        town.run(1_000)
        blocks = [one.mine() for _ in range(2)]
        town.run(1_000)
        run_here(other.state.invalidate(blocks[0].hash, town.now_ms))
        other.tell()
        one.mine()
        town.run(60_000)
        assert other.state.tip.header.height == 0
        assert not other.heard(PeerMisbehaved)
        assert len(other.machine.peers) == 1

    def test_boasters_keep_nobody_from_those_who_have_something(self, town: Town) -> None:
        one, node = town.settle(2)
        town.run(1_000)
        for number in range(3):
            Stranger(town, node, number=7_000 + number, work=1 << 90, height=9).introduce()
        town.run(limits.HEADERS_PATIENCE_MS * 4)
        assert node.machine.sync.state == "current"
        town.cut(one, node)
        one.mine()
        town.run(500)
        town.mend()
        one.mine()
        town.run_until(lambda: node.tip == one.tip, limits.HEADERS_TIMEOUT_MS)

    def test_who_showed_work_is_asked_before_who_only_claims_it(self, town: Town) -> None:
        (node,) = town.settle(1)
        boasting = Stranger(town, node, work=1 << 90, height=9).introduce()
        town.run(limits.HEADERS_PATIENCE_MS + 100)
        blocks = chain(town, 3)
        honest = Stranger(town, node, work=6, height=3).introduce()
        assert len(boasting.all(AskHeaders)) == 1
        assert len(honest.all(AskHeaders)) == 1
        tell_headers(honest, blocks)
        serve(town, honest, blocks, 5_000)
        assert node.tip == blocks[-1].hash
        assert boasting.farewell is None
        town.run(limits.HEADERS_TIMEOUT_MS)
        assert boasting.farewell == "peer-stalling"


class TestLowWork:
    def test_a_branch_of_less_work_is_looked_at_and_not_kept(self, town: Town) -> None:
        (node,) = town.settle(1)
        for _ in range(6):
            node.mine()
        guest = Stranger(town, node).introduce()
        blocks = chain(town, 3, took_ms=12_000)
        tell_headers(guest, blocks)
        town.run(50)
        assert blocks[0].hash not in node.state.tree
        assert guest.farewell is None

    def test_one_that_turns_out_to_have_more_is_asked_for_again_and_kept(
        self, town: Town, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "MAX_HEADERS", 4)
        (node,) = town.settle(1)
        for _ in range(6):
            node.mine()
        guest = Stranger(town, node).introduce()
        blocks = chain(town, 10, took_ms=12_000)
        for part in (blocks[:4], blocks[4:8]):
            tell_headers(guest, part)
            town.run(20)
        assert blocks[0].hash not in node.state.tree
        assert guest.last(AskHeaders) == AskHeaders((town.network.block.hash,))
        for part in (blocks[:4], blocks[4:8], blocks[8:]):
            tell_headers(guest, part)
            town.run(20)
        serve(town, guest, blocks)
        assert node.tip == blocks[-1].hash

    def test_one_that_never_ends_is_given_up(
        self, town: Town, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "MAX_HEADERS", 2)
        monkeypatch.setattr(limits, "MAX_WALKED_HEADERS", 3)
        (node,) = town.settle(1)
        for _ in range(9):
            node.mine()
        guest = Stranger(town, node).introduce()
        blocks = chain(town, 8, took_ms=12_000)
        tell_headers(guest, blocks[:2])
        tell_headers(guest, blocks[2:4])
        town.run(20)
        assert guest.farewell == "peer-low-work"

    def test_a_walked_header_without_the_work_it_claims_bars_its_sender(self, town: Town) -> None:
        (node,) = town.settle(1)
        for _ in range(6):
            node.mine()
        guest = Stranger(town, node).introduce()
        block = chain(town, 1, took_ms=12_000)[0]
        guest.say(Headers(((remake(block.header, target_bits=0x03000001), b""),)))
        town.run(20)
        assert guest.farewell == "peer-headers"

    def test_a_network_may_demand_a_least_amount_of_work(self, town: Town) -> None:
        (node,) = town.settle(1, least_work=100)
        guest = Stranger(town, node, work=50).introduce()
        blocks = chain(town, 3)
        tell_headers(guest, blocks)
        town.run(50)
        assert blocks[0].hash not in node.state.tree
