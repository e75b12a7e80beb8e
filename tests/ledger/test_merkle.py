"""A branch proves its leaf and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaindeck.kernel import merkle_branch, merkle_root
from chaindeck.ledger.errors import MerkleBranch
from chaindeck.ledger.merkle import check_branch


@pytest.mark.parametrize("size", [*range(1, 34), 100])
def test_every_leaf_of_a_tree_is_proved_by_its_branch(size: int) -> None:
    leaves = [bytes([number]) for number in range(size)]
    root = merkle_root(leaves)
    for index, leaf in enumerate(leaves):
        check_branch(leaf, index, size, merkle_branch(leaves, index), root)


@given(st.integers(1, 70), st.data())
def test_any_change_breaks_the_proof(size: int, data: st.DataObject) -> None:
    leaves = [bytes([number]) for number in range(size)]
    index = data.draw(st.integers(0, size - 1))
    branch, root = merkle_branch(leaves, index), merkle_root(leaves)
    other = data.draw(st.integers(0, size - 1))
    wrong = [
        (b"x", index, size, branch, root),
        (leaves[index], index, size, [*branch, bytes(32)], root),
        (leaves[index], index, size, branch, bytes(32)),
    ]
    if branch:
        place = data.draw(st.integers(0, len(branch) - 1))
        wrong.append((leaves[index], index, size, branch[:-1], root))
        changed = [*branch[:place], bytes(32), *branch[place + 1 :]]
        wrong.append((leaves[index], index, size, changed, root))
    if other != index:
        wrong.append((leaves[other], index, size, branch, root))
        wrong.append((leaves[index], other, size, branch, root))
    for arguments in wrong:
        with pytest.raises(MerkleBranch):
            check_branch(*arguments)


@pytest.mark.parametrize(("index", "size"), [(-1, 1), (1, 1), (0, 0), (5, 4)])
def test_index_is_below_the_size(index: int, size: int) -> None:
    with pytest.raises(MerkleBranch, match="not below the size") as raised:
        check_branch(b"", index, size, [], bytes(32))
    assert raised.value.field == "index"


def test_what_is_wrong_with_the_branch_is_said() -> None:
    leaves = [b"a", b"b", b"c"]
    root, branch = merkle_root(leaves), merkle_branch(leaves, 0)
    for changed, reason in (
        ([*branch, branch[0]], "too long"),
        (branch[:1], "too short"),
        (branch[::-1], "another root"),
    ):
        with pytest.raises(MerkleBranch, match=reason) as raised:
            check_branch(b"a", 0, 3, changed, root)
        assert raised.value.field == "branch"
