"""Amounts as people write them: coins with up to eight decimals, exact to the base unit."""

from __future__ import annotations

import argparse
from decimal import Decimal

from chaindeck.ledger.limits import COIN, MAX_AMOUNT

_DECIMALS = 8


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
    if exponent < -_DECIMALS:
        raise argparse.ArgumentTypeError(f"{text!r} has more than {_DECIMALS} decimals")
    units = int(coins.scaleb(_DECIMALS)) if len(digits) <= len(str(MAX_AMOUNT)) else MAX_AMOUNT + 1
    if units > MAX_AMOUNT:
        raise argparse.ArgumentTypeError(f"{text!r} is more than there can be")
    return units


def show_coins(units: int) -> str:
    """Write base units as coins, with thousands apart and no needless zeros."""
    sign = "-" if units < 0 else ""
    whole, rest = divmod(abs(units), COIN)
    decimals = f"{rest:0{_DECIMALS}d}".rstrip("0")
    return f"{sign}{whole:,}{'.' if decimals else ''}{decimals}"
