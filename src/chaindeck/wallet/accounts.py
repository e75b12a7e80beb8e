"""Accounts: which path of the tree holds which addresses, and how a recovery finds them again.

    m / 44' / 9333' / account' / change / index        change: 0 to be paid at, 1 for change

The layout is BIP 44's, so that its tools and habits fit. 9333 is a number of our own in the place
of the coin: a phrase that also serves another currency gives other keys here. Private networks
have no entry in the public list of coins; the number stays the same on all of them, since it only
has to be found again. Addresses differ by prefix, and a signature names its network.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from chaindeck.ledger.types import KeyHash
from chaindeck.wallet.hd import HARDENED, PrivateNode, PublicNode
from chaindeck.wallet.limits import GAP_LIMIT, MAX_CHAIN_ADDRESSES

PURPOSE: Final = 44
COIN_TYPE: Final = 9333
RECEIVE: Final = 0
CHANGE: Final = 1


def account_path(account: int) -> list[int]:
    """Return the path of an account; only private nodes can follow it."""
    assert 0 <= account < HARDENED
    return [HARDENED + PURPOSE, HARDENED + COIN_TYPE, HARDENED + account]


def account_node(master: PrivateNode, account: int = 0) -> PrivateNode:
    return master.derive(account_path(account))


class AddressChain:
    """The key hashes of one of an account's two chains, each derived once."""

    def __init__(self, account: PublicNode, change: int) -> None:
        self._node = account.child(change)
        self._key_hashes: dict[int, KeyHash] = {}

    def key_hash(self, index: int) -> KeyHash:
        if index not in self._key_hashes:
            self._key_hashes[index] = self._node.child(index).key_hash
        return self._key_hashes[index]


def scan_chain(
    key_hash_at: Callable[[int], KeyHash],
    is_used: Callable[[KeyHash], bool],
    gap_limit: int = GAP_LIMIT,
) -> int:
    """Return how many addresses of a chain are taken: one more than the last used index.

    Stops after `gap_limit` unused ones in a row, or at `MAX_CHAIN_ADDRESSES`. Asks about each
    address once, in order.
    """
    assert gap_limit > 0
    taken = index = 0
    while index < min(taken + gap_limit, MAX_CHAIN_ADDRESSES):
        if is_used(key_hash_at(index)):
            taken = index + 1
        index += 1
    return taken
