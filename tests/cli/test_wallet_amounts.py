"""Amounts are exact, whatever people type."""

import argparse

import pytest

from chaindeck.cli.wallet_amounts import parse_coins
from chaindeck.ledger.limits import MAX_AMOUNT


@pytest.mark.parametrize(
    ("text", "units"),
    [("1", 10**8), ("0.00000001", 1), ("12.5", 1_250_000_000), (".5", 50_000_000), ("1.", 10**8),
     ("90000000", MAX_AMOUNT), ("0.10000000", 10_000_000)],
)  # fmt: skip
def test_amount_is_read_exactly(text, units) -> None:
    assert parse_coins(text) == units


@pytest.mark.parametrize(
    "text",
    ["", ".", "0", "-1", "+1", "1e3", "1,5", "0x1", "NaN", "1.2.3", " 1", "0.000000001", "\u0661",
     "90000000.00000001", "9" * 5_000],
)  # fmt: skip
def test_what_is_no_amount_is_refused(text) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        parse_coins(text)
