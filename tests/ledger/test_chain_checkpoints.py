"""What checkpoints fix, and what becomes of those that contradict each other."""

from __future__ import annotations

import pytest

from chaindeck.ledger import chain, errors
from tests.ledger.branches import GENESIS, Tree, entry_on


class TestCheckpoints:
    def test_fixed_block_beats_any_work(self) -> None:
        tree = Tree()
        tree.add("abc")
        tree.choose()
        tree.add("x", on="a")
        tree.tree.fix(2, tree.hash("x"))
        choice = tree.choose()
        assert (tree.names(choice.disconnect), tree.names(choice.connect)) == ("c b", "x")
        assert tree.statuses() == {"c": "shut-out", "x": "active"}
        assert tree.tree.best_header() == tree.entries["x"]

    def test_deep_change_to_a_fixed_block_is_not_parked(self) -> None:
        tree = Tree()
        tree.line("a", 120)
        tree.choose()
        new = tree.line("x", 110)
        tree.tree.fix(110, tree.hash(new))
        tree.choose()
        assert tree.active == new

    def test_fixed_block_frees_its_parked_branch(self) -> None:
        tree = Tree()
        tree.line("a", 101)
        tree.choose()
        new = tree.line("x", 102)
        tree.choose()
        tree.tree.fix(102, tree.hash(new))
        tree.choose()
        assert tree.active == new

    def test_awaited_block_holds_once_it_is_ready(self) -> None:
        tree = Tree()
        tree.add("abc")
        tree.choose()
        tree.entries["x"] = entry_on(tree.entries["a"], 1, ord("x"))
        tree.tree.fix(2, tree.hash("x"))
        tree.choose()
        assert tree.active == "c"
        tree.add("d", on="c")
        tree.choose()
        assert tree.active == "d"
        tree.add("x", on="a")
        tree.choose()
        assert tree.active == "x"

    def test_failed_block_is_awaited_until_it_is_reconsidered(self) -> None:
        tree = Tree()
        tree.add("a")
        tree.add("x")
        tree.tree.fail(tree.hash("x"))
        tree.tree.fix(1, tree.hash("x"))
        tree.choose()
        assert tree.active == "a"
        tree.tree.reconsider(tree.hash("x"))
        tree.choose()
        assert tree.active == "x"

    def test_awaited_block_below_the_last_fixed_one_changes_nothing(self) -> None:
        tree = Tree()
        tree.add("ab", bodies=False)
        tree.tree.fix(1, tree.hash("a"))
        tree.tree.fix(2, tree.hash("b"))
        tree.body("b")
        tree.body("a")
        tree.choose()
        assert tree.active == "b"
        with pytest.raises(errors.BelowCheckpoint):
            tree.tree.fail(tree.hash("b"))

    def test_nothing_new_grows_beside_a_fixed_block(self) -> None:
        tree = Tree()
        tree.add("abc")
        tree.choose()
        tree.add("x", on="a")
        tree.tree.fix(2, tree.hash("b"))
        beside = entry_on(tree.entries["a"], 1, ord("q"))
        on_shut_out = entry_on(tree.entries["x"], 1, ord("q"))
        for entry in (beside, on_shut_out):
            with pytest.raises(errors.CheckpointBranch) as raised:
                tree.tree.add_header(entry)
            assert (raised.value.field, raised.value.values) == ("height", {"height": 2})
            assert not raised.value.is_blamed
        tree.add("d", on="c")
        tree.choose()
        assert tree.active == "d"

    def test_fixed_part_cannot_be_given_up_and_the_rest_can(self) -> None:
        tree = Tree()
        tree.add("abc")
        tree.add("x", on="a")
        tree.choose()
        tree.tree.fix(2, tree.hash("b"))
        for name in "ab":
            with pytest.raises(errors.BelowCheckpoint) as raised:
                tree.tree.fail(tree.hash(name))
            assert (raised.value.field, raised.value.values) == ("hash", {"height": 2})
        tree.tree.fail(tree.hash("x"))
        tree.tree.fail(tree.hash("c"))
        tree.choose()
        assert tree.active == "b"

    def test_checkpoint_beside_the_fixed_branch_is_a_contradiction(self) -> None:
        tree = Tree()
        tree.add("abc")
        tree.add("x", on="g")
        tree.tree.fix(2, tree.hash("b"))
        tree.tree.fix(1, tree.hash("a"))
        assert tree.tree.rival_of(1, tree.hash("a")) is None
        tree.tree.fix(1, tree.hash("x"))
        assert tree.tree.rival_of(1, tree.hash("x")) == tree.hash("b")
        assert tree.tree.rival_of(1, tree.hash("a")) is None
        assert tree.tree.dispute is None

    def test_neither_of_two_that_contradict_each_other_holds(self) -> None:
        tree = Tree()
        tree.add("ab")
        tree.add("xyz")
        tree.tree.fix(2, tree.hash("b"))
        assert tree.choose().tip == tree.entries["b"]
        tree.tree.fix(2, tree.hash("y"))
        dispute = tree.tree.dispute
        assert dispute is not None
        assert {dispute.one.hash, dispute.other.hash} == {tree.hash("b"), tree.hash("y")}
        assert tree.choose().tip == tree.entries["z"]
        assert tree.statuses() == {"b": "ready", "z": "active"}
        tree.tree.fail(tree.hash("b"))

    def test_more_signers_end_a_contradiction(self) -> None:
        tree = Tree()
        tree.add("ab")
        tree.add("xyz")
        tree.tree.fix(2, tree.hash("b"), signers=2)
        tree.tree.fix(2, tree.hash("y"), signers=2)
        tree.tree.fix(2, tree.hash("b"), signers=3)
        assert tree.tree.dispute is None
        assert tree.tree.rival_of(2, tree.hash("y")) == tree.hash("b")
        assert tree.choose().tip == tree.entries["b"]
        assert tree.statuses() == {"b": "active", "z": "shut-out"}

    def test_later_checkpoint_beside_a_fixed_block_leaves_somewhere_to_stand(self) -> None:
        tree = Tree()
        tree.add("ab")
        tree.add("xyz")
        tree.tree.fix(1, tree.hash("a"))
        tree.choose()
        assert tree.active == "b"
        tree.tree.fix(2, tree.hash("y"))
        assert tree.tree.rival_of(2, tree.hash("y")) == tree.hash("a")
        tree.choose()
        assert tree.active == "z"
        tree.tree.fix(2, tree.hash("y"), signers=2)
        assert tree.tree.dispute is None
        assert tree.statuses() == {"b": "shut-out", "z": "active"}
        tree.tree.fix(2, tree.hash("b"))
        assert tree.tree.rival_of(2, tree.hash("b")) == tree.hash("y")
        tree.choose()
        assert tree.active == "z"

    def test_checkpoint_above_all_others_ends_a_contradiction(self) -> None:
        tree = Tree()
        tree.add("abc")
        tree.add("xy")
        tree.tree.fix(1, tree.hash("a"))
        tree.tree.fix(2, tree.hash("y"))
        assert tree.tree.rival_of(2, tree.hash("y")) == tree.hash("a")
        tree.tree.fix(3, tree.hash("c"))
        assert tree.tree.dispute is None
        tree.choose()
        assert tree.active == "c"

    def test_block_that_is_to_be_fixed_is_gone_for_whatever_work_others_have(self) -> None:
        tree = Tree()
        tree.add("abc")
        tree.add("xy", bodies=False)
        assert tree.tree.best_header() == tree.entries["c"]
        tree.tree.fix(1, tree.hash("x"))
        assert tree.tree.rival_of(1, tree.hash("x")) is None
        assert tree.tree.best_header() == tree.entries["y"]
        tree.tree.fail(tree.hash("y"))
        assert tree.tree.best_header() == tree.entries["x"]
        tree.tree.fail(tree.hash("x"))
        assert tree.tree.best_header() == tree.entries["c"]

    def test_block_to_be_fixed_that_was_let_go_is_not_gone_for(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tree = Tree()
        tree.add("abc")
        tree.add("x", bodies=False)
        tree.tree.fix(1, tree.hash("x"))
        monkeypatch.setattr(chain, "MAX_TIPS", 2)
        tree.add("q", on="b", bodies=False)
        assert tree.hash("x") not in tree.tree
        assert tree.tree.best_header() == tree.entries["c"]

    def test_branch_beside_the_fixed_one_is_looked_at_while_a_block_is_sought(self) -> None:
        tree = Tree()
        tree.add("abc")
        tree.choose()
        tree.tree.fix(2, tree.hash("b"))
        tree.entries["x"] = entry_on(GENESIS, 1, ord("x"))
        tree.entries["y"] = entry_on(tree.entries["x"], 1, ord("y"))
        tree.tree.fix(2, tree.hash("y"))
        assert tree.tree.dispute is not None
        tree.tree.fix(2, tree.hash("b"), signers=2)
        tree.add("xy")
        assert tree.statuses() == {"c": "active", "y": "shut-out"}
        tree.tree.fix(2, tree.hash("y"), signers=3)
        tree.choose()
        assert tree.active == "y"

    def test_name_for_a_height_that_a_block_does_not_have_fixes_nothing(self) -> None:
        tree = Tree()
        tree.add("ab")
        tree.add("x", work=9)
        tree.tree.fix(5, tree.hash("b"))
        tree.choose()
        assert tree.active == "x"

    def test_of_three_blocks_for_one_height_the_weakest_is_forgotten(self) -> None:
        tree = Tree()
        tree.add("a")
        tree.add("x")
        tree.add("z")
        tree.tree.fix(1, tree.hash("a"), signers=2)
        tree.tree.fix(1, tree.hash("x"), signers=3)
        tree.tree.fix(1, tree.hash("z"), signers=4)
        tree.choose()
        assert tree.active == "z"
        assert tree.tree.rival_of(1, tree.hash("a")) == tree.hash("z")

    def test_block_that_nobody_shows_keeps_others_of_its_height_from_being_fixed(self) -> None:
        tree = Tree()
        tree.add("ab")
        tree.entries["x"] = entry_on(GENESIS, 1, ord("x"))
        tree.tree.fix(1, tree.hash("x"), signers=3)
        tree.tree.fix(1, tree.hash("a"), signers=2)
        assert tree.tree.rival_of(1, tree.hash("a")) == tree.hash("x")
        assert tree.tree.dispute is None
        tree.choose()
        assert tree.active == "b"
        tree.add("x")
        tree.choose()
        assert tree.active == "x"

    @pytest.mark.parametrize("lower_and_upper", [(4, 2), (2, 4)])
    def test_strongest_of_those_that_a_block_is_beside_decides(
        self, lower_and_upper: tuple[int, int]
    ) -> None:
        tree = Tree()
        tree.add("abc")
        tree.add("wxyz")
        lower, upper = lower_and_upper
        tree.tree.fix(1, tree.hash("a"), signers=lower)
        tree.tree.fix(2, tree.hash("b"), signers=upper)
        tree.tree.fix(3, tree.hash("y"), signers=3)
        tree.choose()
        assert tree.active == "c"
        tree.tree.fix(3, tree.hash("y"), signers=5)
        tree.choose()
        assert tree.active == "z"

    def test_later_checkpoint_moves_the_fixed_part_up(self) -> None:
        tree = Tree()
        tree.add("abcd")
        tree.tree.fix(1, tree.hash("a"))
        tree.tree.fix(3, tree.hash("c"))
        with pytest.raises(errors.BelowCheckpoint):
            tree.tree.fail(tree.hash("c"))
        assert tree.tree.fail(tree.hash("d")) == [tree.hash("d")]
