"""The words of the wallet: which network, which coins."""

from __future__ import annotations

import msgspec

from chaindeck.ledger.coins import Coin
from chaindeck.ledger.types import NetworkId, OutPoint, TxId, TxInput


class NetworkIdentity(msgspec.Struct, frozen=True):
    """What keys and drafts need to know of a network: its id, and how its addresses begin."""

    id: NetworkId
    prefix: str


class WalletCoin(msgspec.Struct, frozen=True):
    """A coin and where it is found."""

    outpoint: OutPoint
    coin: Coin

    @property
    def output_index(self) -> int:
        return int.from_bytes(self.outpoint[32:], "big")

    @property
    def tx_input(self) -> TxInput:
        """The input that spends it, not signed yet."""
        return TxInput(TxId(self.outpoint[:32]), self.output_index)
