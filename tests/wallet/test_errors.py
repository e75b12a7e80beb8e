"""Every error of the wallet has a code of its own, and no message has room for a secret."""

import string

import pytest

from chaindeck.ledger.errors import RuleError
from chaindeck.wallet import errors

CODED = [
    item
    for item in vars(errors).values()
    if isinstance(item, type) and issubclass(item, errors.WalletError) and "code" in vars(item)
]
HARMLESS = {
    *("count", "position", "reason", "index", "actual", "expected", "n", "r", "p", "least"),
    *("limit", "have", "need", "size", "input", "missing"),
}


@pytest.mark.parametrize("error", CODED, ids=lambda error: error.code)
def test_message_names_counts_places_and_reasons_only(error):
    names = {name for _, name, _, _ in string.Formatter().parse(error.message) if name}
    assert names <= HARMLESS


def test_nobody_is_barred_for_an_error_of_the_wallet():
    assert issubclass(errors.WalletError, RuleError)
    assert not any(error.is_blamed for error in CODED)
