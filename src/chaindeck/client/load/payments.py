"""Signed payments in the form that a node gets them in.

A payment has one input and two outputs: a part goes to somebody else, the rest comes back. None
spends what another that still waits makes, so that the order in which they arrive is of no matter.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

from chaindeck.client import calls
from chaindeck.client.access import Access
from chaindeck.client.calls import Call
from chaindeck.client.wire import encode_request
from chaindeck.ledger.codec import build_transaction, encode_body
from chaindeck.ledger.coins import Coin
from chaindeck.ledger.json_form import transaction_to_json
from chaindeck.ledger.signatures import SigningKey, transaction_digest
from chaindeck.ledger.types import (
    Amount,
    Height,
    KeyHash,
    NetworkId,
    Output,
    Payment,
    Transaction,
    TxId,
    TxInput,
)

Form = Literal["packed", "json"]
PAID = 1
"""Base units that a payment hands to somebody else."""

_CHANGE_INDEX = 1


class OwnCoin(NamedTuple):
    """A coin of the key that pays."""

    tx_id: TxId
    output_index: int
    amount: int


class RequestBytes(NamedTuple):
    """A whole HTTP request, and which payments it carries."""

    raw: bytes
    tx_ids: tuple[TxId, ...]


class Payer:
    """Signs with one key on one network."""

    def __init__(self, key: SigningKey, network_id: NetworkId, prefix: str) -> None:
        self.key = key
        self.prefix = prefix
        self._network_id = network_id

    def spend(self, coin: OwnCoin, outputs: Sequence[Output], timestamp_s: int) -> Transaction:
        """Return the signed transaction that spends one coin."""
        inputs = [TxInput(coin.tx_id, coin.output_index)]
        held = Coin(self.key.key_hash, Amount(coin.amount), Height(0), is_reward=False)
        digest = transaction_digest(
            self._network_id, encode_body(inputs, outputs, timestamp_s), [held]
        )
        return build_transaction(inputs, outputs, timestamp_s, self.key.sign(digest))

    def pay(self, coin: OwnCoin, to: KeyHash, fee: int, timestamp_s: int) -> Transaction:
        """Return a payment of one unit; the rest but the fee comes back (`change_of`)."""
        rest = coin.amount - PAID - fee
        assert rest > 0, "coins for a load are made large enough"
        outputs = [Payment(to, Amount(PAID)), Payment(self.key.key_hash, Amount(rest))]
        return self.spend(coin, outputs, timestamp_s)


def change_of(payment: Transaction) -> OwnCoin:
    """Return the coin that comes back from a payment that `Payer.pay` made."""
    change = payment.outputs[_CHANGE_INDEX]
    assert isinstance(change, Payment), "the rest comes back as a payment"
    return OwnCoin(payment.id, _CHANGE_INDEX, change.amount)


def build_request(
    payments: Sequence[Transaction], access: Access, *, form: Form, prefix: str
) -> RequestBytes:
    """Return the request that submits these payments together."""
    raw = encode_request(_call(payments, form, prefix), access)
    return RequestBytes(raw, tuple(item.id for item in payments))


def build_requests(
    payments: Sequence[Transaction], access: Access, *, batch: int, form: Form, prefix: str
) -> list[RequestBytes]:
    """Return the requests that submit these payments, `batch` in each."""
    return [
        build_request(group, access, form=form, prefix=prefix) for group in _groups(payments, batch)
    ]


def _call(group: Sequence[Transaction], form: Form, prefix: str) -> Call[Any]:
    """One payment alone is an object in JSON, as a person would send it."""
    if form == "packed":
        return calls.submit_packed(group, dry_run=False)
    forms = [transaction_to_json(item, prefix) for item in group]
    if len(forms) == 1:
        return calls.submit(forms[0], dry_run=False)
    return calls.submit_many(forms, dry_run=False)


def _groups(payments: Sequence[Transaction], batch: int) -> Iterator[Sequence[Transaction]]:
    for first in range(0, len(payments), batch):
        yield payments[first : first + batch]
