"""The people who sign checkpoints: where two contradict each other, they look and sign one again.

They meet outside the network and take their time. All of them sign the one whose block more nodes
have, so that it gains signers and holds; the protocol does the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from chaindeck.ledger.checkpoints import Checkpoint, check_checkpoint, sign_checkpoint
from chaindeck.ledger.genesis import Network
from chaindeck.ledger.signatures import SigningKey
from chaindeck.simulate.limits import OPERATORS_LOOK_US
from chaindeck.simulate.node import SimulatedNode
from chaindeck.simulate.world import World


class Operators:
    """Whoever of the signers is honest."""

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
        chosen = max(conflict, key=lambda item: (self._count(item), item.hash))
        self.settled += 1
        nodes[0].take_checkpoint(self._sign(chosen))
        self.notice(nodes[0])

    def _count(self, checkpoint: Checkpoint) -> int:
        """Return how many nodes have a block on their chain."""
        height = int(checkpoint.height)
        return sum(node.keeper.active_hash(height) == checkpoint.hash for node in self._up_nodes())

    def _sign(self, checkpoint: Checkpoint) -> Checkpoint:
        """Return a checkpoint with all our signatures beside those that it has."""
        network, height, block_hash = self._network, checkpoint.height, checkpoint.hash
        ours = sign_checkpoint(network, height, block_hash, self._keys)
        by_signer = {
            **dict(zip(check_checkpoint(network, checkpoint), checkpoint.signatures, strict=True)),
            **dict(zip(sorted(key.key_hash for key in self._keys), ours.signatures, strict=True)),
        }
        return Checkpoint(height, block_hash, tuple(by_signer[key] for key in sorted(by_signer)))
