"""Showing, signing, merging and finishing drafts: what an offline signer and its counterpart do.

As few signatures as possible: the owner with most inputs signs once for the whole, every other
input has its own. Who that owner is follows from the coins, so that signers need not agree on it.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from chaindeck.ledger.codec import build_transaction, transaction_body
from chaindeck.ledger.coins import Coin
from chaindeck.ledger.errors import SignatureHighS, SignatureMalformed
from chaindeck.ledger.json_form import output_to_json
from chaindeck.ledger.limits import SIGNATURE_BYTES
from chaindeck.ledger.signatures import SigningKey, recover_signer, transaction_digest
from chaindeck.ledger.transactions import check_signatures, check_transaction
from chaindeck.ledger.types import KeyHash, Payment, Transaction, TxInput
from chaindeck.wallet.drafts import Draft
from chaindeck.wallet.errors import (
    DraftIncomplete,
    DraftMismatch,
    DraftNetwork,
    DraftNoKey,
    DraftSignature,
)
from chaindeck.wallet.sizes import common_owner
from chaindeck.wallet.types import NetworkIdentity

SignerOf = Callable[[KeyHash], SigningKey | None]


class Line(msgspec.Struct, frozen=True):
    """One output as a person reads it: an address with its amount, or data in hexadecimal."""

    to: str
    amount: int


class Preview(msgspec.Struct, frozen=True):
    """All that signing a draft would do."""

    payments: tuple[Line, ...]
    """Everything that leaves: also what the draft calls change but pays somebody else."""

    change: tuple[Line, ...]
    """What comes back to own addresses as change."""

    data: tuple[str, ...]
    """What is written into the chain, in hexadecimal."""

    held: int
    """What the coins hold; `own_held` of it is the signer's."""

    own_held: int
    fee: int
    fee_per_kb: int
    missing: int
    """Signatures that are still missing, before this signer's."""


def preview_draft(draft: Draft, owns: Callable[[KeyHash], bool]) -> Preview:
    """Say what a draft pays, to whom and at which fee; `owns` tells the signer's own addresses."""
    payments: list[Line] = []
    change: list[Line] = []
    data: list[str] = []
    for position, output in enumerate(draft.transaction.outputs):
        form = output_to_json(output, draft.network.prefix)
        if not isinstance(output, Payment):
            data.append(form["data"])
            continue
        is_change = position in draft.change and owns(output.key_hash)
        (change if is_change else payments).append(Line(form["address"], output.amount))
    return Preview(
        payments=tuple(payments),
        change=tuple(change),
        data=tuple(data),
        held=sum(coin.amount for coin in draft.coins),
        own_held=sum(coin.amount for coin in draft.coins if owns(coin.key_hash)),
        fee=draft.fee,
        fee_per_kb=1000 * draft.fee // finished_bytes(draft),
        missing=len(missing_signatures(draft)),
    )


def missing_signatures(draft: Draft) -> list[tuple[int | None, KeyHash]]:
    """Return which inputs still need a signature, and whose; None stands for the whole."""
    common = common_owner([coin.key_hash for coin in draft.coins])
    bare = [
        (position, coin.key_hash)
        for position, (item, coin) in enumerate(_pairs(draft))
        if not item.signature
    ]
    missing: list[tuple[int | None, KeyHash]] = []
    if not draft.transaction.signature and any(owner == common for _, owner in bare):
        missing.append((None, common))
    return [*missing, *((position, owner) for position, owner in bare if owner != common)]


def finished_bytes(draft: Draft) -> int:
    """Return the size of the transaction once nothing is missing."""
    return draft.transaction.size + SIGNATURE_BYTES * len(missing_signatures(draft))


def sign_draft(draft: Draft, network: NetworkIdentity, signer_of: SignerOf) -> Draft:
    """Add every missing signature that `signer_of` has a key for.

    Raises `DraftNetwork` for a draft of another network, `DraftSignature` where it carries a wrong
    one, and `DraftNoKey` where nothing can be added to what is missing.
    """
    if draft.network != network:
        raise DraftNetwork(
            field="network_id", actual=draft.network.id.hex(), expected=network.id.hex()
        )
    check_present_signatures(draft)
    missing = missing_signatures(draft)
    digest = _digest(draft)
    added: dict[int | None, bytes] = {}
    for position, owner in missing:
        signer = signer_of(owner)
        if signer:
            added[position] = signer.sign(digest)
    if missing and not added:
        raise DraftNoKey
    return _with_signatures(draft, added)


def merge_drafts(first: Draft, second: Draft) -> Draft:
    """Put the signatures of two copies of a draft together.

    Raises `DraftMismatch` where they are not copies, `DraftSignature` for a wrong signature.
    """
    if (first.network, first.transaction.id, first.coins, first.change) != (
        second.network, second.transaction.id, second.coins, second.change,
    ):  # fmt: skip
        raise DraftMismatch
    check_present_signatures(first)
    check_present_signatures(second)
    added: dict[int | None, bytes] = {
        position: item.signature
        for position, item in enumerate(second.transaction.inputs)
        if item.signature and not first.transaction.inputs[position].signature
    }
    if not first.transaction.signature:
        added[None] = second.transaction.signature
    return _with_signatures(first, added)


def finish_draft(draft: Draft) -> Transaction:
    """Return the transaction, checked by the ledger's own rules, ready for a node.

    Raises `DraftIncomplete`, or a `TransactionError` where a rule is broken.
    """
    missing = missing_signatures(draft)
    if missing:
        raise DraftIncomplete(missing=len(missing))
    check_transaction(draft.transaction)
    check_signatures(draft.transaction, draft.coins, draft.network.id)
    return draft.transaction


def check_present_signatures(draft: Draft) -> None:
    """Raise `DraftSignature` for the first signature that is not of the owner it stands for."""
    digest = _digest(draft)
    common = common_owner([coin.key_hash for coin in draft.coins])
    if draft.transaction.signature:
        _check_signature(digest, draft.transaction.signature, common, 0)
    for position, (item, coin) in enumerate(_pairs(draft)):
        if item.signature:
            _check_signature(digest, item.signature, coin.key_hash, position)


def _check_signature(digest: bytes, signature: bytes, owner: KeyHash, position: int) -> None:
    field = f"transaction.inputs[{position}]"
    try:
        signer = recover_signer(
            digest, signature, malformed=SignatureMalformed, high_s=SignatureHighS, field=field
        )
    except (SignatureMalformed, SignatureHighS):
        raise DraftSignature(field=field, input=position) from None
    if signer != owner:
        raise DraftSignature(field=field, input=position)


def _pairs(draft: Draft) -> list[tuple[TxInput, Coin]]:
    return list(zip(draft.transaction.inputs, draft.coins, strict=True))


def _digest(draft: Draft) -> bytes:
    return transaction_digest(draft.network.id, transaction_body(draft.transaction), draft.coins)


def _with_signatures(draft: Draft, added: dict[int | None, bytes]) -> Draft:
    old = draft.transaction
    inputs = [
        TxInput(item.tx_id, item.output_index, added.get(position, item.signature))
        for position, item in enumerate(old.inputs)
    ]
    signature = added.get(None, old.signature)
    transaction = build_transaction(inputs, old.outputs, old.timestamp, signature)
    assert transaction.id == old.id, "signatures change no id"
    return msgspec.structs.replace(draft, transaction=transaction)
