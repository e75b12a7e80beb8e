"""Coins to spend: one for each payment of a load, made by splitting larger ones.

A split is one transaction with up to 2,000 outputs; it is mined before its outputs are spent. On a
development node blocks are mined on demand, elsewhere they are waited for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from chaindeck.client import calls
from chaindeck.client.errors import LoadImpossible
from chaindeck.client.load.payments import OwnCoin, Payer
from chaindeck.client.node_client import NodeClient
from chaindeck.ledger.addresses import encode_address
from chaindeck.ledger.types import Amount, Payment, Transaction, TxId

_OUTPUTS_A_SPLIT = 2_000
"""60 kB, below the largest transaction."""

_COIN_UNITS = 1_000_000
"""Worth of each coin made: more than any fee of a load."""

_SPLIT_FEE_PER_OUTPUT = 100
_POLL_S = 0.2
Progress = Callable[[int, int], None]


class Funds:
    """Makes coins for one payer on one node."""

    def __init__(
        self, client: NodeClient, payer: Payer, *, mines: bool, wait_s: float, fee: int
    ) -> None:
        self._client = client
        self._payer = payer
        self._mines = mines
        self._wait_s = wait_s
        self._worth = _COIN_UNITS + fee
        self.address = encode_address(payer.key.key_hash, payer.prefix)

    def prepare(self, count: int, timestamp_s: int, progress: Progress) -> list[OwnCoin]:
        """Return so many coins that nothing spends yet; raise `LoadImpossible`."""
        small, large = self._sort_coins(count)
        made: list[OwnCoin] = []
        splits: list[Transaction] = []
        while len(small) + len(made) < count:
            if not large:
                raise LoadImpossible(
                    reason=f"{self.address} has no coin left to split; it needs about"
                    f" {(count - len(small)) * (self._worth + _SPLIT_FEE_PER_OUTPUT):,} base units"
                )
            split, coins = self._split(large.pop(), count - len(small) - len(made), timestamp_s)
            self._submit(split)
            splits.append(split)
            made += coins
            progress(len(small) + len(made), count)
        if splits:
            self.settle([split.id for split in splits])
        return [*small, *made][:count]

    def settle(self, tx_ids: list[TxId]) -> None:
        """Return when these are in blocks; raise `LoadImpossible` after the time allowed."""
        deadline = time.monotonic() + self._wait_s
        for tx_id in tx_ids:
            while self._client.transaction(tx_id.hex()).status != "confirmed":
                if time.monotonic() > deadline:
                    raise LoadImpossible(
                        reason=f"{tx_id.hex()} is in no block after {self._wait_s:g} s"
                    )
                self.mine_or_wait()

    def mine_or_wait(self) -> None:
        """Let the chain grow by a block, or give it time to."""
        if self._mines:
            self._client.mine(1, self.address)
        else:
            time.sleep(_POLL_S)

    def empty_pool(self) -> int:
        """Mine or wait until nothing waits, or the time is over; return what still waits."""
        deadline = time.monotonic() + self._wait_s
        while (waiting := self._client.status().mempool.count) and time.monotonic() < deadline:
            self.mine_or_wait()
        return waiting

    def _sort_coins(self, count: int) -> tuple[list[OwnCoin], list[OwnCoin]]:
        """Return coins of the size wanted, and those worth splitting, the largest last."""
        small: list[OwnCoin] = []
        large: list[OwnCoin] = []
        for coin in self._free_coins():
            if coin.amount >= 4 * self._worth:
                large.append(coin)
            elif coin.amount >= self._worth:
                small.append(coin)
            if len(small) >= count:
                break
        return small, sorted(large, key=lambda coin: coin.amount)

    def _free_coins(self) -> Iterator[OwnCoin]:
        for row in self._client.coins(self.address):
            if row.is_mature and row.spent_by is None:
                yield OwnCoin(TxId(bytes.fromhex(row.tx_id)), row.output_index, row.amount)

    def _split(
        self, coin: OwnCoin, wanted: int, timestamp_s: int
    ) -> tuple[Transaction, list[OwnCoin]]:
        count = min(wanted, _OUTPUTS_A_SPLIT, coin.amount // (self._worth + _SPLIT_FEE_PER_OUTPUT))
        fee = count * _SPLIT_FEE_PER_OUTPUT
        amounts = [self._worth] * count
        rest = coin.amount - sum(amounts) - fee
        if rest > 0:
            amounts.append(rest)
        owner = self._payer.key.key_hash
        outputs = [Payment(owner, Amount(amount)) for amount in amounts]
        split = self._payer.spend(coin, outputs, timestamp_s)
        return split, [OwnCoin(split.id, index, self._worth) for index in range(count)]

    def _submit(self, transaction: Transaction) -> None:
        (verdict,) = self._client.submit_packed([transaction])
        refused = calls.rejection(verdict)
        if refused is not None:
            raise refused
