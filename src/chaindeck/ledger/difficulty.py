"""Which target a block must use, computed from the branch before it in integers alone.

* `step100`: every 100 blocks the period's target is scaled by how long the last 100 intervals took.
  A block that comes late may use an easier target, doubled for every minute without a block; its
  work counts at that easier target and never moves the period's own.
* `lwma60`: a linearly weighted mean over the last 60 blocks, for hash rates that move a lot.
* `none`: always the easiest target, for development.

Measured reason for the doubling: without it, a network that loses 99 % of its hash rate stands
still for 17 hours.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from chaindeck.ledger.genesis import Network
from chaindeck.ledger.limits import (
    DECAY_STEP_MS,
    LWMA_BLOCKS,
    LWMA_MAX_INTERVALS,
    MAX_RETARGET_FACTOR,
    RETARGET_BLOCKS,
)
from chaindeck.ledger.ports import Ancestry, Entry
from chaindeck.ledger.targets import bits_of, target_of


class Required(NamedTuple):
    """The target a block must state, and the one its period is counted from."""

    target_bits: int
    base_bits: int


def required_bits(network: Network, ancestry: Ancestry, parent: Entry, time_ms: int) -> Required:
    """Return what a child of `parent` must carry whose `time_ms` is after the parent's."""
    rule = network.genesis.difficulty
    if rule == "none":
        return Required(network.genesis.easiest_bits, network.genesis.easiest_bits)
    if rule == "lwma60":
        bits = bits_of(_weighted_mean(network, ancestry, parent))
        return Required(bits, bits)
    base = _period_target(network, ancestry, parent)
    waited_steps = (time_ms - parent.header.time_ms) // DECAY_STEP_MS
    decayed = min(base << min(waited_steps, 256), network.easiest_target)
    return Required(bits_of(decayed), bits_of(base))


def _period_target(network: Network, ancestry: Ancestry, parent: Entry) -> int:
    base = _target(parent.base_bits)
    if (parent.header.height + 1) % RETARGET_BLOCKS:
        return base
    # One more block than the period has, so that every interval is measured once; but never from
    # the genesis block, whose time is when the network was described, not when it started.
    window = ancestry.window(parent, RETARGET_BLOCKS + 1)
    first = window[1] if window[0].header.height == 0 else window[0]
    intervals = parent.header.height - first.header.height
    expected_ms = intervals * network.genesis.block_interval_ms
    actual_ms = parent.header.time_ms - first.header.time_ms
    clamped_ms = max(
        expected_ms // MAX_RETARGET_FACTOR, min(actual_ms, expected_ms * MAX_RETARGET_FACTOR)
    )
    return max(1, min(base * clamped_ms // expected_ms, network.easiest_target))


def _weighted_mean(network: Network, ancestry: Ancestry, parent: Entry) -> int:
    """Weigh the last blocks' targets by how long each took, the newest the most.

    Blocks that are not there yet count as easy ones that took as long as they should. Else a second
    block found by chance within a moment would make the third one too hard to find for an hour.
    """
    window = ancestry.window(parent, LWMA_BLOCKS + 1)
    if window[0].header.height == 0:
        window = window[1:]
    interval_ms = network.genesis.block_interval_ms
    missing = LWMA_BLOCKS - max(0, len(window) - 1)
    weighted_ms = missing * (missing + 1) // 2 * interval_ms
    sum_targets = missing * network.easiest_target
    for weight, (before, block) in enumerate(pairwise(window), missing + 1):
        took_ms = block.header.time_ms - before.header.time_ms
        weighted_ms += weight * min(took_ms, LWMA_MAX_INTERVALS * interval_ms)
        sum_targets += _target(block.header.target_bits)
    weights = LWMA_BLOCKS * (LWMA_BLOCKS + 1) // 2
    mean = sum_targets * weighted_ms // (LWMA_BLOCKS * weights * interval_ms)
    return max(1, min(mean, network.easiest_target))


def _target(bits: int) -> int:
    target = target_of(bits)
    assert target is not None, "entries carry canonical bits"
    return target
