"""What a wallet asks of a node, and in which words. A client of a node's API satisfies it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from chaindeck.ledger.pool_types import FeeBucket
from chaindeck.ledger.types import Height, KeyHash, Transaction
from chaindeck.wallet.types import NetworkIdentity, WalletCoin


class ChainStatus(msgspec.Struct, frozen=True):
    """Where a node stands, with the parameters of its network that payments depend on."""

    network: NetworkIdentity
    height: Height
    maturity: int
    """Blocks after which a mining reward may be spent."""

    block_bytes: int
    least_fee_per_kb: int
    """Below this rate the node takes nothing at the moment."""


class NodePort(Protocol):
    """A node, seen from a wallet. Every method may raise the error of whoever implements it."""

    def status(self) -> ChainStatus:
        """Return where the node stands."""

    def coins_of(self, key_hashes: Sequence[KeyHash]) -> Sequence[WalletCoin]:
        """Return the coins of these owners that no block and no waiting transaction spends."""

    def is_used(self, key_hash: KeyHash) -> bool:
        """Answer whether the chain ever paid this owner."""

    def fee_histogram(self) -> Sequence[FeeBucket]:
        """Return what waits at each level of fees, the highest first."""

    def submit(self, transaction: Transaction) -> None:
        """Hand a transaction to the network; raise the `RuleError` of a node that refuses it."""
