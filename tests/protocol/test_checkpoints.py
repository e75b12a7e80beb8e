"""What quorums say reaches everybody, and everybody comes to the same, contradictions included."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from chaindeck.ledger.checkpoints import Checkpoint, encode_checkpoint, sign_checkpoint
from chaindeck.ledger.errors import CheckpointConflict
from chaindeck.ledger.signatures import SigningKey
from chaindeck.ledger.types import Block
from chaindeck.protocol.events import PeerMisbehaved
from chaindeck.protocol.messages import CheckpointNotice
from tests.ledger.forge import ALICE, BOB, CAROL, address, dev_network
from tests.protocol.stranger import Stranger
from tests.protocol.town import Resident, Town

NETWORK = dev_network(
    checkpoint_signers=(address(ALICE), address(BOB), address(CAROL)),
    checkpoint_quorum=2,
)


def signed(block: Block, *keys: SigningKey) -> Checkpoint:
    return sign_checkpoint(NETWORK, block.header.height, block.hash, keys)


def holders(nodes: Sequence[Resident], block: Block) -> list[int]:
    """Which of them have a block on their chain."""
    return [
        node.number for node in nodes if node.view.active_hash(block.header.height) == block.hash
    ]


def halted(nodes: Sequence[Resident]) -> list[int]:
    return [
        node.number
        for node in nodes
        if node.state.checkpoints.is_disputed(node.state.tip.header.height)
    ]


class Parted:
    """Six nodes in two halves that know nothing of each other for a while, and mine."""

    def __init__(self, left_blocks: int, right_blocks: int) -> None:
        self.town = Town(NETWORK)
        self.nodes = self.town.settle(6, statics="all")
        self.left, self.right = self.nodes[:3], self.nodes[3:]
        self.town.run(5_000)
        self.nodes[0].mine()
        self.town.run(1_000)
        for one in self.left:
            for other in self.right:
                self.town.cut(one, other)
        # Until the silent are given up: what is sent on a link that is cut is gone here.
        self.town.run_until(lambda: all(len(node.machine.peers) == 2 for node in self.nodes))
        self.left_blocks = [self._mine(self.left[0], 7_000) for _ in range(left_blocks)]
        self.right_blocks = [self._mine(self.right[0], 8_000) for _ in range(right_blocks)]

    def _mine(self, node: Resident, took_ms: int) -> Block:
        block = node.mine(took_ms=took_ms)
        self.town.run(500)
        return block

    def heal(self) -> None:
        self.town.mend()
        self.town.run(400_000)

    def check_honest(self) -> None:
        for node in self.nodes:
            assert not node.heard(PeerMisbehaved)
            assert len(node.machine.peers) == 5


class TestTelling:
    def test_a_checkpoint_reaches_every_node_and_newcomers(self) -> None:
        town = Town(NETWORK)
        nodes = town.settle(3)
        town.run(1_000)
        block = nodes[0].mine()
        town.run(1_000)
        checkpoint = signed(block, ALICE, BOB)
        nodes[1].fix(checkpoint)
        town.run(1_000)
        assert all(node.state.checkpoints.all() == [checkpoint] for node in nodes)
        (new,) = town.settle(1)
        town.run(2_000)
        assert new.state.checkpoints.all() == [checkpoint]

    def test_a_forged_checkpoint_bars_its_sender(self) -> None:
        town = Town(NETWORK)
        (node,) = town.settle(1)
        guest = Stranger(town, node).introduce()
        forged = sign_checkpoint(NETWORK, 1, bytes(32), [ALICE])
        guest.say(CheckpointNotice(encode_checkpoint(forged)))
        town.run(50)
        assert guest.farewell == "peer-checkpoint"

    def test_bytes_that_are_no_checkpoint_bar_their_sender(self) -> None:
        town = Town(NETWORK)
        (node,) = town.settle(1)
        guest = Stranger(town, node).introduce()
        guest.say(CheckpointNotice(b"\x01"))
        town.run(50)
        assert guest.farewell == "peer-checkpoint"


class TestBranches:
    @pytest.mark.parametrize("others", [1, 3, 30])
    def test_a_checkpoint_on_the_branch_with_less_work_wins_everywhere(self, others: int) -> None:
        parted = Parted(2, others)
        parted.left[1].fix(signed(parted.left_blocks[0], ALICE, BOB))
        parted.heal()
        assert len(holders(parted.nodes, parted.left_blocks[0])) == 6
        assert len({node.tip for node in parted.nodes}) == 1
        parted.check_honest()

    def test_a_checkpoint_of_a_block_that_nobody_shows_strands_nobody(self) -> None:
        parted = Parted(2, 3)
        parted.left[1].fix(sign_checkpoint(NETWORK, 3, bytes(32), [ALICE, BOB]))
        parted.heal()
        assert len(holders(parted.nodes, parted.right_blocks[2])) == 6
        parted.right[2].mine()
        parted.town.run(1_000)
        assert len({node.tip for node in parted.nodes}) == 1


class TestContradictions:
    """Bob signs both: one for each half of a network that is parted."""

    @pytest.mark.parametrize(("left", "right"), [(2, 2), (2, 4), (4, 2)])
    @pytest.mark.parametrize("heights", [(0, 0), (0, 1), (1, 0)])
    def test_two_halves_that_are_fixed_to_different_blocks_find_together(
        self, left: int, right: int, heights: tuple[int, int]
    ) -> None:
        parted = Parted(left, right)
        one, other = parted.left_blocks[heights[0]], parted.right_blocks[heights[1]]
        parted.left[0].fix(signed(one, ALICE, BOB))
        parted.right[0].fix(signed(other, BOB, CAROL))
        parted.town.run(2_000)
        assert not halted(parted.nodes)
        parted.heal()
        # Who has the lower block does not see that the higher one is not above it, where everybody
        # had left that branch before he could ask for it.
        assert len(halted(parted.nodes)) >= (6 if heights == (0, 0) else 3)
        assert len({node.tip for node in parted.nodes}) == (2 if left == right else 1)
        parted.nodes[4].fix(signed(one, ALICE, BOB, CAROL))
        parted.town.run(120_000)
        assert not halted(parted.nodes)
        assert len(holders(parted.nodes, one)) == 6
        parted.right[2].mine()
        parted.town.run(2_000)
        assert len({node.tip for node in parted.nodes}) == 1
        parted.check_honest()

    def test_a_later_checkpoint_ends_the_dispute(self) -> None:
        parted = Parted(3, 1)
        parted.left[0].fix(signed(parted.left_blocks[0], ALICE, BOB))
        parted.right[0].fix(signed(parted.right_blocks[0], BOB, CAROL))
        parted.heal()
        assert len(halted(parted.nodes)) == 6
        parted.nodes[5].fix(signed(parted.left_blocks[1], ALICE, CAROL))
        parted.town.run(2_000)
        assert not halted(parted.nodes)
        assert len(holders(parted.nodes, parted.left_blocks[2])) == 6

    def test_a_contradiction_of_a_block_that_nobody_shows_halts_everybody_and_moves_nobody(
        self,
    ) -> None:
        town = Town(NETWORK)
        nodes = town.settle(4)
        town.run(1_000)
        block = nodes[0].mine()
        town.run(1_000)
        nodes[0].fix(signed(block, ALICE, BOB))
        town.run(1_000)
        guest = Stranger(town, nodes[3]).introduce()
        other = sign_checkpoint(NETWORK, 1, bytes(32), [BOB, CAROL])
        guest.say(CheckpointNotice(encode_checkpoint(other)))
        town.run(1_000)
        assert guest.farewell is None
        assert len(halted(nodes)) == 4
        assert len(holders(nodes, block)) == 4
        for tail in (b"1", b"2"):
            far = sign_checkpoint(NETWORK, 2, tail * 32, [BOB, CAROL])
            guest.say(CheckpointNotice(encode_checkpoint(far)))
        town.run(1_000)
        assert len(halted(nodes)) == 4, "hidden by a further contradiction"
        with pytest.raises(CheckpointConflict):
            nodes[1].fix(other)

    def test_a_contradiction_above_the_chain_lets_it_grow_until_it_can_be_ended(self) -> None:
        """Or nobody could ever sign a later block: there would be none."""
        town = Town(NETWORK)
        nodes = town.settle(4)
        town.run(1_000)
        guest = Stranger(town, nodes[3]).introduce()
        for tail in (b"1", b"2"):
            invented = sign_checkpoint(NETWORK, 2, tail * 32, [BOB, CAROL])
            guest.say(CheckpointNotice(encode_checkpoint(invented)))
        town.run(1_000)
        assert all(node.state.checkpoints.conflict for node in nodes), "nobody is warned"
        for _ in range(2):
            assert not halted(nodes)
            block = nodes[0].mine()
            town.run(1_000)
        assert len(halted(nodes)) == 4
        nodes[1].fix(signed(block, ALICE, BOB, CAROL))
        town.run(1_000)
        assert not halted(nodes)
        assert not any(node.state.checkpoints.conflict for node in nodes)
        assert len(holders(nodes, block)) == 4
