"""How a node comes to the best chain, whoever stands in its way."""

from __future__ import annotations

import pytest

from chaindeck.ledger.types import Block
from chaindeck.protocol import limits
from chaindeck.protocol.events import PeerMisbehaved, SyncMoved
from chaindeck.protocol.inputs import PeerAdded
from chaindeck.protocol.kinds import SyncKind
from chaindeck.protocol.messages import (
    AskBlocks,
    AskCompact,
    AskHeaders,
    BlockBody,
    BlocksUnknown,
    Headers,
    Type,
)
from tests.ledger.forge import BOB
from tests.protocol.stranger import Stranger
from tests.protocol.test_payment_relay import payment
from tests.protocol.town import Resident, Town


@pytest.fixture
def town() -> Town:
    return Town()


def chain(town: Town, length: int, *, took_ms: int = 10_000) -> list[Block]:
    """A chain on the genesis block that no node of the town has."""
    other = Town(town.network)
    other.now_ms += 3_600_000
    (elsewhere,) = other.settle(1)
    return [elsewhere.mine(took_ms=took_ms) for _ in range(length)]


def tell_headers(guest: Stranger, blocks: list[Block]) -> None:
    guest.say(Headers(tuple((block.header, block.seal) for block in blocks)))


def serve(town: Town, guest: Stranger, blocks: list[Block], duration_ms: int = 500) -> None:
    """Answer what the node asks for, for a while."""
    by_hash = {block.hash: block for block in blocks}
    for _ in range(duration_ms // 10):
        town.run(10)
        asked = [item for message in guest.all(AskBlocks) for item in message.hashes]
        asked += [message.hash for message in guest.all(AskCompact)]
        for block_hash in asked:
            if block_hash not in guest.served:
                guest.served.add(block_hash)
                guest.say(BlockBody(by_hash[block_hash].raw))


def prune(node: Resident, below: int) -> None:
    """Give up the bodies of a node below a height."""
    keeper = node.standing.keeper
    for block_hash in keeper.active[1:below]:
        del keeper.bodies[block_hash]


def serve_known(guest: Stranger, blocks: list[Block]) -> None:
    """Give what the node asked for of some blocks, each once."""
    by_hash = {block.hash: block for block in blocks}
    asked = [item for message in guest.all(AskBlocks) for item in message.hashes]
    asked += [message.hash for message in guest.all(AskCompact)]
    for block_hash in asked:
        if block_hash in by_hash and block_hash not in guest.served:
            guest.served.add(block_hash)
            guest.say(BlockBody(by_hash[block_hash].raw))


def deny_unknown(guest: Stranger, blocks: list[Block]) -> None:
    """Say of what the node asked for that is none of some blocks that it is not here."""
    known = {block.hash for block in blocks}
    for asked in guest.all(AskBlocks):
        guest.say(BlocksUnknown(tuple(item for item in asked.hashes if item not in known)))


class TestCatchingUp:
    def test_a_new_node_gets_the_whole_chain_from_several_peers(self, town: Town) -> None:
        one, other = town.settle(2)
        town.run(1_000)
        for _ in range(300):
            one.mine()
        town.run(2_000)
        (new,) = town.settle(1, statics="all")
        town.run_until(lambda: new.tip == one.tip)
        served = [bodies_sent(node, new) for node in (one, other)]
        assert min(served) > 30, "both had a part in it"
        states = [event.state for event in new.heard(SyncMoved)]
        town.run(1_000)
        assert states[0] == "headers"
        assert "bodies" in states
        assert new.heard(SyncMoved)[-1].state == "current"

    def test_more_headers_than_fit_in_one_message_are_asked_for_in_turn(
        self, town: Town, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "MAX_HEADERS", 50)
        one, other = town.settle(2, statics="none")
        for _ in range(180):
            one.mine()
        other.step(PeerAdded(one.address))
        town.run_until(lambda: other.tip == one.tip)
        assert other.state.tip.header.height == 180

    def test_a_node_syncs_from_whom_it_is_linked_with_after_a_partition(self, town: Town) -> None:
        one, other = town.settle(2)
        town.run(1_000)
        town.cut(one, other)
        for _ in range(5):
            one.mine()
        other.mine()
        town.run(90_000)
        town.mend()
        town.run_until(lambda: other.tip == one.tip, 400_000)

    def test_a_branch_with_less_work_is_given_up_for_one_with_more(self, town: Town) -> None:
        (node,) = town.settle(1)
        for _ in range(3):
            node.mine(took_ms=11_000)
        guest = Stranger(town, node, work=10).introduce()
        blocks = chain(town, 5)
        assert guest.all(AskHeaders)
        tell_headers(guest, blocks)
        serve(town, guest, blocks)
        assert node.tip == blocks[-1].hash

    def test_a_node_that_starts_anew_follows_any_chain_until_it_is_current(
        self, town: Town
    ) -> None:
        nodes = town.settle(2)
        assert [node.state.is_syncing for node in nodes] == [True, True]
        town.run(2_000)
        assert [node.state.is_syncing for node in nodes] == [False, False]

    def test_a_node_alone_is_current_after_half_a_minute(self, town: Town) -> None:
        (node,) = town.settle(1)
        town.run(limits.ALONE_AFTER_MS - 1)
        assert node.state.is_syncing
        town.run(10)
        assert not node.state.is_syncing


def bodies_sent(node: Resident, receiver: Resident) -> int:
    """How many bodies a node has sent to another."""
    link = node.machine.core.by_key[receiver.machine.node_key].id
    return sum(
        to == link and data[4] == Type.CHAIN_SYNC and data[13] == SyncKind.BLOCK_BODY
        for to, data in node.sent
    )


class TestBodies:
    def test_a_peer_that_keeps_all_others_waiting_is_passed_over_and_then_left(
        self, town: Town
    ) -> None:
        (node,) = town.settle(1)
        blocks = chain(town, 40)
        work = 80
        stalling = Stranger(town, node, work=work, height=40).introduce()
        tell_headers(stalling, blocks)
        town.run(50)
        assert stalling.all(AskBlocks)
        good = Stranger(town, node, work=work, height=40).introduce()
        tell_headers(good, blocks)
        for _ in range(30):
            serve(town, good, blocks, 1_000)
        assert node.tip == blocks[-1].hash
        tell_headers(stalling, [node.assemble(took_ms=20_000)])
        town.run_until(lambda: stalling.farewell is not None, 300_000)
        assert stalling.farewell == "peer-stalling"
        assert good.farewell is None

    def test_bodies_before_their_turn_are_kept_as_far_as_there_is_room(
        self, town: Town, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "MAX_BODIES_BUFFERED_BYTES", 2_000)
        (node,) = town.settle(1)
        blocks = chain(town, 30)
        guests = [Stranger(town, node, work=60, height=30).introduce() for _ in range(3)]
        for guest in guests:
            tell_headers(guest, blocks)
        by_hash = {block.hash: block for block in blocks}
        most = 0
        for _ in range(40):
            town.run(20)
            for guest in guests:
                asked = [item for message in guest.all(AskBlocks) for item in message.hashes]
                guest.heard.clear()
                for block_hash in reversed(asked):
                    guest.say(BlockBody(by_hash[block_hash].raw))
                    most = max(most, node.machine.sync._arrived_bytes)
        assert 1_000 < most <= 2_000
        assert node.tip == blocks[-1].hash

    def test_a_body_that_the_peer_does_not_have_is_asked_of_another(self, town: Town) -> None:
        (node,) = town.settle(1)
        blocks = chain(town, 3)
        poor = Stranger(town, node, work=6, height=3).introduce()
        tell_headers(poor, blocks)
        town.run(50)
        rich = Stranger(town, node, work=6, height=3).introduce()
        asked = poor.last(AskBlocks)
        assert asked is not None
        poor.say(BlocksUnknown(asked.hashes))
        serve(town, rich, blocks)
        assert node.tip == blocks[-1].hash

    def test_a_denied_body_says_nothing_about_other_branches(self, town: Town) -> None:
        (node,) = town.settle(1)
        withheld, shown = chain(town, 8), chain(town, 4, took_ms=11_000)
        honest = Stranger(town, node, work=8, height=4).introduce()
        tell_headers(honest, shown)
        town.run(20)
        miser = Stranger(town, node, work=16, height=8).introduce()
        tell_headers(miser, withheld)
        for guest in (honest, miser) * 20:
            town.run(50)
            deny_unknown(guest, shown)
            serve_known(honest, shown)
        assert node.tip == shown[-1].hash

    def test_a_block_found_while_others_keep_back_a_better_branch_is_told_at_once(
        self, town: Town
    ) -> None:
        node, friend = town.settle(2)
        town.run(1_000)
        node.mine()
        town.run(1_000)
        for took_ms in (10_000, 11_000):
            miser = Stranger(town, node, work=80, height=40).introduce()
            tell_headers(miser, chain(town, 40, took_ms=took_ms))
            town.run(20)
        assert node.machine.sync.state == "bodies"
        node.mine()
        town.run(20)
        assert friend.tip == node.tip

    @pytest.mark.parametrize("count", [1, 5, 40])
    def test_what_is_shown_beside_a_branch_that_is_kept_back_is_fetched_meanwhile(
        self, town: Town, count: int
    ) -> None:
        (node,) = town.settle(1)
        withheld, shown = chain(town, 60), chain(town, count, took_ms=11_000)
        miser = Stranger(town, node, work=120, height=60).introduce()
        tell_headers(miser, withheld)
        town.run(20)
        assert miser.all(AskBlocks)
        honest = Stranger(town, node, work=2 * count, height=count).introduce()
        tell_headers(honest, shown)
        for _ in range(20):
            town.run(10)
            deny_unknown(honest, shown)
            serve_known(honest, shown)
        assert node.tip == shown[-1].hash
        assert not node.machine.sync._requests.keys() & {block.hash for block in shown}
        # And it does not pay the miser: its branch is given up as before.
        town.run_until(lambda: not node.machine.sync._requests, 60_000)

    def test_no_more_is_asked_for_beside_the_way_than_may_be_judged_at_once(
        self, town: Town
    ) -> None:
        (node,) = town.settle(1)
        miser = Stranger(town, node, work=120, height=60).introduce()
        tell_headers(miser, chain(town, 60))
        town.run(20)
        branches = [chain(town, 12, took_ms=took_ms) for took_ms in (11_000, 12_000, 13_000)]
        guests = [Stranger(town, node, work=24, height=12).introduce() for _ in branches]
        most = 0
        for guest, blocks in zip(guests, branches, strict=True):
            tell_headers(guest, blocks)
        for _ in range(30):
            town.run(10)
            requested = set(node.machine.sync._requests)
            for guest, blocks in zip(guests, branches, strict=True):
                deny_unknown(guest, blocks)
                most = max(most, len(requested & {b.hash for each in branches for b in each}))
                serve_known(guest, blocks)
        assert most == limits.MAX_BLOCKS_JUDGED
        assert node.tip in {blocks[-1].hash for blocks in branches}

    def test_who_denies_what_it_showed_is_not_asked_for_it_without_end(self, town: Town) -> None:
        (node,) = town.settle(1)
        withheld, shown = chain(town, 60), chain(town, 3, took_ms=11_000)
        miser = Stranger(town, node, work=120, height=60).introduce()
        tell_headers(miser, withheld)
        liar = Stranger(town, node, work=6, height=3).introduce()
        tell_headers(liar, shown)
        asked = 0
        for _ in range(20):
            town.run(100)
            for message in liar.all(AskBlocks):
                asked += 1
                liar.say(BlocksUnknown(message.hashes))
            liar.heard.clear()
        assert 1 <= asked <= 3

    def test_one_body_of_a_branch_that_is_kept_back_silences_nobody_for_long(
        self, town: Town
    ) -> None:
        node, friend = town.settle(2)
        town.run(1_000)
        node.mine()
        town.run(1_000)
        blocks = chain(town, 40, took_ms=11_000)
        miser = Stranger(town, node, work=80, height=40).introduce()
        tell_headers(miser, blocks)
        town.run(20)
        miser.say(BlockBody(blocks[0].raw))
        town.run(10)
        assert node.machine.sync.is_far_behind
        node.mine()
        town.run(limits.STALL_FIRST_MS // 2)
        assert friend.tip != node.tip
        # Bodies further up, which lead nowhere yet, make no difference.
        miser.say(BlockBody(blocks[30].raw))
        town.run(limits.STALL_FIRST_MS // 2 + limits.TELL_TIP_INTERVAL_MS)
        assert friend.tip == node.tip

    def test_bodies_in_the_wrong_order_are_connected_in_the_right_one(self, town: Town) -> None:
        (node,) = town.settle(1)
        blocks = chain(town, 5)
        guest = Stranger(town, node, work=5, height=5).introduce()
        tell_headers(guest, blocks)
        town.run(20)
        for block in reversed(blocks):
            guest.say(BlockBody(block.raw))
        town.run(50)
        assert node.tip == blocks[-1].hash
        assert not node.machine.sync._arrived
        assert node.machine.sync._arrived_bytes == 0

    def test_what_nobody_gave_is_asked_for_again_after_a_while_without_any_news(
        self, town: Town
    ) -> None:
        (node,) = town.settle(1)
        blocks = chain(town, 3)
        guest = Stranger(town, node, work=6, height=3).introduce()
        tell_headers(guest, blocks)
        town.run(50)
        asked = guest.last(AskBlocks)
        assert asked is not None
        guest.say(BlocksUnknown(asked.hashes))
        town.run(1_000)
        guest.leave()
        town.run(1_000)
        whole = Stranger(town, node, work=6, height=3).introduce()
        tell_headers(whole, blocks)
        serve(town, whole, blocks)
        assert node.tip != blocks[-1].hash, "the branch is left alone"
        serve(town, whole, blocks, limits.UNAVAILABLE_MS)
        assert node.tip == blocks[-1].hash

    def test_a_body_that_is_missing_below_others_that_came_is_asked_for(self, town: Town) -> None:
        (node,) = town.settle(1)
        blocks = chain(town, 6)
        poor = Stranger(town, node, work=10, height=5).introduce()
        tell_headers(poor, blocks[:5])
        town.run(20)
        poor.say(BlocksUnknown((blocks[0].hash,)))
        for block in blocks[1:5]:
            poor.say(BlockBody(block.raw))
        town.run(20)
        poor.leave()
        whole = Stranger(town, node, work=12, height=6).introduce()
        tell_headers(whole, blocks)
        serve(town, whole, blocks)
        assert node.tip == blocks[-1].hash

    def test_a_newcomer_among_pruned_nodes_syncs_from_the_one_that_is_whole(
        self, town: Town
    ) -> None:
        nodes = town.settle(3)
        town.run(1_000)
        for _ in range(60):
            nodes[0].mine()
        town.run_until(lambda: len({node.tip for node in nodes}) == 1)
        for pruned in nodes[:2]:
            prune(pruned, 40)
        (new,) = town.settle(1, statics="all")
        town.run_until(lambda: new.tip == nodes[0].tip)
        assert not new.heard(PeerMisbehaved)
        assert len(new.machine.peers) == 3

    def test_a_newcomer_among_pruned_nodes_alone_waits_for_one_that_is_whole(
        self, town: Town
    ) -> None:
        whole, pruned = town.settle(2)
        town.run(1_000)
        for _ in range(60):
            whole.mine()
        town.run_until(lambda: pruned.tip == whole.tip)
        prune(pruned, 40)
        town.kill(whole)
        (new,) = town.settle(1, static_peers=(pruned.address,))
        town.run(120_000)
        assert new.state.tip.header.height == 0
        assert len(new.machine.peers) == 1
        whole.is_up = True
        whole.step(PeerAdded(new.address))
        town.run_until(lambda: new.tip == whole.tip, 200_000)

    def test_an_unasked_body_of_an_unknown_block_raises_the_score(self, town: Town) -> None:
        (node,) = town.settle(1)
        guest = Stranger(town, node).introduce()
        guest.say(BlockBody(chain(town, 1)[0].raw))
        town.run(20)
        assert node.state.tip.header.height == 0
        assert node.machine.peers[0].score.at(town.now_ms) > 0

    def test_a_block_that_breaks_a_rule_bars_its_sender_and_is_not_passed_on(
        self, town: Town
    ) -> None:
        (node,) = town.settle(1)
        guest, watcher = (Stranger(town, node).introduce() for _ in range(2))
        twice = payment(town, signer=BOB)
        block = node.assemble(twice)
        guest.say(Headers(((block.header, b""),)))
        town.run(20)
        guest.say(BlockBody(block.raw))
        town.run(50)
        assert guest.farewell == "peer-block"
        assert node.state.tip.header.height == 0
        assert watcher.farewell is None

    def test_blocks_are_served_as_fast_as_they_are_taken(self, town: Town) -> None:
        (node,) = town.settle(1)
        blocks = [node.mine() for _ in range(4)]
        guest = Stranger(town, node).introduce()
        link = node.machine.peers[0]
        link.pending_bytes = limits.SERVE_BELOW_BYTES
        guest.say(AskBlocks(tuple(block.hash for block in blocks)))
        assert not guest.all(BlockBody)
        link.pending_bytes = 0
        guest.say(AskBlocks((bytes(32),)))
        town.run(100)
        assert [body.raw for body in guest.all(BlockBody)] == [block.raw for block in blocks]
        assert guest.last(BlocksUnknown) == BlocksUnknown((bytes(32),))

    def test_a_peer_may_wait_for_so_many_bodies(self, town: Town) -> None:
        (node,) = town.settle(1)
        block = node.mine()
        guest = Stranger(town, node).introduce()
        link = node.machine.peers[0]
        link.pending_bytes = limits.SERVE_BELOW_BYTES
        for _ in range(limits.MAX_BLOCKS_QUEUED // 16):
            guest.say(AskBlocks((block.hash,) * 16))
        assert len(link.queued_blocks) == limits.MAX_BLOCKS_QUEUED
        guest.say(AskBlocks((block.hash,)))
        assert len(link.queued_blocks) == limits.MAX_BLOCKS_QUEUED
        assert link.score.at(town.now_ms) > 0
