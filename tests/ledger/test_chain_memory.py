"""What a tree keeps in memory, over a restart, and that its choice is what a full search finds."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaindeck.ledger import chain, errors
from chaindeck.ledger.chain import BlockTree, EmptyArchive, Mark
from chaindeck.ledger.ports import Entry
from chaindeck.ledger.types import BlockHash
from tests.ledger.branches import GENESIS, Tree, entry_on


class Shelf:
    """An archive that holds what a tree was told to forget."""

    def __init__(self) -> None:
        self.entries: dict[BlockHash, Entry] = {}

    def load_entry(self, block_hash: BlockHash) -> Entry | None:
        return self.entries.get(block_hash)


class TestForgetting:
    def grown(self) -> tuple[Tree, Shelf]:
        tree, shelf = Tree(), Shelf()
        tree.tree = BlockTree(GENESIS, shelf)
        tree.line("a", 20)
        tree.line("x", 3, on="a4")
        tree.line("y", 3, on="a15")
        tree.active = "a19"
        for number in range(10):
            entry = tree.entries[f"a{number}"]
            shelf.entries[entry.header.hash] = entry
        shelf.entries[GENESIS.header.hash] = GENESIS
        tree.tree.forget_below(11, tree.hash("a19"))
        return tree, shelf

    def test_memory_holds_what_is_above_and_branches_from_there(self) -> None:
        tree, _ = self.grown()
        assert len(tree.tree) == 10 + 3
        assert set(tree.statuses()) == {"a19", "y2"}
        tree.choose()
        assert tree.active == "a19"

    def test_forgotten_part_is_read_from_the_archive(self) -> None:
        tree, _ = self.grown()
        assert tree.tree.find(tree.hash("a3")) == tree.entries["a3"]
        assert tree.tree.find(tree.hash("x2")) is None
        window = tree.tree.window(tree.entries["a12"], 5)
        assert [entry.header.height for entry in window] == [9, 10, 11, 12, 13]

    def test_branch_may_still_leave_from_the_archived_part(self) -> None:
        tree, _ = self.grown()
        new = tree.line("z", 17, on="a3")
        choice = tree.choose()
        assert tree.active == new
        assert len(choice.disconnect) == 16
        assert tree.names(choice.connect[:1]) == "z0"

    def test_archived_part_counts_as_ready_for_checkpoints(self) -> None:
        tree, _ = self.grown()
        tree.tree.fix(5, tree.hash("a4"))
        tree.choose()
        assert tree.active == "a19"
        with pytest.raises(errors.BelowCheckpoint):
            tree.tree.fail(tree.hash("a2"))

    def test_branch_from_below_an_archived_checkpoint_is_shut_out(self) -> None:
        tree, _ = self.grown()
        low = tree.line("z", 30, on="a3")
        high = tree.line("w", 20, on="a6")
        tree.tree.fix(5, tree.hash("a4"))
        assert tree.tree.mark(tree.hash(low)).is_shut_out
        tree.choose()
        assert tree.active == high

    def test_archived_branch_is_not_walked_to_see_what_it_runs_through(self) -> None:
        tree, shelf = self.grown()
        for number in range(1, 9):
            del shelf.entries[tree.hash(f"a{number}")]
        top, low = tree.entries["a19"], tree.entries["a0"]
        assert tree.tree.runs_through(top, low)
        assert not tree.tree.runs_through(top, tree.entries["x0"])
        assert not tree.tree.runs_through(low, top)

    def test_dropped_branch_leaves_no_end_where_the_active_chain_runs_on(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tree, _ = self.grown()
        monkeypatch.setattr(chain, "MAX_TIPS", 3)
        tree.add("z", on="a3", bodies=False)
        tree.add("w", on="a18", bodies=False)
        assert tree.hash("z") not in tree.tree
        assert set(tree.statuses()) == {"a19", "y2", "w"}

    def test_tree_without_archive_knows_nothing_else(self) -> None:
        assert EmptyArchive().load_entry(GENESIS.header.hash) is None


class TestRestoring:
    def test_marks_survive_a_restart(self) -> None:
        tree = Tree()
        tree.add("ab")
        tree.add("xy")
        tree.add("q", on="a", work=9)
        tree.add("h", on="b", bodies=False)
        tree.tree.prefer(tree.hash("y"))
        tree.tree.fail(tree.hash("q"))
        again = BlockTree(GENESIS)
        for name in "axbyqh":
            again.restore(tree.tree.mark(tree.hash(name)))
        choice = again.choose(GENESIS.header.hash)
        assert tree.names([choice.tip.header.hash]) == "y"
        assert [tip.status for tip in again.tips(tree.hash("y"))] == [
            tip.status for tip in tree.tree.tips(tree.hash("y"))
        ]
        late = entry_on(tree.entries["a"], 1, 77)
        again.add_header(late)
        again.add_body(late.header.hash)
        assert again.choose(tree.hash("y")).tip == tree.entries["y"]
        again.prefer(tree.hash("b"))
        assert again.choose(tree.hash("y")).tip == tree.entries["b"]

    def test_failed_and_parked_ends_do_not_win_after_a_restart(self) -> None:
        again = BlockTree(GENESIS)
        for salt, flags in enumerate(
            ({"is_failed": True}, {"is_parked": True}, {"is_shut_out": True})
        ):
            again.restore(Mark(entry_on(GENESIS, 5, salt), 1, is_ready=True, **flags))
        assert again.choose(GENESIS.header.hash).tip == GENESIS


def _naive_best(marks: dict[BlockHash, Mark]) -> Mark:
    """The best end by looking at every block, with no index at all."""

    def stands(mark: Mark) -> bool:
        while mark.entry.header.height:
            if mark.arrival is None or mark.is_failed or mark.is_parked or mark.is_shut_out:
                return False
            mark = marks[mark.entry.header.previous]
        return True

    standing = [mark for mark in marks.values() if stands(mark)]
    return max(standing, key=lambda mark: (mark.entry.work, -(mark.arrival or 0)))


@given(st.integers(0, 2**32))
def test_random_trees_choose_what_a_full_search_finds(seed: int) -> None:
    draw = random.Random(seed)
    tree = BlockTree(GENESIS)
    hashes = [GENESIS.header.hash]
    active = GENESIS.header.hash
    for salt in range(40):
        target = draw.choice(hashes)
        action = draw.random()
        try:
            if action < 0.5:
                entry = entry_on(tree.entry(target), draw.choice([1, 1, 1, 2]), salt + 1)
                if tree.add_header(entry):
                    hashes.append(entry.header.hash)
            elif action < 0.8:
                tree.add_body(target)
            elif action < 0.85:
                tree.fail(target)
            elif action < 0.9:
                tree.reconsider(target)
            elif action < 0.95:
                tree.prefer(target)
            elif salt > 30:
                tree.fix(tree.entry(target).header.height, target)
        except errors.RuleError:
            continue
        choice = tree.choose(active, is_syncing=True)
        marks = {block_hash: tree.mark(block_hash) for block_hash in hashes}
        assert choice.tip == _naive_best(marks).entry
        position = active
        for block_hash in choice.disconnect:
            assert block_hash == position
            position = tree.entry(position).header.previous
        for block_hash in choice.connect:
            assert tree.entry(block_hash).header.previous == position
            position = block_hash
        assert position == choice.tip.header.hash
        active = position
