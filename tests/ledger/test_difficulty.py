"""Targets follow from the branch in integers alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaindeck.ledger.codec import build_header
from chaindeck.ledger.difficulty import Required, required_bits
from chaindeck.ledger.genesis import Network
from chaindeck.ledger.headers import genesis_entry
from chaindeck.ledger.ports import Entry
from chaindeck.ledger.targets import bits_of, target_of
from tests.ledger.forge import dev_network

EASY = 0x1F00FFFF
EASY_TARGET = 0xFFFF << 224
INTERVAL_MS = 10_000


def network(difficulty: str) -> Network:
    return dev_network(difficulty=difficulty, easiest_bits=EASY, time_ms=1_000)


@dataclass
class Line:
    """A branch of headers without any work: the rules look at times and targets alone."""

    network: Network
    entries: list[Entry] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.entries.append(genesis_entry(self.network))

    def window(self, entry: Entry, count: int) -> Sequence[Entry]:
        height = entry.header.height
        return self.entries[max(0, height + 1 - count) : height + 1]

    def required(self, took_ms: int) -> Required:
        tip = self.entries[-1]
        return required_bits(self.network, self, tip, tip.header.time_ms + took_ms)

    def grow(self, took_ms: int, count: int = 1) -> None:
        for _ in range(count):
            required = self.required(took_ms)
            tip = self.entries[-1].header
            header = build_header(
                height=tip.height + 1,
                previous=tip.hash,
                merkle_root=bytes(32),
                time_ms=tip.time_ms + took_ms,
                target_bits=required.target_bits,
                tx_count=1,
            )
            self.entries.append(Entry(header, 0, required.base_bits, None))

    def target(self) -> int:
        """The period's target for a block that is not late."""
        target = target_of(self.required(1).base_bits)
        assert target is not None
        return target


def rounded(target: int) -> int:
    return target_of(bits_of(target)) or 0


class TestNone:
    def test_target_is_always_the_easiest(self) -> None:
        line = Line(network("none"))
        line.grow(1, 150)
        assert line.required(10**9) == Required(EASY, EASY)


class TestStep100:
    def test_first_period_starts_at_the_easiest(self) -> None:
        line = Line(network("step100"))
        line.grow(5_000, 99)
        assert {entry.header.target_bits for entry in line.entries} == {EASY}

    def test_first_change_measures_98_intervals_and_never_the_one_after_genesis(self) -> None:
        line = Line(network("step100"))
        line.grow(10**10)
        line.grow(5_000, 98)
        assert line.required(1).base_bits == bits_of(EASY_TARGET // 2)

    def test_later_changes_measure_100_intervals(self) -> None:
        line = Line(network("step100"))
        line.grow(2_500, 99)
        line.grow(9_000, 100)
        before = rounded(EASY_TARGET // 4)
        assert target_of(line.entries[-1].base_bits) == before
        assert line.required(1).base_bits == bits_of(before * 900_000 // 1_000_000)

    def test_interval_across_the_boundary_counts_once(self) -> None:
        line = Line(network("step100"))
        line.grow(2_500, 99)
        line.grow(40_000)
        line.grow(10_000, 99)
        before = rounded(EASY_TARGET // 4)
        assert line.required(1).base_bits == bits_of(before * 1_030_000 // 1_000_000)

    def test_target_stays_within_a_period(self) -> None:
        line = Line(network("step100"))
        line.grow(2_500, 100)
        base = line.entries[-1].base_bits
        line.grow(1, 98)
        assert line.required(1).base_bits == base

    @pytest.mark.parametrize(("took_ms", "divisor"), [(2_500, 4), (2_000, 4), (1, 4), (5_000, 2)])
    def test_change_is_clamped_to_a_factor_of_four(self, took_ms: int, divisor: int) -> None:
        line = Line(network("step100"))
        line.grow(took_ms, 99)
        assert line.target() == rounded(EASY_TARGET // divisor)

    def test_easing_is_clamped_to_a_factor_of_four(self) -> None:
        line = Line(network("step100"))
        line.grow(100, 299)
        hard = line.target()
        line.grow(50_000, 100)
        assert line.target() == rounded(hard * 4)

    def test_target_is_never_easier_than_the_easiest(self) -> None:
        line = Line(network("step100"))
        line.grow(59_000, 99)
        assert line.required(1) == Required(EASY, EASY)

    def test_late_block_may_be_easier_by_the_minute(self) -> None:
        line = Line(network("step100"))
        line.grow(100, 299)
        base = line.target()
        for took_ms, steps in ((1, 0), (59_999, 0), (60_000, 1), (119_999, 1), (120_000, 2)):
            assert line.required(took_ms).target_bits == bits_of(base << steps)
        assert line.required(600_000).target_bits == EASY
        assert line.required(10**12).target_bits == EASY

    def test_late_block_does_not_move_the_periods_base(self) -> None:
        line = Line(network("step100"))
        line.grow(100, 250)
        base = line.entries[-1].base_bits
        line.grow(200_000)
        late = line.entries[-1]
        assert late.base_bits == base != late.header.target_bits
        assert line.required(1).target_bits == base

    @given(st.lists(st.integers(1, 120_000), min_size=199, max_size=199))
    def test_any_times_follow_the_formula(self, times: list[int]) -> None:
        line = Line(network("step100"))
        for took_ms in times:
            line.grow(took_ms)
        first = _scaled(EASY_TARGET, sum(times[1:99]), 98 * INTERVAL_MS)
        second = _scaled(first, sum(times[99:199]), 100 * INTERVAL_MS)
        assert line.entries[150].base_bits == bits_of(first)
        assert line.required(1).base_bits == bits_of(second)


def _scaled(target: int, actual: int, expected: int) -> int:
    actual = min(max(actual, expected // 4), expected * 4)
    return rounded(min(EASY_TARGET, target * actual // expected))


class TestLwma60:
    def test_first_block_is_the_easiest(self) -> None:
        assert Line(network("lwma60")).required(1) == Required(EASY, EASY)

    def test_steady_blocks_keep_the_target(self) -> None:
        line = Line(network("lwma60"))
        line.grow(INTERVAL_MS // 2, 80)
        hard = line.target()
        line.grow(INTERVAL_MS, 200)
        assert 0.5 * hard < line.target() < EASY_TARGET
        steady = line.target()
        line.grow(INTERVAL_MS)
        assert abs(line.target() - steady) < steady >> 10

    @given(st.lists(st.integers(1, 120_000), min_size=1, max_size=75))
    def test_any_times_follow_the_formula(self, times: list[int]) -> None:
        line = Line(network("lwma60"))
        for took_ms in times:
            line.grow(took_ms)
        stand_in = (EASY_TARGET, INTERVAL_MS)
        real = [
            (target_of(entry.header.target_bits) or 0, min(took_ms, 60_000))
            for entry, took_ms in zip(line.entries[2:], times[1:], strict=True)
        ]
        recent = ([stand_in] * 60 + real)[-60:]
        weighted = sum(weight * took_ms for weight, (_, took_ms) in enumerate(recent, 1))
        targets = sum(target for target, _ in recent)
        expected = targets * weighted // (60 * (60 * 61 // 2) * INTERVAL_MS)
        assert line.target() == rounded(max(1, min(EASY_TARGET, expected)))

    def test_chance_in_the_first_blocks_makes_none_after_them_hard(self) -> None:
        line = Line(network("lwma60"))
        line.grow(1, 5)
        assert line.target() > 0.8 * EASY_TARGET

    def test_storm_at_the_start_is_caught_up_with_within_a_window(self) -> None:
        line = Line(network("lwma60"))
        line.grow(INTERVAL_MS // 1_000, 61)
        assert line.target() < EASY_TARGET // 500

    def test_late_block_is_not_easier(self) -> None:
        line = Line(network("lwma60"))
        line.grow(1_000, 70)
        assert line.required(1) == line.required(10**9)

    def test_base_is_the_target_itself(self) -> None:
        line = Line(network("lwma60"))
        line.grow(1_000, 70)
        assert line.entries[-1].base_bits == line.entries[-1].header.target_bits


@pytest.mark.parametrize("difficulty", ["step100", "lwma60"])
def test_storm_of_blocks_never_reaches_zero(difficulty: str) -> None:
    line = Line(dev_network(difficulty=difficulty, easiest_bits=0x04123456))
    line.grow(1, 2_100)
    assert line.target() == 1
