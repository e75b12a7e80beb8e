"""What checkpoints come to does not depend on what came first."""

from __future__ import annotations

import contextlib
import random

from hypothesis import given
from hypothesis import strategies as st

from chaindeck.ledger.chain import BlockTree
from chaindeck.ledger.errors import CheckpointBranch, UnknownParent
from chaindeck.ledger.finality import Dispute, Named
from chaindeck.ledger.ports import Entry
from tests.ledger.branches import GENESIS, entry_on

Said = list[Entry | Named]


def grown(draw: random.Random) -> list[Entry]:
    """Some blocks on several branches, parents first."""
    entries = [GENESIS]
    for salt in range(draw.randrange(3, 14)):
        entries.append(entry_on(draw.choice(entries[-5:]), 1, salt + 1))
    return entries[1:]


def named(draw: random.Random, entries: list[Entry]) -> list[Named]:
    """What quorums said of some of them, and of one that does not exist."""
    names = []
    for number in range(draw.randrange(1, 6)):
        header = draw.choice(entries).header
        block_hash = header.hash if draw.random() < 0.9 else bytes([number + 1]) * 32
        names.append(Named(header.height, block_hash, draw.choice([2, 2, 3, 4])))
    strongest: dict[bytes, Named] = {}
    for item in names:
        known = strongest.get(item.hash)
        if known is None or item.signers > known.signers:
            strongest[item.hash] = item
    return list(strongest.values())


def told(said: Said) -> tuple[bytes, Dispute | None, bytes]:
    """Return what is fixed, what is disputed, and where a tree stands that hears in this order."""
    tree, active = BlockTree(GENESIS), GENESIS.header.hash
    for item in said:
        if isinstance(item, Named):
            tree.fix(item.height, item.hash, signers=item.signers)
        else:
            # Nobody has named what is refused, or it would be waited for.
            with contextlib.suppress(CheckpointBranch, UnknownParent):
                tree.add_header(item)
                tree.add_body(item.header.hash)
        active = tree.choose(active, is_syncing=True).tip.header.hash
        assert tree.runs_through(tree.entry(active), tree.floor)
    return tree.floor.header.hash, tree.dispute, active


@given(st.integers(0, 2**32))
def test_nodes_that_know_the_same_come_to_the_same_whatever_came_first(seed: int) -> None:
    draw = random.Random(seed)
    entries = grown(draw)
    names = named(draw, entries)
    first = told([*entries, *names])
    for _ in range(3):
        draw.shuffle(names)
        floor, dispute, _ = told([*entries, *names])
        assert (floor, dispute) == first[:2]


@given(st.integers(0, 2**32))
def test_names_before_their_blocks_come_to_the_same_as_after_them(seed: int) -> None:
    draw = random.Random(seed)
    entries = grown(draw)
    names = named(draw, entries)
    floor, dispute, _ = told([*entries, *names])
    assert told([*names, *entries])[:2] == (floor, dispute)


def test_the_lowest_dispute_counts_until_something_later_stands() -> None:
    blocks = [entry_on(GENESIS, 1, 1)]
    for salt in range(2, 5):
        blocks.append(entry_on(blocks[-1], 1, salt))
    one, other = (Named(1, bytes([number]) * 32, 2) for number in (1, 2))
    far, farther = (Named(9, bytes([number]) * 32, 2) for number in (3, 4))
    invented = [far, farther, one, other]
    assert told([*blocks, *invented])[:2] == (GENESIS.header.hash, Dispute(one, other))
    # A block of another branch than what nobody has shown hides the lower dispute no more.
    missing, shown = Named(2, bytes([5]) * 32, 2), Named(3, blocks[2].header.hash, 2)
    names = [one, other, missing, shown]
    assert told([*blocks, *names])[:2] == (GENESIS.header.hash, Dispute(one, other))
    stronger = Named(2, blocks[1].header.hash, 3)
    floor, dispute, _ = told([*blocks, *invented, stronger])
    assert (floor, dispute) == (blocks[1].header.hash, Dispute(far, farther))


def test_a_fixed_block_is_on_the_way_to_wherever_a_tree_stands() -> None:
    low = entry_on(GENESIS, 1, 1)
    high, beside = entry_on(low, 1, 2), entry_on(low, 9, 3)
    names = [Named(2, high.header.hash, 2)]
    assert told([low, high, beside, *names]) == (high.header.hash, None, high.header.hash)
