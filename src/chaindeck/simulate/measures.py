"""What is measured while a run goes on: how news spread, what reorganises, what recovers.

Collects moments only; `results` makes figures of them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from operator import itemgetter

from chaindeck.ledger.state import Reorganised
from chaindeck.ledger.types import Block, BlockHash, TxId
from chaindeck.simulate.limits import FOLLOWED_BLOCKS, FOLLOWED_MOMENTS, FOLLOWED_PAYMENTS
from chaindeck.simulate.node import SimulatedNode
from chaindeck.simulate.world import World

_END = itemgetter(1)


class Spread:
    """How one block or payment came to the nodes."""

    __slots__ = ("arrivals_us", "found_us", "height", "maker", "seen", "up")

    def __init__(self, found_us: int, maker: int, *, height: int, up: int, seen: int) -> None:
        self.found_us = found_us
        self.maker = maker
        self.height = height
        self.up = up
        """How many nodes there were to reach."""
        self.seen = bytearray(seen)
        self.arrivals_us: list[tuple[int, int]] = []
        """How much later, and to which node; its maker first."""

    def arrive(self, node: int, now_us: int) -> None:
        if node >= len(self.seen):
            self.seen.extend(bytes(node + 1 - len(self.seen)))
        if not self.seen[node]:
            self.seen[node] = 1
            self.arrivals_us.append((now_us - self.found_us, node))


class Recovery:
    """Nodes that have to catch up with the best of all, from a moment on."""

    __slots__ = ("left", "since_us", "took_us", "what", "work")

    def __init__(self, what: str, since_us: int, work: int, left: set[int]) -> None:
        self.what = what
        self.since_us = since_us
        self.work = work
        self.left = left
        self.took_us: int | None = None


class Measures:
    """Moments of one run."""

    def __init__(self, world: World, count: int) -> None:
        self.blocks: dict[BlockHash, Spread] = {}
        self.payments: dict[TxId, Spread] = {}
        self.partings: dict[str, int] = {}
        self.reorganised: dict[int, int] = {}
        """How often, by how many blocks were undone."""
        self.recoveries: list[Recovery] = []
        self.found = 0
        self.absences: dict[int, list[tuple[int, int]]] = {}
        """From when to when each node was down, or not there yet, of those that are back."""
        self._down_since: dict[int, int] = {}
        self._world = world
        self._count = count
        self._most_blocks = min(FOLLOWED_BLOCKS, max(1, FOLLOWED_MOMENTS // max(1, count)))
        self._most_payments = min(FOLLOWED_PAYMENTS, max(1, FOLLOWED_MOMENTS // max(1, count)))
        self._open: list[Recovery] = []

    # Blocks and payments

    def block_found(self, block: Block, maker: int, up: int) -> None:
        self.found += 1
        if len(self.blocks) < self._most_blocks:
            self.blocks[block.hash] = Spread(
                self._world.now_us,
                maker,
                height=int(block.header.height),
                up=up,
                seen=self._count,
            )

    def block_connected(self, node: SimulatedNode, block_hash: BlockHash) -> None:
        spread = self.blocks.get(block_hash)
        if spread is not None:
            spread.arrive(node.number, self._world.now_us)

    def payment_made(self, tx_id: TxId, node: int, up: int) -> None:
        if len(self.payments) < self._most_payments:
            self.payments[tx_id] = Spread(
                self._world.now_us, node, height=0, up=up, seen=self._count
            )

    def payment_admitted(self, node: SimulatedNode, tx_id: TxId) -> None:
        spread = self.payments.get(tx_id)
        if spread is not None:
            spread.arrive(node.number, self._world.now_us)

    def parted(self, code: str) -> None:
        self.partings[code] = self.partings.get(code, 0) + 1

    def reorganisation(self, event: Reorganised) -> None:
        depth = event.disconnected
        self.reorganised[depth] = self.reorganised.get(depth, 0) + 1

    # Recoveries

    def disrupted(
        self, what: str, nodes: Sequence[SimulatedNode], others: Sequence[SimulatedNode]
    ) -> None:
        """Watch nodes until each has as much work as the best of all has now.

        Whoever is back is told of by this, `others` being everybody.
        """
        self._note_returns(others)
        up = [node.state.tip for node in others if node.is_up]
        work = max((tip.work for tip in up), default=0)
        if len({tip.header.hash for tip in up if tip.work == work}) > 1:
            # Two branches are as good as each other until somebody finds another block.
            work += 1
        left = {node.number for node in nodes if node.is_up and node.state.tip.work < work}
        recovery = Recovery(what, self._world.now_us, work, left)
        self.recoveries.append(recovery)
        if left:
            self._open.append(recovery)
        else:
            recovery.took_us = 0

    def moved(self, node: SimulatedNode) -> None:
        if self._open:
            for recovery in list(self._open):
                if node.number in recovery.left and node.state.tip.work >= recovery.work:
                    self._catch_up(recovery, node.number)

    def stopped(self, node: SimulatedNode) -> None:
        """Whoever ends again has nothing to catch up with until it is back."""
        self._down_since[node.number] = self._world.now_us
        for recovery in list(self._open):
            if node.number in recovery.left:
                self._catch_up(recovery, node.number)

    def absent_us(self, number: int, since_us: int, until_us: int) -> int:
        """Return for how much of a time a node was down."""
        absences = self.absences.get(number, [])
        first = bisect_right(absences, since_us, key=_END)
        return sum(
            max(0, min(end, until_us) - max(start, since_us)) for start, end in absences[first:]
        )

    def _note_returns(self, nodes: Sequence[SimulatedNode]) -> None:
        for node in nodes[self._count :]:
            if node.is_up and node.number not in self.absences:
                self.absences[node.number] = [(0, self._world.now_us)]
        for node in nodes:
            if node.is_up and node.number in self._down_since:
                period = (self._down_since.pop(node.number), self._world.now_us)
                self.absences.setdefault(node.number, []).append(period)

    def _catch_up(self, recovery: Recovery, number: int) -> None:
        recovery.left.discard(number)
        if not recovery.left:
            recovery.took_us = self._world.now_us - recovery.since_us
            self._open.remove(recovery)
