"""Amounts as people write them: coins with up to eight decimals, exact to the base unit.

The other direction is `chaindeck.wallet.amounts`.
"""

from __future__ import annotations

import argparse
from decimal import Decimal

from chaindeck.ledger.limits import MAX_AMOUNT
from chaindeck.wallet.amounts import DECIMALS


def parse_coins(text: str) -> int:
    """Return base units; raise `ArgumentTypeError` for what is no amount that can be paid."""
    amount = _parse(text)
    if amount < 1:
        raise argparse.ArgumentTypeError(f"the least amount is 0.00000001, not {text!r}")
    return amount


def _parse(text: str) -> int:
    digits = text.replace(".", "", 1)
    if not digits.isascii() or not digits.isdigit():
        raise argparse.ArgumentTypeError(f"an amount looks like 12.5, not {text!r}")
    coins = Decimal(text)
    exponent = coins.as_tuple().exponent
    assert isinstance(exponent, int), "digits are no infinity"
    if exponent < -DECIMALS:
        raise argparse.ArgumentTypeError(f"{text!r} has more than {DECIMALS} decimals")
    units = int(coins.scaleb(DECIMALS)) if len(digits) <= len(str(MAX_AMOUNT)) else MAX_AMOUNT + 1
    if units > MAX_AMOUNT:
        raise argparse.ArgumentTypeError(f"{text!r} is more than there can be")
    return units
