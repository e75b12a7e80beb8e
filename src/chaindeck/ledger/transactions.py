"""The rules of one transaction, one by one, each with its own error.

`check_transaction` needs nothing but the transaction; `check_spend` also the coins it spends;
`check_signatures` also who owns them. A coinbase is judged by `blocks`, never here.
"""

from __future__ import annotations

from collections.abc import Sequence

from chaindeck.kernel import recover_many
from chaindeck.ledger.codec import transaction_body
from chaindeck.ledger.coins import Coin
from chaindeck.ledger.errors import (
    CoinbaseInput,
    DuplicateInput,
    ImmatureCoin,
    NoInputs,
    NoOutputs,
    NotOwner,
    NotSigned,
    OutputsExceedInputs,
    SignatureHighS,
    SignatureMalformed,
    SignatureUnused,
    TransactionSize,
)
from chaindeck.ledger.limits import MAX_AMOUNT, MAX_TRANSACTION_BYTES
from chaindeck.ledger.money import check_amount, check_total
from chaindeck.ledger.signatures import check_recovered, transaction_digest
from chaindeck.ledger.types import (
    ZERO_HASH,
    Amount,
    Height,
    KeyHash,
    NetworkId,
    Payment,
    Transaction,
)


def check_transaction(transaction: Transaction) -> None:
    """Raise the first rule that the transaction breaks by itself."""
    inputs = transaction.inputs
    if not inputs:
        raise NoInputs(field="inputs")
    if len(transaction.raw) > MAX_TRANSACTION_BYTES:
        raise TransactionSize(size=transaction.size, limit=MAX_TRANSACTION_BYTES)
    _check_inputs(transaction)
    check_outputs(transaction)
    if transaction.signature:
        if all(item.signature for item in inputs):
            raise SignatureUnused(field="signature")
    else:
        for position, item in enumerate(inputs):
            if not item.signature:
                raise NotSigned(field=f"inputs[{position}].signature", input=position)


def check_outputs(transaction: Transaction) -> Amount:
    """Return what the outputs pay in all; raise where there is none, or one is out of range."""
    if not transaction.outputs:
        raise NoOutputs(field="outputs")
    total = 0
    for position, output in enumerate(transaction.outputs):
        if isinstance(output, Payment):
            amount = output.amount
            if not 1 <= amount <= MAX_AMOUNT:
                check_amount(amount, field=f"outputs[{position}].amount")
            total += amount
            if total > MAX_AMOUNT:
                check_total((total,), field="outputs")
    return Amount(total)


def check_spend(
    transaction: Transaction, coins: Sequence[Coin], height: Height, maturity: int
) -> Amount:
    """Return the fee of a checked transaction that spends these coins in a block at `height`."""
    for position, coin in enumerate(coins):
        age = height - coin.height
        if coin.is_reward and age < maturity:
            raise ImmatureCoin(
                field=f"inputs[{position}]", input=position, age=age, maturity=maturity
            )
    held = check_total([coin.amount for coin in coins], field="inputs")
    paid = check_outputs(transaction)
    if paid > held:
        raise OutputsExceedInputs(field="outputs", paid=paid, held=held)
    return Amount(held - paid)


def check_signatures(
    transaction: Transaction, coins: Sequence[Coin], network_id: NetworkId
) -> None:
    """Raise unless each coin's owner has signed: for the input alone, or for the whole."""
    signatures = signatures_of(transaction)
    digest = transaction_digest(network_id, transaction_body(transaction), coins)
    key_hashes, statuses = recover_many(digest * len(signatures), b"".join(signatures), 1)
    check_owners(transaction, coins, key_hashes, statuses)


def signatures_of(transaction: Transaction) -> list[bytes]:
    """Return the signatures to recover: the whole's first, then those of single inputs in order."""
    own = [item.signature for item in transaction.inputs if item.signature]
    return [transaction.signature, *own] if transaction.signature else own


def check_owners(
    transaction: Transaction, coins: Sequence[Coin], key_hashes: bytes, statuses: bytes
) -> None:
    """Raise unless the owners are who signed, by what the kernel says of `signatures_of`."""
    place, common_signer = 0, None
    if transaction.signature:
        place, common_signer = 1, _signer(key_hashes, statuses, 0, "signature")
    for position, (item, coin) in enumerate(zip(transaction.inputs, coins, strict=True)):
        field, signer = "signature", common_signer
        if item.signature:
            field = f"inputs[{position}].signature"
            signer = _signer(key_hashes, statuses, place, field)
            place += 1
        assert signer is not None, "check_transaction refuses an input that nothing authorises"
        if signer != coin.key_hash:
            raise NotOwner(
                field=field,
                input=position,
                signer=signer.hex(),
                owner=coin.key_hash.hex(),
            )


def _check_inputs(transaction: Transaction) -> None:
    inputs = transaction.inputs
    if len(inputs) == 1 and inputs[0].tx_id != ZERO_HASH:
        return
    seen = set()
    for position, item in enumerate(inputs):
        if item.tx_id == ZERO_HASH:
            raise CoinbaseInput(field=f"inputs[{position}].tx_id", input=position)
        if item.outpoint in seen:
            raise DuplicateInput(field=f"inputs[{position}]", input=position)
        seen.add(item.outpoint)


def _signer(key_hashes: bytes, statuses: bytes, place: int, field: str) -> KeyHash:
    check_recovered(
        statuses[place], malformed=SignatureMalformed, high_s=SignatureHighS, field=field
    )
    return KeyHash(key_hashes[20 * place : 20 * place + 20])
