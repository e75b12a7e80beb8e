"""Branches of as much work: nodes hear of each other's, whoever sealed first."""

from __future__ import annotations

import pytest

from chaindeck.protocol.events import PeerMisbehaved
from chaindeck.protocol.inputs import PeerAdded
from chaindeck.protocol.messages import AskBlocks, AskCompact, BlocksUnknown
from tests.protocol.stranger import Stranger
from tests.protocol.test_sync import chain, serve, tell_headers
from tests.protocol.town import Town


@pytest.fixture
def town() -> Town:
    return Town()


@pytest.mark.parametrize("depth", [1, 5])
def test_nodes_of_equal_work_that_first_meet_hear_of_each_others_blocks(
    town: Town, depth: int
) -> None:
    one, other = town.settle(2, statics="none")
    for number in range(depth):
        one.mine(took_ms=10_000 + number)
        other.mine(took_ms=11_000 + number)
    tips = one.tip, other.tip
    other.step(PeerAdded(one.address))
    town.run(200)
    assert one.state.tree.is_here(other.tip)
    assert other.state.tree.is_here(one.tip)
    assert (one.tip, other.tip) == tips, "each stays with what it saw first"
    assert one.machine.sync.state == other.machine.sync.state == "current"
    assert not one.heard(PeerMisbehaved)


def test_a_block_of_as_much_work_as_the_tip_is_fetched_of_whoever_shows_it(town: Town) -> None:
    (node,) = town.settle(1)
    (block,) = chain(town, 1)
    node.mine(took_ms=11_000)
    bystander = Stranger(town, node, work=2, height=1).introduce()
    guest = Stranger(town, node, work=2, height=1).introduce()
    tell_headers(guest, [block])
    town.run(20)
    asked = guest.last(AskCompact)
    assert asked is not None
    assert asked.hash == block.hash
    assert not bystander.all(AskCompact)
    serve(town, guest, [block])
    assert node.state.tree.is_here(block.hash)


def test_one_that_nobody_gives_is_left_alone_for_a_while(town: Town) -> None:
    (node,) = town.settle(1)
    (block,) = chain(town, 1)
    node.mine(took_ms=11_000)
    guest = Stranger(town, node, work=2, height=1).introduce()
    tell_headers(guest, [block])
    town.run(20)
    guest.say(BlocksUnknown((block.hash,)))
    town.run(1_000)
    assert len(guest.all(AskCompact)) == 1
    assert node.machine.sync.state == "current"


def test_one_of_less_work_is_not_fetched(town: Town) -> None:
    (node,) = town.settle(1)
    (block,) = chain(town, 1)
    for _ in range(2):
        node.mine(took_ms=11_000)
    guest = Stranger(town, node, work=2, height=1).introduce()
    tell_headers(guest, [block])
    town.run(1_000)
    assert not guest.all(AskCompact)
    assert not guest.all(AskBlocks)
