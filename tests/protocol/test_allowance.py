"""Buckets and scores: what a peer may use."""

from __future__ import annotations

import pytest

from chaindeck.protocol.allowance import Bucket, Rate, Score


def test_a_bucket_gives_its_burst_and_then_what_it_regains() -> None:
    bucket = Bucket(Rate(3, 2), 1_000)
    assert [bucket.take(1_000) for _ in range(4)] == [True, True, True, False]
    assert not bucket.take(1_499)
    assert bucket.take(1_500)
    assert not bucket.take(1_500)


def test_a_bucket_never_holds_more_than_its_burst() -> None:
    bucket = Bucket(Rate(3, 2), 0)
    assert bucket.take(1_000_000, 3)
    assert not bucket.take(1_000_000, 0.1)


def test_what_is_too_much_takes_nothing() -> None:
    bucket = Bucket(Rate(3, 2), 0)
    assert not bucket.take(0, 4)
    assert bucket.take(0, 3)


def test_a_score_halves_every_half_life() -> None:
    score = Score(60_000)
    assert score.add(80, 0) == 80
    assert score.at(60_000) == pytest.approx(40)
    assert score.add(10, 120_000) == pytest.approx(30)
    assert score.at(119_000) == pytest.approx(30), "time does not run backwards"
