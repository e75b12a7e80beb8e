"""Which branch holds, and the way there."""

from __future__ import annotations

import pytest

from chaindeck.ledger import chain, errors
from tests.ledger.branches import GENESIS, Tree, entry_on


class TestChoosing:
    def test_new_tree_stands_on_genesis(self) -> None:
        tree = Tree()
        choice = tree.choose()
        assert (choice.tip, choice.connect, choice.disconnect) == (GENESIS, [], [])
        assert not choice.is_deep

    def test_most_work_wins_and_not_most_blocks(self) -> None:
        tree = Tree()
        tree.add("abc")
        assert tree.names(tree.choose().connect) == "a b c"
        tree.add("x", work=5)
        choice = tree.choose()
        assert tree.names(choice.disconnect) == "c b a"
        assert tree.names(choice.connect) == "x"

    def test_first_seen_wins_a_tie(self) -> None:
        tree = Tree()
        tree.add("a")
        tree.add("x")
        tree.choose()
        assert tree.active == "a"
        tree.add("y", on="x")
        tree.choose()
        assert tree.active == "y"

    def test_body_decides_who_was_first(self) -> None:
        tree = Tree()
        tree.add("a", bodies=False)
        tree.add("x")
        tree.body("a")
        tree.choose()
        assert tree.active == "x"

    def test_repeated_body_changes_nothing(self) -> None:
        tree = Tree()
        tree.add("ax"[:1])
        tree.add("x")
        tree.body("a")
        tree.choose()
        assert tree.active == "a"

    def test_mark_of_a_body_to_come_is_the_one_that_it_gets(self) -> None:
        tree = Tree()
        tree.add("ab", bodies=False)
        for name, is_ready in (("a", True), ("b", True)):
            block_hash = tree.entries[name].header.hash
            before = tree.tree.mark(block_hash).arrival
            coming = tree.tree.arriving(block_hash)
            assert before is None
            assert tree.tree.mark(block_hash).arrival is None
            assert coming.is_ready is is_ready
            tree.body(name)
            assert tree.tree.mark(block_hash) == coming
        assert tree.tree.arriving(block_hash) == coming

    def test_branch_waits_for_its_bodies(self) -> None:
        tree = Tree()
        tree.add("a")
        tree.add("xyz", bodies=False)
        tree.body("z")
        tree.body("y")
        tree.choose()
        assert tree.active == "a"
        assert tree.tree.best_header() == tree.entries["z"]
        tree.body("x")
        assert tree.names(tree.choose().connect) == "x y z"

    def test_way_leads_over_the_last_common_block(self) -> None:
        tree = Tree()
        tree.add("abcd")
        tree.add("xy", on="b")
        disconnect, connect = tree.tree.route(tree.hash("d"), tree.hash("y"))
        assert (tree.names(disconnect), tree.names(connect)) == ("d c", "x y")
        assert tree.tree.route(tree.hash("d"), tree.hash("d")) == ([], [])
        disconnect, connect = tree.tree.route(tree.hash("a"), tree.hash("y"))
        assert (tree.names(disconnect), tree.names(connect)) == ("", "b x y")

    def test_deep_change_is_said(self) -> None:
        for depth, is_deep in ((6, False), (7, True)):
            tree = Tree()
            tree.line("a", depth)
            tree.choose()
            tree.line("x", depth + 1)
            assert tree.choose().is_deep == is_deep


class TestLooking:
    def test_unknown_hash_is_refused(self) -> None:
        tree = Tree()
        assert tree.tree.find(b"\x01" * 32) is None
        assert b"\x01" * 32 not in tree.tree
        for ask in (tree.tree.entry, tree.tree.mark, tree.tree.fail, tree.tree.prefer):
            with pytest.raises(errors.UnknownBlock) as raised:
                ask(b"\x01" * 32)
            assert (raised.value.field, raised.value.values) == ("hash", {"hash": "01" * 32})

    def test_window_is_the_end_of_a_branch(self) -> None:
        tree = Tree()
        tree.add("abc")
        tree.add("x", on="a")
        entries = tree.entries
        assert list(tree.tree.window(entries["c"], 2)) == [entries["b"], entries["c"]]
        assert list(tree.tree.window(entries["x"], 3)) == [GENESIS, entries["a"], entries["x"]]
        assert len(tree.tree.window(entries["c"], 99)) == 4
        assert list(tree.tree.window(GENESIS, 1)) == [GENESIS]

    def test_branch_walks_down_to_genesis(self) -> None:
        tree = Tree()
        tree.add("ab")
        assert list(tree.tree.branch(tree.entries["b"])) == [
            tree.entries["b"],
            tree.entries["a"],
            GENESIS,
        ]

    def test_tips_say_what_they_are(self) -> None:
        tree = Tree()
        tree.add("abc")
        tree.choose()
        tree.add("x", on="a")
        tree.add("y", on="a", bodies=False)
        tree.add("z", on="b")
        tree.tree.fail(tree.hash("z"))
        assert tree.statuses() == {
            "c": "active",
            "z": "invalid",
            "x": "ready",
            "y": "headers-only",
        }
        lengths = {
            tree.names([tip.entry.header.hash]): tip.branch_length
            for tip in tree.tree.tips(tree.hash("c"))
        }
        assert lengths == {"c": 0, "z": 1, "x": 1, "y": 1}

    def test_active_tip_is_listed_though_others_build_on_it(self) -> None:
        tree = Tree()
        tree.add("a")
        tree.choose()
        tree.add("b", on="a", bodies=False)
        assert tree.statuses() == {"b": "headers-only", "a": "active"}


class TestGrowing:
    def test_known_header_is_not_new(self) -> None:
        tree = Tree()
        assert tree.tree.add_header(entry_on(GENESIS))
        assert not tree.tree.add_header(entry_on(GENESIS))
        assert len(tree.tree) == 2

    def test_header_needs_its_parent(self) -> None:
        tree = Tree()
        orphan = entry_on(entry_on(GENESIS))
        with pytest.raises(errors.UnknownParent) as raised:
            tree.tree.add_header(orphan)
        assert raised.value.field == "previous"
        assert raised.value.values == {"previous": orphan.header.previous.hex()}

    def test_nothing_builds_on_a_failed_block(self) -> None:
        tree = Tree()
        tree.add("a")
        tree.tree.fail(tree.hash("a"))
        with pytest.raises(errors.InvalidParent) as raised:
            tree.tree.add_header(entry_on(tree.entries["a"]))
        assert raised.value.field == "previous"
        assert raised.value.values == {"previous": tree.hash("a").hex()}

    def test_poorest_branch_end_goes_at_the_cap(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(chain, "MAX_TIPS", 3)
        tree = Tree()
        tree.add("ab")
        tree.choose()
        tree.add("x", work=1, bodies=False)
        tree.add("y", work=9, bodies=False)
        assert len(tree.statuses()) == 3
        tree.add("z", work=8, bodies=False)
        assert set(tree.statuses()) == {"b", "y", "z"}
        assert tree.hash("x") not in tree.tree
        tree.choose()
        assert tree.active == "b"

    def test_newcomer_stays_though_it_is_the_poorest(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(chain, "MAX_TIPS", 2)
        tree = Tree()
        tree.add("abc")
        tree.add("xy")
        tree.choose()
        tree.add("n", bodies=False)
        assert tree.hash("n") in tree.tree
        assert tree.hash("y") not in tree.tree

    def test_parent_of_a_dropped_end_may_win_and_fail_without_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tree = Tree()
        tree.add("abc")
        tree.choose()
        tree.add("px")
        monkeypatch.setattr(chain, "MAX_TIPS", 2)
        tree.add("n", bodies=False)
        assert tree.hash("x") not in tree.tree
        tree.tree.fail(tree.hash("a"))
        tree.choose()
        assert tree.active == "p"
        assert tree.tree.fail(tree.hash("p")) == [tree.hash("p")]

    def test_dropped_branch_end_may_come_back(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(chain, "MAX_TIPS", 2)
        tree = Tree()
        tree.add("a")
        tree.add("x", bodies=False)
        tree.add("y", bodies=False)
        assert tree.hash("x") not in tree.tree
        assert tree.statuses() == {"a": "ready", "y": "headers-only", "g": "active"}
        tree.add("x", on="a", bodies=False)
        assert tree.hash("x") in tree.tree


class TestCommands:
    def test_failed_branch_loses_at_once(self) -> None:
        tree = Tree()
        tree.add("abc")
        tree.add("x", on="a")
        tree.choose()
        affected = tree.tree.fail(tree.hash("b"))
        assert tree.names(affected) == "b c"
        choice = tree.choose()
        assert (tree.names(choice.disconnect), tree.names(choice.connect)) == ("c b", "x")

    def test_without_another_branch_the_chain_falls_back(self) -> None:
        tree = Tree()
        tree.add("abc")
        tree.choose()
        tree.tree.fail(tree.hash("b"))
        assert tree.tree.best_header() == tree.entries["a"]
        tree.choose()
        assert tree.active == "a"
        tree.tree.fail(tree.hash("a"))
        tree.choose()
        assert tree.active == "g"

    def test_genesis_cannot_be_given_up(self) -> None:
        with pytest.raises(errors.GenesisIsFixed) as raised:
            Tree().tree.fail(GENESIS.header.hash)
        assert raised.value.field == "hash"

    def test_reconsidered_branch_may_win_again(self) -> None:
        tree = Tree()
        tree.add("abc")
        tree.add("x", on="a")
        tree.choose()
        tree.tree.fail(tree.hash("a"))
        tree.choose()
        assert tree.active == "g"
        tree.tree.reconsider(tree.hash("b"))
        tree.choose()
        assert tree.active == "c"
        assert tree.tree.mark(tree.hash("x")).is_failed
        tree.tree.reconsider(tree.hash("a"))
        assert not tree.tree.mark(tree.hash("x")).is_failed

    def test_preferred_block_wins_the_tie(self) -> None:
        tree = Tree()
        tree.add("a")
        tree.add("x")
        tree.add("y")
        tree.choose()
        tree.tree.prefer(tree.hash("x"))
        tree.choose()
        assert tree.active == "x"
        tree.tree.prefer(tree.hash("y"))
        tree.choose()
        assert tree.active == "y"

    def test_block_without_body_cannot_be_preferred(self) -> None:
        tree = Tree()
        tree.add("a")
        tree.add("x", bodies=False)
        tree.tree.prefer(tree.hash("x"))
        assert tree.tree.mark(tree.hash("x")).arrival is None
        tree.body("x")
        tree.choose()
        assert tree.active == "a"


class TestParking:
    @pytest.mark.parametrize(("depth", "is_parked"), [(100, False), (101, True)])
    def test_too_deep_a_change_waits_for_an_operator(self, depth: int, *, is_parked: bool) -> None:
        tree = Tree()
        old = tree.line("a", depth)
        tree.choose()
        new = tree.line("x", depth + 1)
        choice = tree.choose()
        assert tree.active == (old if is_parked else new)
        assert tree.names(choice.parked) == (new if is_parked else "")
        assert (tree.statuses().get(new) == "parked") == is_parked

    def test_parked_branch_grows_without_winning(self) -> None:
        tree = Tree()
        old = tree.line("a", 101)
        tree.choose()
        new = tree.line("x", 102)
        tree.choose()
        tree.add("z", on=new)
        assert tree.choose().parked == []
        assert tree.active == old
        assert tree.tree.best_header() == tree.entries[old]

    def test_operator_accepts(self) -> None:
        tree = Tree()
        tree.line("a", 101)
        tree.choose()
        new = tree.line("x", 102)
        tree.choose()
        tree.tree.accept(tree.hash(new))
        assert len(tree.choose().disconnect) == 101
        assert tree.active == new

    def test_never_while_syncing(self) -> None:
        tree = Tree()
        tree.line("a", 101)
        tree.choose()
        new = tree.line("x", 102)
        assert len(tree.choose(is_syncing=True).disconnect) == 101
        assert tree.active == new

    def test_not_when_the_active_branch_itself_was_given_up(self) -> None:
        tree = Tree()
        tree.line("a", 150)
        tree.choose()
        new = tree.line("x", 20)
        tree.tree.fail(tree.hash("a10"))
        tree.choose()
        assert tree.active == new
