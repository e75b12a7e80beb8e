"""How a new block travels: compact to some, as a header to others, completed by place."""

from __future__ import annotations

import pytest

from chaindeck.ledger.codec import block_transactions
from chaindeck.ledger.types import Block
from chaindeck.protocol import limits
from chaindeck.protocol.compact import make_compact
from chaindeck.protocol.inputs import PeerAdded
from chaindeck.protocol.messages import (
    AskBlocks,
    AskCompact,
    AskHeaders,
    AskMissing,
    BlockBody,
    BlocksUnknown,
    CompactBlock,
    Headers,
    Hello,
    Missing,
    Proof,
    Welcome,
)
from tests.ledger.forge import remake
from tests.protocol.stranger import Stranger
from tests.protocol.test_payment_relay import payment
from tests.protocol.town import Town

SALT = bytes(range(8))


@pytest.fixture
def town() -> Town:
    return Town()


def foreign_block(town: Town, *transactions: object, took_ms: int = 10_000) -> Block:
    """A block on the genesis block, made by somebody else."""
    return town.residents[0].assemble(*transactions, took_ms=took_ms)


class TestAnnouncing:
    def test_a_block_found_while_two_greet_each_other_is_told_when_they_have(
        self, town: Town
    ) -> None:
        (node,) = town.settle(1)
        guest = Stranger(town, node)
        guest.say(Hello(guest.introduction))
        town.run(20)
        block = node.mine()
        welcome = guest.last(Welcome)
        assert welcome is not None
        guest.say(Proof(guest.proof(welcome)))
        town.run(20)
        told = guest.last(Headers)
        assert told is not None
        assert [header.hash for header, _ in told.headers] == [block.hash]

    @pytest.mark.parametrize(("more", "is_told"), [(-1, False), (0, True), (1, False)])
    def test_a_tip_is_shown_to_whoever_would_not_ask_for_it(
        self, town: Town, more: int, is_told: bool
    ) -> None:
        (node,) = town.settle(1)
        block = node.mine()
        guest = Stranger(town, node, work=node.state.tip.work + more).introduce()
        shown = [header.hash for message in guest.all(Headers) for header, _ in message.headers]
        assert shown == [block.hash] * is_told

    def test_a_block_reaches_every_node_of_a_mesh_in_one_hop(self, town: Town) -> None:
        nodes = town.settle(6)
        town.run(2_000)
        block = nodes[2].mine()
        town.run(town.latency_ms)
        town.run(1)
        assert {node.tip for node in nodes} == {block.hash}

    def test_whoever_is_linked_with_its_source_only_hears_of_it(self, town: Town) -> None:
        nodes = town.settle(4)
        town.run(2_000)
        for node in nodes:
            node.sent.clear()
        block = nodes[0].mine()
        town.run(1_000)
        sent = [sum(block.header.raw in data for _, data in node.sent) for node in nodes]
        sizes = [sum(len(data) for _, data in node.sent) for node in nodes]
        assert sent[0] == 3
        assert max(sizes[1:]) < sizes[0] or sum(sent[1:]) <= 3

    def test_a_peer_that_sent_a_block_is_not_told_of_it(self, town: Town) -> None:
        (node,) = town.settle(1)
        guest = Stranger(town, node).introduce()
        block = foreign_block(town)
        guest.say(make_compact(block, SALT))
        town.run(50)
        assert node.tip == block.hash
        assert not guest.all(CompactBlock)
        assert not guest.all(Headers)

    def test_a_node_that_catches_up_announces_nothing_on_the_way(self, town: Town) -> None:
        (one,) = town.settle(1)
        for _ in range(20):
            one.mine()
        (other,) = town.settle(1, statics="none")
        watcher = Stranger(town, other).introduce()
        other.step(PeerAdded(one.address))
        town.run(5_000)
        assert other.tip == one.tip
        assert len(watcher.all(CompactBlock)) + len(watcher.all(Headers)) <= limits.FAR_BLOCKS


class TestFilling:
    def test_a_block_whose_payments_wait_here_needs_nothing_more(self, town: Town) -> None:
        (node,) = town.settle(1)
        guest = Stranger(town, node).introduce()
        node.pay(payment(town), payment(town, 1))
        block = foreign_block(town, payment(town), payment(town, 1))
        guest.say(make_compact(block, SALT))
        town.run(50)
        assert node.tip == block.hash
        assert not guest.all(AskMissing)

    def test_what_is_missing_is_asked_for_by_place(self, town: Town) -> None:
        (node,) = town.settle(1)
        guest = Stranger(town, node).introduce()
        node.pay(payment(town))
        block = foreign_block(town, payment(town), payment(town, 1))
        guest.say(make_compact(block, SALT))
        town.run(50)
        places = (
            1 + [item.id for item in block_transactions(block)][1:].index(payment(town, 1).id),
        )
        assert guest.last(AskMissing) == AskMissing(block.hash, places)
        guest.say(Missing(block.hash, (payment(town, 1).raw,)))
        town.run(50)
        assert node.tip == block.hash

    def test_a_wrong_number_of_missing_payments_ends_the_link(self, town: Town) -> None:
        (node,) = town.settle(1)
        guest = Stranger(town, node).introduce()
        block = foreign_block(town, payment(town))
        guest.say(make_compact(block, SALT))
        town.run(20)
        guest.say(Missing(block.hash, ()))
        town.run(20)
        assert guest.farewell == "peer-compact"

    def test_payments_that_do_not_make_the_block_lead_to_the_whole_of_it(self, town: Town) -> None:
        (node,) = town.settle(1)
        guest = Stranger(town, node).introduce()
        block = foreign_block(town, payment(town))
        guest.say(make_compact(block, SALT))
        town.run(20)
        guest.say(Missing(block.hash, (payment(town, 1).raw,)))
        town.run(20)
        assert guest.farewell is None, "two payments may share a short id"
        assert guest.last(AskBlocks) == AskBlocks((block.hash,))
        guest.say(BlockBody(block.raw))
        town.run(20)
        assert node.tip == block.hash

    def test_a_compact_block_that_counts_another_number_ends_the_link(self, town: Town) -> None:
        (node,) = town.settle(1)
        guest = Stranger(town, node).introduce()
        compact = make_compact(foreign_block(town), SALT)
        guest.say(CompactBlock(compact.header, b"", SALT, compact.coinbase, bytes(6)))
        town.run(20)
        assert guest.farewell == "peer-compact"

    def test_missing_payments_that_nobody_asked_for_raise_the_score(self, town: Town) -> None:
        (node,) = town.settle(1)
        guest = Stranger(town, node).introduce()
        guest.say(Missing(bytes(32), ()))
        assert node.machine.peers[0].score.at(town.now_ms) == limits.POINTS_UNASKED

    def test_a_peer_that_does_not_send_the_rest_is_passed_over(self, town: Town) -> None:
        (node,) = town.settle(1)
        slow, quick = (Stranger(town, node).introduce() for _ in range(2))
        block = foreign_block(town, payment(town))
        slow.say(make_compact(block, SALT))
        quick.say(Headers(((block.header, b""),)))
        town.run(2 * limits.STALL_FIRST_MS)
        asked = quick.all(AskBlocks) or quick.all(AskCompact)
        assert asked
        quick.say(BlockBody(block.raw))
        town.run(20)
        assert node.tip == block.hash

    def test_what_a_leaving_peer_owes_is_asked_of_another(self, town: Town) -> None:
        (node,) = town.settle(1)
        first, second = (Stranger(town, node).introduce() for _ in range(2))
        block = foreign_block(town, payment(town))
        first.say(make_compact(block, SALT))
        second.say(Headers(((block.header, b""),)))
        first.leave()
        town.run(20)
        assert second.all(AskCompact) or second.all(AskBlocks)

    def test_a_header_that_breaks_a_rule_bars_its_sender(self, town: Town) -> None:
        (node,) = town.settle(1)
        guest = Stranger(town, node).introduce()
        block = foreign_block(town)
        compact = make_compact(block, SALT)
        header = remake(block.header, target_bits=0x1D00FFFF)
        guest.say(CompactBlock(header, b"", SALT, compact.coinbase, b""))
        town.run(20)
        assert guest.farewell == "peer-headers"

    def test_a_block_on_an_unknown_one_leads_to_its_headers(self, town: Town) -> None:
        (node,) = town.settle(1)
        guest = Stranger(town, node).introduce()
        other = Town(town.network).settle(1)[0]
        first, second = other.mine(), other.mine()
        guest.say(make_compact(second, SALT))
        town.run(20)
        assert guest.all(AskHeaders)
        guest.say(Headers(tuple((block.header, b"") for block in (first, second))))
        town.run(20)
        for asked in guest.all(AskBlocks):
            for block_hash in asked.hashes:
                body = {first.hash: first, second.hash: second}[block_hash]
                guest.say(BlockBody(body.raw))
        town.run(20)
        assert node.tip == second.hash

    def test_a_body_that_is_not_its_headers_bars_the_sender_and_not_the_header(
        self, town: Town
    ) -> None:
        (node,) = town.settle(1)
        liar, honest = (Stranger(town, node).introduce() for _ in range(2))
        block = foreign_block(town, payment(town))
        mutated = block.raw[:-1] + bytes([block.raw[-1] ^ 1])
        liar.say(Headers(((block.header, b""),)))
        town.run(20)
        liar.say(BlockBody(mutated))
        town.run(20)
        assert liar.farewell == "peer-block"
        honest.say(make_compact(block, SALT))
        town.run(20)
        honest.say(Missing(block.hash, (payment(town).raw,)))
        town.run(20)
        assert node.tip == block.hash


class TestServing:
    def test_a_recent_block_is_sent_compact(self, town: Town) -> None:
        (node,) = town.settle(1)
        block = node.mine()
        guest = Stranger(town, node).introduce()
        guest.say(AskCompact(block.hash))
        town.run(20)
        compact = guest.last(CompactBlock)
        assert compact is not None
        assert compact.header == block.header

    def test_an_older_one_whole_and_an_unknown_one_not_at_all(self, town: Town) -> None:
        (node,) = town.settle(1)
        blocks = [node.mine() for _ in range(limits.RECENT_BLOCKS + 1)]
        guest = Stranger(town, node).introduce()
        guest.say(AskCompact(blocks[0].hash), AskMissing(bytes(32), (0,)))
        town.run(20)
        assert guest.last(BlockBody) == BlockBody(blocks[0].raw)
        assert guest.last(BlocksUnknown) == BlocksUnknown((bytes(32),))

    def test_transactions_are_sent_by_place(self, town: Town) -> None:
        (node,) = town.settle(1)
        block = node.mine(payment(town), payment(town, 1))
        guest = Stranger(town, node).introduce()
        guest.say(AskMissing(block.hash, (0, 2)))
        town.run(20)
        coinbase, _, last = block_transactions(block)
        assert guest.last(Missing) == Missing(block.hash, (coinbase.raw, last.raw))
        guest.say(AskMissing(block.hash, ()))
        town.run(20)
        assert guest.last(Missing) == Missing(block.hash, ())

    def test_a_place_beyond_the_end_ends_the_link(self, town: Town) -> None:
        (node,) = town.settle(1)
        block = node.mine()
        guest = Stranger(town, node).introduce()
        guest.say(AskMissing(block.hash, (1,)))
        town.run(20)
        assert guest.farewell == "peer-compact"

    def test_too_many_questions_are_left_alone(self, town: Town) -> None:
        (node,) = town.settle(1)
        block = node.mine()
        guest = Stranger(town, node).introduce()
        burst = int(limits.ASK_MISSING_RATE.burst)
        guest.say(*[AskCompact(block.hash)] * (burst + 3))
        town.run(20)
        assert len(guest.all(CompactBlock)) == burst
