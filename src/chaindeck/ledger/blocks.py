"""The rules of a body: sizes, the coinbase, and that it is sealed by whom it pays.

What the transactions do to the coins is judged in `connect`.
"""

from __future__ import annotations

from chaindeck.ledger.codec import block_transactions
from chaindeck.ledger.errors import (
    BlockSize,
    CoinbaseMissing,
    CoinbaseSigned,
    CoinbaseValue,
    SignatureChecks,
    TransactionSize,
)
from chaindeck.ledger.genesis import Genesis
from chaindeck.ledger.limits import MAX_TRANSACTION_BYTES
from chaindeck.ledger.money import subsidy_at
from chaindeck.ledger.ports import Entry
from chaindeck.ledger.seals import check_seal_owner
from chaindeck.ledger.transactions import check_outputs
from chaindeck.ledger.types import ZERO_HASH, Amount, Block, Height, Transaction


def check_body(genesis: Genesis, entry: Entry, block: Block) -> None:
    """Raise the first rule that a decoded body breaks without regard to the coins."""
    if len(block.raw) > genesis.max_block_bytes:
        raise BlockSize(size=len(block.raw), limit=genesis.max_block_bytes)
    if block.index.signature_count > genesis.max_block_signatures:
        raise SignatureChecks(count=block.index.signature_count, limit=genesis.max_block_signatures)
    coinbase = next(block_transactions(block))
    check_coinbase(coinbase, entry.header.height)
    check_seal_owner(entry.sealer, coinbase)


def check_coinbase(coinbase: Transaction, height: Height) -> None:
    """Raise unless this is the coinbase of a block at `height`: one input that names the height.

    The height keeps the ids of two coinbases apart.
    """
    inputs = coinbase.inputs
    if len(inputs) != 1 or inputs[0].tx_id != ZERO_HASH or inputs[0].output_index != height:
        raise CoinbaseMissing(field="transactions[0].inputs", height=height)
    if coinbase.signature_count:
        raise CoinbaseSigned(field="transactions[0].signature")
    if coinbase.size > MAX_TRANSACTION_BYTES:
        raise TransactionSize(
            field="transactions[0]", size=coinbase.size, limit=MAX_TRANSACTION_BYTES
        )
    check_outputs(coinbase)


def check_coinbase_value(
    genesis: Genesis, coinbase: Transaction, height: Height, fees: Amount
) -> None:
    """Raise if the coinbase pays more than the subsidy and the fees."""
    allowed = subsidy_at(genesis, height) + fees
    paid = check_outputs(coinbase)
    if paid > allowed:
        raise CoinbaseValue(field="transactions[0].outputs", paid=paid, allowed=allowed)
