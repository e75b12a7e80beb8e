"""Coins to spend, made by splitting larger ones.

A split is one transaction with up to 2,000 outputs. Its outputs are used, and the rest of its coin
is split again, only when a block holds it, so that no limit on relatives in the pool is met. Where
there are too few coins to split for that, the first splits make coins that are split in turn. On a
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

_LOADS_A_COIN = 4
"""For how many loads like this one a coin is made large enough."""

_SPLIT_FEE_PER_OUTPUT = 100
_POLL_S = 0.2
Progress = Callable[[int, int], None]


class Funds:
    """Makes coins for one payer on one node."""

    def __init__(self, client: NodeClient, payer: Payer, *, mines: bool, wait_s: float) -> None:
        self._client = client
        self._payer = payer
        self._mines = mines
        self.wait_s = wait_s
        """How long blocks are waited for at most."""

        self.address = encode_address(payer.key.key_hash, payer.prefix)

    def prepare(self, count: int, *, least: int, progress: Progress) -> list[OwnCoin]:
        """Return so many coins of at least so many base units that nothing spends yet.

        Raises `LoadImpossible`.
        """
        worth = _LOADS_A_COIN * least
        small, large = self._sort_coins(count, least, worth)
        trunks = -(-(count - len(small)) // _OUTPUTS_A_SPLIT)
        if trunks > len(large):
            trunk_worth = _OUTPUTS_A_SPLIT * (worth + _SPLIT_FEE_PER_OUTPUT)
            made, large = self._split_all(large, trunks, trunk_worth)
            large += made
        while len(small) < count:
            progress(len(small), count)
            made, large = self._split_all(large, count - len(small), worth)
            if not made:
                raise LoadImpossible(reason=self._describe_need(count - len(small), worth))
            small += made
        progress(count, count)
        return small[:count]

    def settle(self, tx_ids: list[TxId]) -> None:
        """Return when these are in blocks; raise `LoadImpossible` after the time allowed."""
        deadline = time.monotonic() + self.wait_s
        for tx_id in tx_ids:
            while self._client.transaction(tx_id.hex()).status != "confirmed":
                if time.monotonic() > deadline:
                    raise LoadImpossible(
                        reason=f"{tx_id.hex()} is in no block after {self.wait_s:g} s"
                    )
                self.mine_or_wait()

    def mine_or_wait(self) -> None:
        """Let the chain grow by a block, or give it time to."""
        if self._mines:
            self._client.mine(1, self.address)
        else:
            time.sleep(_POLL_S)

    def _sort_coins(
        self, count: int, least: int, worth: int
    ) -> tuple[list[OwnCoin], list[OwnCoin]]:
        """Return coins of the size wanted, and those worth splitting."""
        small: list[OwnCoin] = []
        large: list[OwnCoin] = []
        for coin in self._free_coins():
            if coin.amount >= _least_to_split(worth):
                large.append(coin)
            elif coin.amount >= least:
                small.append(coin)
            if len(small) >= count:
                break
        return small, large

    def _free_coins(self) -> Iterator[OwnCoin]:
        for row in self._client.coins(self.address):
            if row.is_mature and row.spent_by is None:
                yield OwnCoin(TxId(bytes.fromhex(row.tx_id)), row.output_index, row.amount)

    def _split_all(
        self, coins: list[OwnCoin], wanted: int, worth: int
    ) -> tuple[list[OwnCoin], list[OwnCoin]]:
        """Split coins, the largest first, and wait for blocks that hold it.

        Returns up to `wanted` coins of this worth, and what can be split further.
        """
        timestamp_s = self._client.status().time_ms // 1000
        made: list[OwnCoin] = []
        left: list[OwnCoin] = []
        splits: list[TxId] = []
        for coin in sorted(coins, key=lambda coin: coin.amount, reverse=True):
            room = coin.amount // (worth + _SPLIT_FEE_PER_OUTPUT)
            count = min(wanted - len(made), _OUTPUTS_A_SPLIT, room)
            if not count:
                left.append(coin)
                continue
            split, pieces, rest = self._split(coin, count, worth, timestamp_s)
            self._submit(split)
            splits.append(split.id)
            made += pieces
            if rest.amount >= _least_to_split(worth):
                left.append(rest)
        self.settle(splits)
        return made, left

    def _split(
        self, coin: OwnCoin, count: int, worth: int, timestamp_s: int
    ) -> tuple[Transaction, list[OwnCoin], OwnCoin]:
        """Return the transaction that makes so many coins of a larger one, these, and its rest."""
        amounts = [worth] * count
        rest = coin.amount - count * (worth + _SPLIT_FEE_PER_OUTPUT)
        if rest > 0:
            amounts.append(rest)
        owner = self._payer.key.key_hash
        outputs = [Payment(owner, Amount(amount)) for amount in amounts]
        split = self._payer.spend(coin, outputs, timestamp_s)
        pieces = [OwnCoin(split.id, index, worth) for index in range(count)]
        return split, pieces, OwnCoin(split.id, count, rest)

    def _submit(self, transaction: Transaction) -> None:
        (verdict,) = self._client.submit_packed([transaction])
        refused = calls.rejection(verdict)
        if refused is not None:
            raise refused

    def _describe_need(self, count: int, worth: int) -> str:
        units = count * (worth + _SPLIT_FEE_PER_OUTPUT)
        return (
            f"{self.address} has no coin left to split; it needs about {units:,} base units more,"
            " confirmed and spent by nothing that waits"
        )


def _least_to_split(worth: int) -> int:
    """A coin that makes fewer than two is not worth a transaction."""
    return 2 * (worth + _SPLIT_FEE_PER_OUTPUT)
