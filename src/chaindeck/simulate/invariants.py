"""What has to hold in every run, after every event and at the end. One broken rule stops the run.

Each rule has a name and a sentence (`RULES`). Those about a step are cheap, and in networks of more
than `SMALL_NETWORK` nodes the caps are looked at after one step in `SAMPLED_STEPS`. In small ones
each step looks at the link concerned, and one in `ALL_LINKS_STEPS` at all. Those about a block are
looked at once, when the first node connects it; above `SMALL_COIN_COUNT` undoing is left out. Those
at the end compare whole nodes, but for their coins: nodes share them here, so equal coins hold by
construction, and tests on real processes prove them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final, NoReturn

from chaindeck.ledger.coins import coins_hash_of, decode_coin
from chaindeck.ledger.connect import Change, apply_change, genesis_coins, undo_change
from chaindeck.ledger.errors import RuleError
from chaindeck.ledger.money import subsidy_at
from chaindeck.ledger.ports import Entry
from chaindeck.ledger.types import Block, BlockHash, TxId
from chaindeck.protocol.events import PeerMisbehaved
from chaindeck.protocol.inputs import Input
from chaindeck.protocol.types import LinkId
from chaindeck.simulate.caps import find_crowd, find_overflow
from chaindeck.simulate.library import Library
from chaindeck.simulate.limits import (
    ALL_LINKS_STEPS,
    SAMPLED_STEPS,
    SMALL_COIN_COUNT,
    SMALL_NETWORK,
)
from chaindeck.simulate.load import Fate
from chaindeck.simulate.node import SimulatedNode
from chaindeck.simulate.world import World

NOBODY: Final = LinkId(0)

RULES: Final[dict[str, str]] = {
    "step-raises": "No step of a machine or a chain raises, whatever was sent to it.",
    "work-falls": "The work of a node's tip never falls, but by a command or a checkpoint, and by a"
    " crash to what its disk held.",
    "spent-twice": "A block spends only coins that its branch made and has not spent.",
    "value-made": "A block makes no more value than its subsidy and the coins that it spends.",
    "undo-differs": "Applying a block's change and undoing it gives the coins from before.",
    "cap-exceeded": "Every queue and cache of a machine stays under its cap.",
    "honest-barred": "No honest node ever bars an honest node.",
    "good-block-refused": "No node takes a block for bad that keeps all rules: a mutated body never"
    " condemns a header.",
    "parted-at-the-end": "When all is quiet, all honest nodes are linked, straight or through"
    " others.",
    "tips-differ": "When all is quiet, all honest nodes share one tip.",
    "coins-differ": "When all is quiet, the coins of the shared tip are what its blocks make of the"
    " genesis block's.",
    "payment-vanished": "When all is quiet, every payment is in a block, or somebody said why not.",
    "payment-waits": "When all is quiet, no payment of a while ago still waits.",
}


class Broken(Exception):  # noqa: N818 - what is broken is a rule; the run itself is fine
    """A rule does not hold. Carries all that a replay needs beside scenario and seed."""

    def __init__(self, rule: str, detail: str, *, node: int | None, at_s: float) -> None:
        super().__init__(f"{rule}: {detail}")
        self.rule = rule
        self.sentence = RULES[rule]
        self.detail = detail
        self.node = node
        self.at_s = at_s


class Invariants:
    """Looks at one run. Every method raises `Broken` where a rule does not hold."""

    def __init__(
        self, world: World, library: Library, *, count: int, ignored: Collection[str] = ()
    ) -> None:
        self._world = world
        self._library = library
        self._ignored = frozenset(ignored)
        self._stride = 1 if count <= SMALL_NETWORK else SAMPLED_STEPS
        self._steps = 0
        self._work: dict[int, int] = {}
        self._floors: dict[int, Entry] = {}
        """What checkpoints had fixed when a tip moved last."""
        library.when_new = self._look_at_block

    # After a step

    def started(self, node: SimulatedNode) -> None:
        """Take what a disk held for what a node has now."""
        self._work[node.number] = node.state.tip.work
        self._floors[node.number] = node.state.tree.floor
        if node.state.tip.header.hash != node.keeper.active[-1]:
            self._fail("work-falls", "a node does not stand where its disk says", node)

    def stepped(self, node: SimulatedNode, happened: Input) -> None:
        """Look at the machine and the link that was concerned, and at all links now and then."""
        self._steps += 1
        if self._steps % self._stride:
            return
        machine = node.machine
        links = machine.core.links
        if self._steps % ALL_LINKS_STEPS == 0:
            overflow = find_overflow(machine, links.values()) or find_crowd(machine)
        else:
            concerned = links.get(getattr(happened, "link", None) or NOBODY)
            overflow = find_overflow(machine, (concerned,) if concerned else ())
        if overflow:
            self._fail("cap-exceeded", overflow, node)

    def moved(self, node: SimulatedNode) -> None:
        """Look at a tip that is elsewhere now."""
        work, floor = node.state.tip.work, node.state.tree.floor
        is_fixed = self._floors.get(node.number, floor) != floor
        self._floors[node.number] = floor
        if work < self._work[node.number] and not is_fixed:
            self._fail("work-falls", f"from {self._work[node.number]} to {work}", node)
        self._work[node.number] = work

    def barred(self, node: SimulatedNode, event: PeerMisbehaved) -> None:
        """Look at a fault that a node found with a peer."""
        peer = self._world.peer_of(node, event.link)
        if event.is_barred and isinstance(peer, SimulatedNode) and peer.is_honest:
            detail = f"node {node.number} bars node {peer.number}: {event.code}: {event.detail}"
            self._fail("honest-barred", detail, node)

    def refused(self, node: SimulatedNode, block: Block, error: RuleError) -> None:
        """Look at a block that a node took for bad."""
        tree = node.state.tree
        if block.hash in tree and tree.mark(block.hash).is_failed:
            self._check_failed(node, block.hash, error.code)

    # Of a block, once

    def _look_at_block(self, block: Block, change: Change, active: Sequence[BlockHash]) -> None:
        height = int(block.header.height)
        if height != len(active) or block.header.previous != active[-1]:
            self._fail("spent-twice", f"block {height} does not extend its branch")
        for outpoint, coin in change.spent:
            if self._library.coin(outpoint, active) != coin:
                self._fail("spent-twice", f"block {height} spends {outpoint.hex()}")
        subsidy = subsidy_at(self._library.network.genesis, block.header.height)
        spent = sum(decode_coin(coin).amount for _, coin in change.spent)
        made = sum(decode_coin(coin).amount for _, coin in change.created)
        if made > spent + subsidy:
            detail = f"block {height} makes {made} of {spent} and a subsidy of {subsidy}"
            self._fail("value-made", detail)
        if len(self._library) <= SMALL_COIN_COUNT:
            self._check_undo(height, change, active)

    def _check_undo(self, height: int, change: Change, active: Sequence[BlockHash]) -> None:
        coins = self._library.coins_at(active)
        before = coins_hash_of(coins)
        try:
            apply_change(coins, change)
            undo_change(coins, change)
        except KeyError as missing:
            self._fail("undo-differs", f"block {height}: no coin {missing}")
        if coins_hash_of(coins) != before:
            self._fail("undo-differs", f"block {height} leaves other coins behind")

    # At the end

    def quiet(self, nodes: Sequence[SimulatedNode]) -> None:
        """Compare all honest nodes, once nothing is on its way any more."""
        self._check_linked(nodes)
        tips = {node.state.tip.header.hash for node in nodes}
        if len(tips) > 1:
            self._fail("tips-differ", _describe_tips(nodes))
        chains = {tuple(node.keeper.active) for node in nodes}
        if len(chains) > 1:
            self._fail("tips-differ", "one tip, but different chains below it")
        for node in nodes:
            for mark in node.state.tree.marks():
                if mark.is_failed:
                    self._check_failed(node, mark.entry.header.hash, "failed")
        for chain in chains:
            self._check_coins(chain)

    def settled(self, fates: dict[TxId, Fate]) -> None:
        """Look at what became of every payment."""
        for tx_id, fate in fates.items():
            if fate is Fate.VANISHED:
                self._fail("payment-vanished", tx_id.hex())
            if fate is Fate.WAITING:
                self._fail("payment-waits", tx_id.hex())

    def _check_linked(self, nodes: Sequence[SimulatedNode]) -> None:
        left = {node.number: node for node in nodes}
        waiting = [nodes[0].number] if nodes else []
        while waiting:
            node = left.pop(waiting.pop(), None)
            if node is not None:
                for link in node.machine.core.ready:
                    peer = self._world.peer_of(node, link)
                    if peer is not None and peer.number in left:
                        waiting.append(peer.number)
        if left:
            some = ", ".join(str(number) for number in list(left)[:10])
            self._fail("parted-at-the-end", f"{len(left)} of {len(nodes)} nodes: {some}")

    def _check_coins(self, chain: Sequence[BlockHash]) -> None:
        coins = genesis_coins(self._library.network)
        for block_hash in chain[1:]:
            try:
                apply_change(coins, self._library.change(block_hash))
            except KeyError as missing:
                self._fail("coins-differ", f"no coin {missing}")
        if coins_hash_of(coins) != coins_hash_of(self._library.coins_at(chain)):
            self._fail("coins-differ", "other coins by blocks than by places")

    # Telling

    def _check_failed(self, node: SimulatedNode, block_hash: BlockHash, code: str) -> None:
        if self._library.is_good(block_hash):
            detail = f"node {node.number} takes {block_hash.hex()} for bad: {code}"
            self._fail("good-block-refused", detail, node)

    def _fail(self, rule: str, detail: str, node: SimulatedNode | None = None) -> NoReturn:
        raise Broken(
            rule,
            detail,
            node=node.number if node else None,
            at_s=self._world.elapsed_s,
        )


def _describe_tips(nodes: Sequence[SimulatedNode]) -> str:
    by_tip: dict[BlockHash, list[SimulatedNode]] = {}
    for node in nodes:
        by_tip.setdefault(node.state.tip.header.hash, []).append(node)
    parts = []
    for tip, group in sorted(by_tip.items(), key=lambda item: -len(item[1])):
        entry = group[0].state.tip
        numbers = ", ".join(str(node.number) for node in group[:8])
        parts.append(
            f"{len(group)} at {entry.header.height} {tip.hex()[:12]} (work {entry.work}): {numbers}"
        )
    return "; ".join(parts)
