"""Amounts as people read them: coins, exact to the base unit."""

from __future__ import annotations

from chaindeck.ledger.limits import COIN

DECIMALS = 8
"""Of a coin, as `COIN` has zeros."""


def show_coins(units: int) -> str:
    """Write base units as coins, with thousands apart and no needless zeros."""
    sign = "-" if units < 0 else ""
    whole, rest = divmod(abs(units), COIN)
    decimals = f"{rest:0{DECIMALS}d}".rstrip("0")
    return f"{sign}{whole:,}{'.' if decimals else ''}{decimals}"
