"""Amounts are shown exactly."""

import pytest

from chaindeck.ledger.limits import COIN
from chaindeck.wallet.amounts import DECIMALS, show_coins


@pytest.mark.parametrize(
    ("units", "text"),
    [(0, "0"), (1, "0.00000001"), (-150_000_000, "-1.5"), (123_456_000_000_000, "1,234,560")],
)
def test_amount_is_shown_without_needless_zeros(units, text) -> None:
    assert show_coins(units) == text


def test_decimals_are_those_of_a_coin() -> None:
    assert 10**DECIMALS == COIN
    assert show_coins(COIN) == "1"
