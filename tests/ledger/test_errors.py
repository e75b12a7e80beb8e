"""Errors say what is wrong, with a code that is theirs alone."""

from __future__ import annotations

import inspect
import string

import pytest

from chaindeck.ledger import errors
from tools import error_page

CODED = [
    error
    for _, error in inspect.getmembers(errors, inspect.isclass)
    if issubclass(error, errors.RuleError) and "code" in error.__dict__
]


@pytest.mark.parametrize("error", CODED, ids=lambda error: error.code)
def test_message_is_made_of_the_values(error: type[errors.RuleError]) -> None:
    names = {name for _, name, _, _ in string.Formatter().parse(error.message) if name}
    raised = error(field="here", **dict.fromkeys(names, 7))
    assert raised.field == "here"
    assert raised.values == dict.fromkeys(names, 7)
    assert str(raised) == error.message.format(**dict.fromkeys(names, 7))
    assert "{" not in str(raised)


def test_families_carry_no_code() -> None:
    families = [error for error in errors.RuleError.__subclasses__() if error.__subclasses__()]
    assert len(families) >= 10
    assert not any("code" in family.__dict__ for family in families)


def test_policy_blames_nobody_for_being_poor() -> None:
    assert errors.RuleError.is_blamed
    assert not errors.FeeTooLow.is_blamed
    assert errors.CoinbaseAlone.is_blamed


def test_page_of_all_codes_is_current() -> None:
    assert error_page.PAGE.read_text() == error_page.render()
    for error in CODED:
        assert f"| `{error.code}` |" in error_page.render()
