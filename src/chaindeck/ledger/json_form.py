"""Transactions as JSON, for REST, files and wallets: strict in, canonical out.

    {"id", "inputs": [{"tx_id", "output_index", "signature"}],
     "outputs": [{"address", "amount"} | {"data"}], "timestamp", "signature"}

Bytes are lower-case hexadecimal; a missing, null or empty signature is an empty one. Unknown names
are refused, because a misspelt field that is ignored loses money. An `id` may be given and must
then be right. Every error names the field by its path.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from chaindeck.ledger.addresses import decode_address, encode_address
from chaindeck.ledger.codec import build_transaction
from chaindeck.ledger.errors import (
    AmountRange,
    DataTooLong,
    IndexRange,
    JsonHex,
    JsonIdMismatch,
    JsonShape,
    JsonTooLarge,
)
from chaindeck.ledger.limits import (
    MAX_DATA_BYTES,
    MAX_JSON_BYTES,
    MAX_OUTPUT_INDEX,
    SIGNATURE_BYTES,
)
from chaindeck.ledger.strict_json import read_json
from chaindeck.ledger.types import Amount, Data, Output, Payment, Transaction, TxId, TxInput

_LOWER_HEX = re.compile(r"(?:[0-9a-f]{2})*")
_HASH_BYTES = 32
_U64 = 1 << 64


class _InputForm(msgspec.Struct, forbid_unknown_fields=True):
    tx_id: str
    output_index: int
    signature: str | None = None


class _OutputForm(msgspec.Struct, forbid_unknown_fields=True):
    address: str | None = None
    amount: int | None = None
    data: str | None = None


class _TransactionForm(msgspec.Struct, forbid_unknown_fields=True):
    inputs: list[_InputForm]
    outputs: list[_OutputForm]
    timestamp: int
    id: str | None = None
    signature: str | None = None


_DECODER = msgspec.json.Decoder(_TransactionForm)


def transaction_from_json(raw: bytes, prefix: str) -> Transaction:
    """Read one transaction of the network with this address prefix.

    Raises a `RuleError` that names the field. Rules of the transaction are not checked here.
    """
    if len(raw) > MAX_JSON_BYTES:
        raise JsonTooLarge(size=len(raw), limit=MAX_JSON_BYTES)
    return _build(read_json(raw, _DECODER), prefix)


def transaction_to_json(transaction: Transaction, prefix: str) -> dict[str, Any]:
    """Return the form as plain values, ready for any JSON writer."""
    return {
        "id": transaction.id.hex(),
        "inputs": [
            {
                "tx_id": item.tx_id.hex(),
                "output_index": item.output_index,
                "signature": item.signature.hex() or None,
            }
            for item in transaction.inputs
        ],
        "outputs": [output_to_json(output, prefix) for output in transaction.outputs],
        "timestamp": transaction.timestamp,
        "signature": transaction.signature.hex() or None,
    }


def output_to_json(output: Output, prefix: str) -> dict[str, Any]:
    if isinstance(output, Payment):
        return {"address": encode_address(output.key_hash, prefix), "amount": output.amount}
    return {"data": output.data.hex()}


def _build(form: _TransactionForm, prefix: str) -> Transaction:
    if not 0 <= form.timestamp < _U64:
        raise JsonShape(field="timestamp", reason="unix seconds, from 0 to 2**64 - 1")
    transaction = build_transaction(
        [_input(item, f"inputs[{place}]") for place, item in enumerate(form.inputs)],
        [_output(item, f"outputs[{place}]", prefix) for place, item in enumerate(form.outputs)],
        form.timestamp,
        _signature(form.signature, "signature"),
    )
    if form.id is not None and _bytes(form.id, _HASH_BYTES, "id") != transaction.id:
        raise JsonIdMismatch(field="id", id=transaction.id.hex())
    return transaction


def _input(form: _InputForm, field: str) -> TxInput:
    if not 0 <= form.output_index <= MAX_OUTPUT_INDEX:
        raise IndexRange(field=f"{field}.output_index")
    return TxInput(
        TxId(_bytes(form.tx_id, _HASH_BYTES, f"{field}.tx_id")),
        form.output_index,
        _signature(form.signature, f"{field}.signature"),
    )


def _output(form: _OutputForm, field: str, prefix: str) -> Output:
    if form.data is not None and form.address is None and form.amount is None:
        data = _bytes(form.data, None, f"{field}.data")
        if len(data) > MAX_DATA_BYTES:
            raise DataTooLong(field=f"{field}.data")
        return Data(data)
    if form.data is None and form.address is not None and form.amount is not None:
        if not 0 <= form.amount < _U64:
            raise AmountRange(field=f"{field}.amount", amount=form.amount)
        key_hash = decode_address(form.address, prefix, field=f"{field}.address")
        return Payment(key_hash, Amount(form.amount))
    raise JsonShape(field=field, reason="Expected either `address` and `amount`, or `data`")


def _signature(text: str | None, field: str) -> bytes:
    return _bytes(text, SIGNATURE_BYTES, field) if text else b""


def _bytes(text: str, length: int | None, field: str) -> bytes:
    expected = MAX_DATA_BYTES if length is None else length
    if not _LOWER_HEX.fullmatch(text) or (length is not None and len(text) != 2 * length):
        raise JsonHex(field=field, expected=expected)
    return bytes.fromhex(text)
