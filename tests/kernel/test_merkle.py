"""Merkle trees against RFC 9162's own recursive definition."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaindeck.kernel import twin


def leaf(data):
    return sha256(b"\x00" + data).digest()


def node(left, right):
    return sha256(b"\x01" + left + right).digest()


def climb(data, path, index, count):
    """RFC 9162, section 2.1.3.2: the root that an audit path leads to."""
    position, last, root = index, count - 1, leaf(data)
    for sibling in path:
        assert last > 0
        if position & 1 or position == last:
            root = node(sibling, root)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            root = node(root, sibling)
        position, last = position >> 1, last >> 1
    assert last == 0
    return root


class TestMerkleTree:
    def test_empty_tree_is_the_hash_of_nothing(self, kernel):
        assert kernel.merkle_root([]) == sha256(b"").digest()

    def test_small_trees_have_the_shape_of_the_standard(self, kernel):
        a, b, c, d, e = (bytes([number]) * number for number in range(5))
        ab, cd = node(leaf(a), leaf(b)), node(leaf(c), leaf(d))
        assert kernel.merkle_root([a]) == leaf(a)
        assert kernel.merkle_root([a, b]) == ab
        assert kernel.merkle_root([a, b, c]) == node(ab, leaf(c))
        assert kernel.merkle_root([a, b, c, d]) == node(ab, cd)
        assert kernel.merkle_root([a, b, c, d, e]) == node(node(ab, cd), leaf(e))

    def test_trees_of_every_size_agree_with_the_recursive_definition(self, kernel):
        leaves = [number.to_bytes(2, "big") * (number % 70) for number in range(130)]
        for count in range(len(leaves)):
            assert kernel.merkle_root(leaves[:count]) == twin.merkle_root(leaves[:count])

    def test_doubling_the_last_leaf_changes_the_root(self, kernel):
        assert kernel.merkle_root([b"a", b"b", b"c"]) != kernel.merkle_root(
            [b"a", b"b", b"c", b"c"]
        )

    def test_every_branch_leads_to_the_root(self, kernel):
        leaves = [bytes([number]) for number in range(35)]
        for count in (1, 2, 3, 4, 5, 8, 9, 31, 32, 33, 35):
            root = kernel.merkle_root(leaves[:count])
            for index in range(count):
                path = kernel.merkle_branch(leaves[:count], index)
                assert climb(leaves[index], path, index, count) == root

    @pytest.mark.parametrize("index", [-1, 3])
    def test_branch_of_a_leaf_that_is_not_there_is_an_index_error(self, kernel, index):
        with pytest.raises(IndexError):
            kernel.merkle_branch([b"a", b"b", b"c"], index)

    def test_branch_in_an_empty_tree_is_an_index_error(self, kernel):
        with pytest.raises(IndexError):
            kernel.merkle_branch([], 0)

    @given(leaves=st.lists(st.binary(max_size=130), min_size=1, max_size=40), data=st.data())
    def test_random_trees_agree_with_twin(self, kernel, leaves, data):
        index = data.draw(st.integers(0, len(leaves) - 1))
        assert kernel.merkle_root(leaves) == twin.merkle_root(leaves)
        assert kernel.merkle_branch(leaves, index) == twin.merkle_branch(leaves, index)
