"""How large a transaction gets before it is signed, to the byte, so that its fee can be right.

A transaction-level signature serves every input of one owner; each input of another owner needs
its own. The owner with most inputs therefore signs for the whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from chaindeck.ledger.codec import encode_varint
from chaindeck.ledger.limits import MAX_AMOUNT, SIGNATURE_BYTES
from chaindeck.ledger.types import Amount, KeyHash, Output, Payment
from chaindeck.wallet.types import WalletCoin

_FIXED_BYTES = 1 + 8 + 1 + SIGNATURE_BYTES
"""Version, timestamp, and the signature for the whole with its length."""

SPEND_BYTES = 32 + 1 + 1 + SIGNATURE_BYTES
"""What spending one coin adds when its owner has no other: the input and its own signature."""

CHANGE_STUB = Payment(KeyHash(bytes(20)), Amount(MAX_AMOUNT))
"""Stands for change whose amount is not known yet: no amount takes more bytes."""


def input_bytes(coin: WalletCoin) -> int:
    """Return the size of an input without a signature of its own."""
    return 32 + len(encode_varint(coin.output_index)) + 1


def output_bytes(output: Output) -> int:
    if isinstance(output, Payment):
        return 21 + len(encode_varint(output.amount))
    return 1 + len(encode_varint(len(output.data))) + len(output.data)


def transaction_bytes(coins: Sequence[WalletCoin], outputs: Sequence[Output]) -> int:
    """Return the size of the transaction that spends these coins with the fewest signatures."""
    signatures = own_signatures(coin.coin.key_hash for coin in coins)
    return total_bytes(sum(map(input_bytes, coins)), signatures, len(coins), outputs)


def total_bytes(inputs: int, signatures: int, count: int, outputs: Sequence[Output]) -> int:
    """Return the size for `count` inputs of so many bytes, so many of them signed on their own."""
    counts = len(encode_varint(count)) + len(encode_varint(len(outputs)))
    signed = inputs + SIGNATURE_BYTES * signatures
    return _FIXED_BYTES + counts + signed + sum(map(output_bytes, outputs))


def own_signatures(owners: Iterable[KeyHash]) -> int:
    """Return how many inputs need a signature of their own."""
    counts = Counter(owners)
    return counts.total() - max(counts.values(), default=0)


def common_owner(owners: Sequence[KeyHash]) -> KeyHash:
    """Return who signs for the whole: the owner of most inputs, of several the one named first."""
    return Counter(owners).most_common(1)[0][0]


def fee_for(size_bytes: int, fee_per_kb: int) -> int:
    """Return the least fee of a transaction of this size that reaches the rate."""
    return -(-size_bytes * fee_per_kb // 1000)
