"""Faults say what a peer did, with a code that is theirs alone, and who is barred for it."""

from __future__ import annotations

import inspect
import string

import pytest

from chaindeck.protocol import errors
from chaindeck.protocol.codec import decode_message, encode_message
from chaindeck.protocol.messages import Bye, Type

CODED = [
    error
    for _, error in inspect.getmembers(errors, inspect.isclass)
    if issubclass(error, errors.PeerFault) and "code" in error.__dict__
]
PROVABLE = {
    "frame-type",
    "frame-size",
    "frame-checksum",
    "message-malformed",
    "message-count",
    "peer-signature",
    "peer-headers",
    "peer-block",
    "peer-payment",
    "peer-checkpoint",
}


@pytest.mark.parametrize("error", CODED, ids=lambda error: error.code)
def test_message_is_made_of_the_values(error: type[errors.PeerFault]) -> None:
    names = {name for _, name, _, _ in string.Formatter().parse(error.message) if name}
    raised = error(**dict.fromkeys(names, 7))
    assert str(raised) == error.message.format(**dict.fromkeys(names, 7))
    assert "{" not in str(raised)


@pytest.mark.parametrize("error", CODED, ids=lambda error: error.code)
def test_every_code_fits_into_a_farewell(error: type[errors.PeerFault]) -> None:
    payload = encode_message(bytes(4), Bye(error.code))[13:]
    assert decode_message(Type.BYE, payload) == Bye(error.code)


def test_families_carry_no_code() -> None:
    families = [error for error in errors.PeerFault.__subclasses__() if error.__subclasses__()]
    assert len(families) == 6
    assert not any("code" in family.__dict__ for family in families)


def test_only_what_no_honest_node_does_is_provable() -> None:
    assert {error.code for error in CODED if error.is_provable} == PROVABLE


def test_codes_are_all_different() -> None:
    assert len({error.code for error in CODED}) == len(CODED)
