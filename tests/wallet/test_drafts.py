"""Drafts come back from JSON as they were, and what does not fit together is refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaindeck.ledger.errors import (
    AddressError,
    JsonShape,
    JsonSyntax,
    NoInputs,
    NoOutputs,
    OutputsExceedInputs,
    RuleError,
    TotalRange,
)
from chaindeck.ledger.json_form import transaction_to_json
from chaindeck.ledger.limits import MAX_AMOUNT
from chaindeck.ledger.types import Data
from chaindeck.wallet.drafts import (
    TRANSACTION_SCHEMA,
    build_draft,
    draft_from_json,
    draft_to_json,
)
from chaindeck.wallet.errors import DraftCoins, DraftForm
from chaindeck.wallet.limits import MAX_DRAFT_BYTES
from chaindeck.wallet.selection import select_coins
from tests.wallet.samples import KEYS, NETWORK, attempt, coin, pay

CHANGE_TO = KEYS[0].key_hash


def make(*outputs, rate=10):
    coins = [coin(1, 50_000), coin(2, 70_000, KEYS[1].key_hash)]
    return build_draft(
        NETWORK, select_coins(coins, outputs, rate), outputs, CHANGE_TO, 1_800_000_000
    )


DRAFT = make(pay(100_000), Data(b"note"))
DOCUMENT = json.loads(draft_to_json(DRAFT))


def read(**changes):
    return draft_from_json(json.dumps({**DOCUMENT, **changes}).encode())


def inner(**changes):
    return {"transaction": {**DOCUMENT["transaction"], **changes, "id": None}}


def test_draft_comes_back():
    assert draft_from_json(draft_to_json(DRAFT)) == DRAFT == read()


def test_change_is_the_last_output_and_named():
    assert DRAFT.change == (2,)
    assert DRAFT.transaction.outputs[2].key_hash == CHANGE_TO
    assert make(pay(120_000), rate=0).change == ()


def test_document_names_the_network_and_each_coin():
    assert DOCUMENT["network_id"] == NETWORK.id.hex()
    assert {item["amount"] for item in DOCUMENT["coins"]} == {50_000, 70_000}


def test_published_schema_names_the_fields_of_a_transaction():
    form = transaction_to_json(DRAFT.transaction, "tdeck")
    assert set(TRANSACTION_SCHEMA["properties"]) == set(form)


@pytest.mark.parametrize(
    "coins",
    [
        DOCUMENT["coins"][::-1],
        DOCUMENT["coins"][:1],
        [*DOCUMENT["coins"], DOCUMENT["coins"][0]],
        [{**DOCUMENT["coins"][0], "output_index": 1}, DOCUMENT["coins"][1]],
    ],
)
def test_coins_that_do_not_fit_the_transaction_are_refused(coins):
    with pytest.raises(DraftCoins) as raised:
        read(coins=coins)
    assert raised.value.code == "draft-coins"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"version": 2}, JsonShape),
        ({"format": "chaindeck-wallet"}, JsonShape),
        ({"network_id": "00"}, JsonShape),
        ({"address_prefix": "Deck!"}, JsonShape),
        ({"address_prefix": "deck"}, AddressError),
        ({"fee": 1}, JsonShape),
        ({"change": [3]}, DraftForm),
        ({"change": [1]}, DraftForm),
        ({"change": [-1]}, JsonShape),
        ({"coins": [{**DOCUMENT["coins"][0], "amount": 0}, DOCUMENT["coins"][1]]}, JsonShape),
        ({"coins": [{**DOCUMENT["coins"][0], "address": "x"}, DOCUMENT["coins"][1]]}, AddressError),
        (
            {"coins": [{**item, "amount": 50_000} for item in DOCUMENT["coins"]]},
            OutputsExceedInputs,
        ),
        ({"coins": [{**item, "amount": MAX_AMOUNT} for item in DOCUMENT["coins"]]}, TotalRange),
        ({"coins": [], **inner(inputs=[])}, NoInputs),
        (inner(outputs=[]), NoOutputs),
        ({"transaction": 5}, JsonShape),
    ],
)
def test_document_of_another_form_is_refused(changes, error):
    with pytest.raises(error):
        read(**changes)


@given(st.one_of(st.binary(max_size=40), st.text(max_size=40).map(str.encode)))
def test_other_files_are_refused(raw):
    with pytest.raises(RuleError):
        draft_from_json(raw)


def test_every_torn_or_changed_draft_is_read_or_refused(rng):
    raw = draft_to_json(DRAFT)
    for place in range(len(raw)):
        changed = bytearray(raw)
        changed[place] = rng.randrange(256)
        for text in (raw[:place], bytes(changed)):
            draft, error = attempt(draft_from_json, text)
            assert draft or error


@pytest.mark.parametrize("depth", [*range(900, 1_100), 100_000])
def test_hostile_nesting_is_refused_at_any_depth(depth):
    nested = "[" * depth + "]" * depth
    raw = json.dumps({**DOCUMENT, "transaction": 0}).replace(
        '"transaction": 0', f'"transaction": {nested}'
    )
    with pytest.raises((JsonSyntax, JsonShape)):
        draft_from_json(raw.encode())


@pytest.mark.parametrize(("spare", "error"), [(0, JsonSyntax), (1, DraftForm)])
def test_size_is_bounded(spare, error):
    with pytest.raises(error) as raised:
        draft_from_json(b" " * (MAX_DRAFT_BYTES + spare))
    assert raised.value.code in {"json-syntax", "draft-form"}


def test_largest_transaction_fits_into_a_draft():
    coins = [coin(number, 10**9, KEYS[0].key_hash) for number in range(1, 2_930)]
    outputs = [pay(2_928 * 10**9 + 1)]
    draft = build_draft(NETWORK, select_coins(coins, outputs, 0), outputs, CHANGE_TO, 0)
    assert draft.transaction.size > 99_000
    assert draft_from_json(draft_to_json(draft)) == draft
