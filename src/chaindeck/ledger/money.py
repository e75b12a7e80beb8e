"""How much a block may create, and sums that never leave their range."""

from __future__ import annotations

from collections.abc import Iterable

from chaindeck.ledger.errors import AmountRange, TotalRange
from chaindeck.ledger.genesis import Genesis
from chaindeck.ledger.limits import MAX_AMOUNT
from chaindeck.ledger.types import Amount, Height


def subsidy_at(genesis: Genesis, height: Height) -> Amount:
    """Return the new coins of a block, halved at every interval, rounded down, zero in the end."""
    return Amount(genesis.subsidy >> min(height // genesis.halving_interval, 64))


def check_amount(amount: int, *, field: str) -> Amount:
    """Return an amount that an output may hold, or raise `AmountRange`."""
    if not 1 <= amount <= MAX_AMOUNT:
        raise AmountRange(field=field, amount=amount)
    return Amount(amount)


def check_total(amounts: Iterable[int], *, field: str) -> Amount:
    """Return the sum, checked after each addition, or raise `TotalRange`."""
    total = 0
    for amount in amounts:
        total += amount
        if total > MAX_AMOUNT:
            raise TotalRange(field=field)
    return Amount(total)
