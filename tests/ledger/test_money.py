"""How much a block may create."""

from __future__ import annotations

import pytest

from chaindeck.ledger import errors, profiles
from chaindeck.ledger.limits import COIN, MAX_AMOUNT
from chaindeck.ledger.money import check_amount, check_total, subsidy_at
from chaindeck.ledger.types import Height


@pytest.mark.parametrize(
    ("height", "subsidy"),
    [
        (1, 25 * COIN),
        (1_576_799, 25 * COIN),
        (1_576_800, 1_250_000_000),
        (2 * 1_576_800, 625_000_000),
        (3 * 1_576_800, 312_500_000),
        (31 * 1_576_800, 1),
        (32 * 1_576_800, 0),
        (10_000 * 1_576_800, 0),
    ],
)
def test_subsidy_halves_and_rounds_down(height: int, subsidy: int) -> None:
    assert subsidy_at(profiles.local(), Height(height)) == subsidy


def test_amount_limits_from_both_sides() -> None:
    assert check_amount(1, field="x") == 1
    assert check_amount(MAX_AMOUNT, field="x") == MAX_AMOUNT
    for amount in (0, -1, MAX_AMOUNT + 1):
        with pytest.raises(errors.AmountRange) as raised:
            check_amount(amount, field="x")
        assert raised.value.field == "x"
        assert raised.value.values == {"amount": amount}


def test_total_is_checked_after_each_addition() -> None:
    assert check_total([], field="x") == 0
    assert check_total([MAX_AMOUNT - 1, 1], field="x") == MAX_AMOUNT
    with pytest.raises(errors.TotalRange) as raised:
        check_total([MAX_AMOUNT, 1], field="x")
    assert raised.value.field == "x"
    with pytest.raises(errors.TotalRange):
        check_total([MAX_AMOUNT, 1, -1], field="x")
