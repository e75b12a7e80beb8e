"""The JSON form is strict, and every error names its field."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaindeck.ledger import errors
from chaindeck.ledger.json_form import transaction_from_json, transaction_to_json
from chaindeck.ledger.limits import MAX_JSON_BYTES
from chaindeck.ledger.strict_json import read_json
from chaindeck.ledger.types import Data, Transaction, TxInput
from tests.ledger import strategies
from tests.ledger.forge import ALICE, TDECK, address, pay


def form(**changes: Any) -> dict[str, Any]:
    return {
        "inputs": [{"tx_id": "ab" * 32, "output_index": 3, "signature": None}],
        "outputs": [{"address": address(ALICE), "amount": 5}],
        "timestamp": 1_800_000_000,
        **changes,
    }


def read(value: object) -> Transaction:
    return transaction_from_json(json.dumps(value).encode(), TDECK)


@given(strategies.transactions)
def test_reading_gives_back_what_was_written(transaction: Transaction) -> None:
    assert read(transaction_to_json(transaction, TDECK)) == transaction


def test_form_is_what_the_protocol_shows() -> None:
    signature = "cd" * 65
    value = form(
        signature=signature, outputs=[{"address": address(ALICE), "amount": 5}, {"data": "00ff"}]
    )
    transaction = read(value)
    assert transaction.inputs == (TxInput(b"\xab" * 32, 3, b""),)
    assert transaction.outputs == (pay(ALICE.key_hash, 5), Data(b"\x00\xff"))
    assert transaction.timestamp == 1_800_000_000
    assert transaction_to_json(transaction, TDECK) == {**value, "id": transaction.id.hex()}


@pytest.mark.parametrize("empty", [None, ""])
def test_null_and_empty_signatures_are_absent_ones(empty: str | None) -> None:
    item = {"tx_id": "ab" * 32, "output_index": 3, "signature": empty}
    assert read(form(signature=empty, inputs=[item])) == read(form())


def test_id_may_be_given_and_must_be_right() -> None:
    right = read(form()).id.hex()
    assert read(form(id=right)) == read(form())
    with pytest.raises(errors.JsonIdMismatch) as raised:
        read(form(id="00" * 32))
    assert (raised.value.field, raised.value.values) == ("id", {"id": right})


@pytest.mark.parametrize(
    ("change", "error", "field"),
    [
        ({"timestamp": -1}, errors.JsonShape, "timestamp"),
        ({"timestamp": 1 << 64}, errors.JsonShape, "timestamp"),
        ({"timestamp": 1.5}, errors.JsonShape, "timestamp"),
        ({"timestamp": "1"}, errors.JsonShape, "timestamp"),
        ({"timestamp": True}, errors.JsonShape, "timestamp"),
        ({"inputs": None}, errors.JsonShape, "inputs"),
        ({"inputs": [3]}, errors.JsonShape, "inputs[0]"),
        ({"inputs": [{"tx_id": "ab" * 32}]}, errors.JsonShape, "inputs[0]"),
        ({"inputs": [{"tx_id": "ab" * 31, "output_index": 0}]}, errors.JsonHex, "inputs[0].tx_id"),
        ({"inputs": [{"tx_id": "AB" * 32, "output_index": 0}]}, errors.JsonHex, "inputs[0].tx_id"),
        ({"inputs": [{"tx_id": " a" * 32, "output_index": 0}]}, errors.JsonHex, "inputs[0].tx_id"),
        (
            {"inputs": [{"tx_id": "ab" * 32, "output_index": -1}]},
            errors.IndexRange,
            "inputs[0].output_index",
        ),
        (
            {"inputs": [{"tx_id": "ab" * 32, "output_index": 1 << 32}]},
            errors.IndexRange,
            "inputs[0].output_index",
        ),
        (
            {"inputs": [{"tx_id": "ab" * 32, "output_index": 0, "signature": "ab"}]},
            errors.JsonHex,
            "inputs[0].signature",
        ),
        ({"outputs": [{}]}, errors.JsonShape, "outputs[0]"),
        ({"outputs": [{"amount": 1}]}, errors.JsonShape, "outputs[0]"),
        ({"outputs": [{"address": "x"}]}, errors.JsonShape, "outputs[0]"),
        ({"outputs": [{"data": "", "amount": 0}]}, errors.JsonShape, "outputs[0]"),
        ({"outputs": [{"data": "", "address": "x"}]}, errors.JsonShape, "outputs[0]"),
        ({"outputs": [{"data": "0"}]}, errors.JsonHex, "outputs[0].data"),
        ({"outputs": [{"data": "00" * 257}]}, errors.DataTooLong, "outputs[0].data"),
        (
            {"outputs": [{"address": "tdeck1x", "amount": 1}]},
            errors.AddressForm,
            "outputs[0].address",
        ),
        (
            {"outputs": [{"address": address(ALICE), "amount": -1}]},
            errors.AmountRange,
            "outputs[0].amount",
        ),
        (
            {"outputs": [{"address": address(ALICE), "amount": 1 << 64}]},
            errors.AmountRange,
            "outputs[0].amount",
        ),
        ({"signature": "zz" * 65}, errors.JsonHex, "signature"),
        ({"signature": "00" * 64}, errors.JsonHex, "signature"),
        ({"id": "00"}, errors.JsonHex, "id"),
        ({"colour": "red"}, errors.JsonShape, None),
    ],
)
def test_wrong_values_name_rule_and_field(
    change: dict[str, Any], error: type[errors.RuleError], field: str | None
) -> None:
    with pytest.raises(error) as raised:
        read(form(**change))
    assert raised.value.field == field


def test_limits_themselves_are_allowed() -> None:
    for timestamp in (0, (1 << 64) - 1):
        assert read(form(timestamp=timestamp)).timestamp == timestamp
    for index in (0, 0xFFFFFFFF):
        item = {"tx_id": "ab" * 32, "output_index": index}
        assert read(form(inputs=[item])).inputs[0].output_index == index
    for amount in (0, (1 << 64) - 1):
        transaction = read(form(outputs=[{"address": address(ALICE), "amount": amount}]))
        assert transaction.outputs == (pay(ALICE.key_hash, amount),)
    assert read(form(outputs=[{"data": "00" * 256}])).outputs == (Data(bytes(256)),)


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b'{"id": "\xff"}', b'{"a"'])
def test_what_is_no_json_is_said_so(raw: bytes) -> None:
    with pytest.raises(errors.JsonSyntax):
        transaction_from_json(raw, TDECK)


def test_nesting_without_end_is_said_so() -> None:
    with pytest.raises(errors.JsonSyntax):
        read_json(b"[" * 100_000, msgspec.json.Decoder(list[msgspec.Raw]))


def test_size_is_checked_before_anything_is_read() -> None:
    with pytest.raises(errors.JsonSyntax):
        transaction_from_json(b" " * MAX_JSON_BYTES, TDECK)
    with pytest.raises(errors.JsonTooLarge) as raised:
        transaction_from_json(b" " * (MAX_JSON_BYTES + 1), TDECK)
    assert raised.value.values == {"size": MAX_JSON_BYTES + 1, "limit": MAX_JSON_BYTES}


def test_another_networks_address_is_refused() -> None:
    with pytest.raises(errors.AddressPrefix) as raised:
        read(form(outputs=[{"address": address(ALICE, "deck"), "amount": 1}]))
    assert raised.value.field == "outputs[0].address"


@given(st.binary(max_size=300))
def test_any_bytes_are_a_typed_error(raw: bytes) -> None:
    with pytest.raises(errors.RuleError):
        transaction_from_json(raw, TDECK)


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(
    st.dictionaries(
        st.sampled_from(["id", "inputs", "outputs", "timestamp", "signature"]), _values, max_size=5
    )
)
def test_any_values_are_a_transaction_or_a_typed_error(changes: dict[str, Any]) -> None:
    raw = json.dumps(form(**changes)).encode()
    try:
        transaction = transaction_from_json(raw, TDECK)
    except errors.RuleError:
        return
    assert read(transaction_to_json(transaction, TDECK)) == transaction
