"""Chance from one seed."""

from __future__ import annotations

from collections import Counter

import pytest

from chaindeck.protocol.entropy import Entropy

SEED = bytes(range(32))


def test_the_same_seed_draws_the_same() -> None:
    one, other = Entropy(SEED), Entropy(SEED)
    assert [one.draw(size) for size in (1, 70, 3)] == [other.draw(size) for size in (1, 70, 3)]
    assert Entropy(bytes(32)).draw(8) != Entropy(SEED).draw(8)


def test_no_byte_is_drawn_twice() -> None:
    whole = Entropy(SEED).draw(200)
    pieces = Entropy(SEED)
    assert b"".join(pieces.draw(10) for _ in range(20)) == whole


@pytest.mark.parametrize("limit", [1, 2, 7, 1_000_000])
def test_a_number_is_below_its_limit(limit: int) -> None:
    entropy = Entropy(SEED)
    assert all(0 <= entropy.below(limit) < limit for _ in range(200))


def test_choices_are_different_and_every_item_has_its_chance() -> None:
    entropy = Entropy(SEED)
    counts = Counter(item for _ in range(2_000) for item in entropy.choose(range(10), 3))
    assert set(counts) == set(range(10))
    assert min(counts.values()) > 450
    assert sorted(entropy.choose(range(4), 9)) == [0, 1, 2, 3]
    assert entropy.choose([], 3) == []
