"""Drafts: payments on their way, with all that an offline signer has to know about them.

A draft is a transaction with some or none of its signatures, and the coins that it spends. What it
says of the coins cannot mislead a signer: a signature commits to owner and amount of each, so one
made on a lie is worth nothing. docs/wallet.md has the schema of the JSON form.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from chaindeck.ledger.addresses import decode_address, encode_address
from chaindeck.ledger.codec import build_transaction
from chaindeck.ledger.coins import Coin
from chaindeck.ledger.errors import NoInputs
from chaindeck.ledger.json_form import transaction_from_json, transaction_to_json
from chaindeck.ledger.limits import MAX_AMOUNT, MAX_OUTPUT_INDEX
from chaindeck.ledger.strict_json import read_json
from chaindeck.ledger.transactions import check_spend
from chaindeck.ledger.types import (
    Amount,
    Height,
    KeyHash,
    NetworkId,
    Output,
    Payment,
    Transaction,
)
from chaindeck.wallet.errors import DraftCoins, DraftForm
from chaindeck.wallet.limits import MAX_DRAFT_BYTES
from chaindeck.wallet.selection import Selection
from chaindeck.wallet.types import NetworkIdentity

FORMAT: Final = "chaindeck-draft"
VERSION: Final = 1

_Hash = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]


class Draft(msgspec.Struct, frozen=True):
    """A payment that is signed or to be signed. Made by the functions below, so always checked."""

    network: NetworkIdentity
    transaction: Transaction
    coins: tuple[Coin, ...]
    """What each input spends; only owner and amount are kept."""

    change: tuple[int, ...] = ()
    """Which outputs are said to be change. Whoever signs looks whether they are."""

    @property
    def fee(self) -> Amount:
        return check_spend(self.transaction, self.coins, Height(0), 0)


class CoinForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A coin in a draft, in the order of the inputs."""

    tx_id: _Hash
    output_index: Annotated[int, Meta(ge=0, le=MAX_OUTPUT_INDEX)]
    address: str
    amount: Annotated[int, Meta(ge=1, le=MAX_AMOUNT)]


TRANSACTION_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {name: {} for name in ("id", "inputs", "outputs", "timestamp", "signature")},
    "required": ["inputs", "outputs", "timestamp"],
    "additionalProperties": False,
}


class DraftDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The JSON form of a draft."""

    format: Literal["chaindeck-draft"]
    version: Literal[1]
    network_id: _Hash
    address_prefix: Annotated[str, Meta(pattern="^[a-z]{1,16}$")]
    coins: tuple[CoinForm, ...]
    change: tuple[Annotated[int, Meta(ge=0)], ...]
    transaction: Annotated[
        msgspec.Raw,
        Meta(description="the JSON form of a transaction", extra_json_schema=TRANSACTION_SCHEMA),
    ]


_DECODER = msgspec.json.Decoder(DraftDocument)


def build_draft(
    network: NetworkIdentity,
    selection: Selection,
    outputs: Sequence[Output],
    change_to: KeyHash,
    timestamp_s: int,
) -> Draft:
    """Return the unsigned draft of a selection made for these outputs; change comes last."""
    change: tuple[int, ...] = ()
    if selection.change:
        change = (len(outputs),)
        outputs = [*outputs, Payment(change_to, Amount(selection.change))]
    inputs = [coin.tx_input for coin in selection.coins]
    transaction = build_transaction(inputs, outputs, timestamp_s)
    coins = tuple(_bare(item.coin.key_hash, item.coin.amount) for item in selection.coins)
    draft = Draft(network, transaction, coins, change)
    assert draft.fee == selection.fee, "a selection adds up"
    return draft


def draft_to_json(draft: Draft) -> bytes:
    """Write the draft, indented for people."""
    prefix = draft.network.prefix
    coins = tuple(
        CoinForm(
            item.tx_id.hex(), item.output_index, encode_address(coin.key_hash, prefix), coin.amount
        )
        for item, coin in zip(draft.transaction.inputs, draft.coins, strict=True)
    )
    transaction = msgspec.json.encode(transaction_to_json(draft.transaction, prefix))
    document = DraftDocument(
        FORMAT, VERSION, draft.network.id.hex(), prefix, coins, draft.change,
        msgspec.Raw(transaction),
    )  # fmt: skip
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def draft_from_json(raw: bytes) -> Draft:
    """Read a draft; raise `DraftForm`, `DraftCoins` or what the ledger says of its parts.

    Its signatures are checked when more are added (`signing`).
    """
    if len(raw) > MAX_DRAFT_BYTES:
        raise DraftForm(reason=f"a draft has at most {MAX_DRAFT_BYTES} bytes, not {len(raw)}")
    document = read_json(raw, _DECODER)
    prefix = document.address_prefix
    # The ledger bounds the size without indentation.
    compact = msgspec.json.format(bytes(document.transaction), indent=-1)
    transaction = transaction_from_json(compact, prefix)
    named = [(coin.tx_id, coin.output_index) for coin in document.coins]
    if named != [(item.tx_id.hex(), item.output_index) for item in transaction.inputs]:
        raise DraftCoins(field="coins")
    coins = tuple(
        _bare(decode_address(coin.address, prefix, field=f"coins[{place}].address"), coin.amount)
        for place, coin in enumerate(document.coins)
    )
    network = NetworkIdentity(NetworkId(bytes.fromhex(document.network_id)), prefix)
    draft = Draft(network, transaction, coins, document.change)
    _check(draft)
    return draft


def _check(draft: Draft) -> None:
    """Raise unless the coins pay for the outputs, and change is named by its place."""
    if not draft.coins:
        raise NoInputs(field="transaction.inputs")
    check_spend(draft.transaction, draft.coins, Height(0), 0)
    outputs = draft.transaction.outputs
    for place, position in enumerate(draft.change):
        if position >= len(outputs) or not isinstance(outputs[position], Payment):
            raise DraftForm(field=f"change[{place}]", reason="no payment stands in this place")


def _bare(key_hash: KeyHash, amount: int) -> Coin:
    return Coin(key_hash, Amount(amount), Height(0), is_reward=False)
