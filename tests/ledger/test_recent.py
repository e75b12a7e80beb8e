"""What was noted last is remembered, in bounded space, at the same cost however full it is."""

from __future__ import annotations

import random
import time

import pytest

from chaindeck.ledger.recent import RecentSet


@pytest.mark.parametrize("capacity", [1, 2, 3, 10, 101])
def test_the_last_half_is_remembered_and_never_more_than_all(capacity: int) -> None:
    recent: RecentSet[int] = RecentSet(capacity)
    for item in range(5 * capacity):
        recent.note(item)
        assert item in recent
        kept = range(max(0, item - capacity // 2 + 1), item + 1)
        assert all(one in recent for one in kept)
        assert len(recent) <= capacity
    assert 0 not in recent


def test_noting_again_changes_nothing() -> None:
    recent: RecentSet[int] = RecentSet(8)
    recent.note_all([1, 2, 1, 1, 2])
    assert len(recent) == 2


def test_items_are_looked_up_together_as_one_by_one(rng: random.Random) -> None:
    recent: RecentSet[int] = RecentSet(50)
    for _ in range(100):
        recent.note_all(rng.randrange(200) for _ in range(rng.randrange(20)))
        asked = [rng.randrange(200) for _ in range(30)]
        assert list(recent.which(asked)) == [item in recent for item in asked]


def test_cleared_set_begins_anew() -> None:
    recent: RecentSet[int] = RecentSet(4)
    recent.note_all([1, 2, 3])
    recent.clear()
    assert len(recent) == 0
    assert 3 not in recent
    recent.note(3)
    assert 3 in recent


def test_full_set_takes_one_more_as_fast_as_an_empty_one() -> None:
    """A dict whose first key goes each time takes a hundred times as long here."""
    size = 200_000
    recent: RecentSet[int] = RecentSet(size)

    def took(first: int) -> float:
        started = time.perf_counter()
        recent.note_all(range(first, first + size // 2))
        return time.perf_counter() - started

    empty = took(0)
    recent.note_all(range(size))
    assert min(took(size * turn) for turn in (1, 2, 3)) < 20 * empty
