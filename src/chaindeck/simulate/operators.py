"""The people who sign checkpoints: where two contradict each other, they look and sign once more.

They meet outside the network and take their time; whoever misused their keys has but copies. All of
them sign the one whose block more nodes have, so that it gains signers and holds; where no node has
either, as both were invented, they sign the end of the chain. The protocol does the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from chaindeck.ledger.checkpoints import Checkpoint, sign_checkpoint
from chaindeck.ledger.genesis import Network
from chaindeck.ledger.signatures import SigningKey
from chaindeck.ledger.types import BlockHash, Height
from chaindeck.simulate.limits import OPERATORS_LOOK_US
from chaindeck.simulate.node import SimulatedNode
from chaindeck.simulate.world import World


class Operators:
    """The owners of the keys."""

    def __init__(
        self,
        world: World,
        network: Network,
        keys: Sequence[SigningKey],
        up_nodes: Callable[[], Sequence[SimulatedNode]],
    ) -> None:
        self.settled = 0
        """How often they have signed."""
        self._world = world
        self._network = network
        self._keys = keys
        self._up_nodes = up_nodes
        self._is_meeting = False

    def notice(self, node: SimulatedNode) -> None:
        """Look at a node's alarm, and meet if there is one."""
        if self._keys and not self._is_meeting and node.state.checkpoints.conflict is not None:
            self._is_meeting = True
            self._world.after(OPERATORS_LOOK_US, self._meet)

    def _meet(self) -> None:
        self._is_meeting = False
        nodes = [item for item in self._up_nodes() if item.state.checkpoints.conflict is not None]
        if not nodes:
            return
        conflict = nodes[0].state.checkpoints.conflict
        assert conflict is not None
        self.settled += 1
        nodes[0].take_checkpoint(self._sign(*self._choose(conflict, nodes[0])))
        self.notice(nodes[0])

    def _choose(
        self, conflict: tuple[Checkpoint, Checkpoint], node: SimulatedNode
    ) -> tuple[Height, BlockHash]:
        """Return a block that somebody has: nobody signs what he has not seen."""
        chosen = max(conflict, key=lambda item: (self._count(item), item.hash))
        if self._count(chosen):
            return chosen.height, chosen.hash
        tip = node.state.tip.header
        return tip.height, tip.hash

    def _count(self, checkpoint: Checkpoint) -> int:
        """Return how many nodes have a block on their chain."""
        height = int(checkpoint.height)
        return sum(node.keeper.active_hash(height) == checkpoint.hash for node in self._up_nodes())

    def _sign(self, height: Height, block_hash: BlockHash) -> Checkpoint:
        return sign_checkpoint(self._network, height, block_hash, self._keys)
