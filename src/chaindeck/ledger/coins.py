"""Coins: outputs that are not spent yet, packed into 33 bytes, and the hash of a set of them.

    packed = key_hash 20 | amount u64 | height u32 | is_reward u8

They stay packed between the store and the kernel; only rules that look at one unpack it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping

import msgspec

from chaindeck.kernel import merkle_root
from chaindeck.ledger.types import Amount, Height, KeyHash, OutPoint, PackedCoin

_COIN = struct.Struct("<20sQIB")
COIN_BYTES = _COIN.size


class Coin(msgspec.Struct, frozen=True, gc=False):
    """An unspent payment: whose, how much, and when it was made."""

    key_hash: KeyHash
    amount: Amount
    height: Height
    is_reward: bool
    """Made by a coinbase, so spendable only at maturity. Genesis allocations are no rewards."""


def encode_coin(coin: Coin) -> PackedCoin:
    return PackedCoin(_COIN.pack(coin.key_hash, coin.amount, coin.height, coin.is_reward))


def decode_coin(packed: PackedCoin) -> Coin:
    """Unpack what `encode_coin` packed. Coins never come from outside, so nothing is checked."""
    key_hash, amount, height, is_reward = _COIN.unpack(packed)
    return Coin(key_hash, amount, height, bool(is_reward))


def coins_hash(coins: Iterable[tuple[OutPoint, PackedCoin]]) -> bytes:
    """Return the Merkle root over `outpoint + packed` of a whole set, sorted by outpoint.

    Two nodes that agree on this agree on who owns what. A store iterates in this order already.
    """
    return merkle_root([outpoint + packed for outpoint, packed in coins])


def coins_hash_of(coins: Mapping[OutPoint, PackedCoin]) -> bytes:
    """`coins_hash` of a set held in memory in no particular order."""
    return coins_hash(sorted(coins.items()))
