"""Miners in virtual time: real work on an easy target, found when chance says so.

A node with so many hashes a second finds a block after a time that is exponentially distributed
around what its target takes. The nonce is then really searched for, which is quick, as simulated
hash rates are small and so are the targets that difficulty settles on.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from chaindeck.kernel import search_nonce
from chaindeck.ledger.codec import decode_block, decode_header, encode_signature
from chaindeck.ledger.difficulty import required_bits
from chaindeck.ledger.errors import Held
from chaindeck.ledger.limits import DECAY_STEP_MS
from chaindeck.ledger.seals import sign_seal
from chaindeck.ledger.signatures import SigningKey
from chaindeck.ledger.targets import target_of, work_of
from chaindeck.ledger.templates import build_body, build_template
from chaindeck.ledger.types import Block
from chaindeck.simulate.limits import MINE_AGAIN_US
from chaindeck.simulate.node import SimulatedNode
from chaindeck.simulate.world import MS, SECOND

_SEARCH_LIMIT = 1 << 34
_NONCE_BYTES = 8


class SimulatedMiner:
    """Mines on one node while it has hash rate."""

    def __init__(
        self, node: SimulatedNode, key: SigningKey, *, leaves_at: float = math.inf
    ) -> None:
        """Mine while a block takes no more than `leaves_at` times the least work."""
        self.node = node
        self._most_work = leaves_at * work_of(node.library.network.easiest_target)
        self.key = key
        self._round = 0
        self.found = 0
        self.when_found: Callable[[SimulatedMiner, Block], None] | None = None

    def restart(self) -> None:
        """Draw anew when the next block comes: at a new tip, rate or target.

        Waiting has no memory, so it costs nothing to begin again.
        """
        self._round += 1
        node = self.node
        if not node.is_up or node.hashes_s <= 0 or self._is_halted:
            return
        world = node.world
        tip = node.state.tip
        time_ms = max(node.clock_ms, tip.header.time_ms + 1)
        required = required_bits(node.library.network, node.state.tree, tip, time_ms)
        target = target_of(required.target_bits)
        assert target is not None
        if work_of(target) > self._most_work:
            return
        wait_us = int(world.dice.expovariate(node.hashes_s / work_of(target)) * SECOND)
        # The target of a late block becomes easier at the next step of the decay.
        passed_ms = time_ms - tip.header.time_ms
        step_us = (DECAY_STEP_MS - passed_ms % DECAY_STEP_MS) * MS
        if wait_us <= step_us:
            world.after(wait_us, self._find, self._round)
        else:
            world.after(step_us, self._draw_again, self._round)

    @property
    def _is_halted(self) -> bool:
        """Whether checkpoints contradict each other: nobody mines on until one of them holds."""
        state = self.node.state
        return state.checkpoints.is_disputed(state.tip.header.height)

    def _draw_again(self, started: int) -> None:
        if started == self._round:
            self.restart()

    def _find(self, started: int) -> None:
        if started != self._round or not self.node.is_up or self._is_halted:
            return
        block = self.make_block()
        if self.when_found is not None:
            self.when_found(self, block)
        error = self.node.take_block(block)
        if error is None:
            self.found += 1
            return
        # A clock that was set back leaves a miner with a tip of the future.
        assert isinstance(error, Held), f"a block of our own is refused: {error}"
        self.node.world.after(MINE_AGAIN_US, self._draw_again, self._round)

    def make_block(self) -> Block:
        """Make a block on this node's tip of what waits in its pool."""
        node = self.node
        network, tip = node.library.network, node.state.tip
        time_ms = max(node.clock_ms, tip.header.time_ms + 1)
        required = required_bits(network, node.state.tree, tip, time_ms)
        body = build_body(
            build_template(node.state.pool, network, node.state.next_height),
            self.key.key_hash,
            previous=tip.header.hash,
            time_ms=time_ms,
            target_bits=required.target_bits,
        )
        target = target_of(required.target_bits)
        assert target is not None, "the rule gives canonical bits"
        nonce, _ = search_nonce(body.header.raw, target.to_bytes(32, "big"), 0, _SEARCH_LIMIT)
        assert nonce is not None, "simulated targets are easy"
        header = decode_header(body.header.raw[:-_NONCE_BYTES] + nonce.to_bytes(8, "little"))
        seal = sign_seal(header, self.key) if network.miners else b""
        return decode_block(header.raw + encode_signature(seal) + body.raw)
