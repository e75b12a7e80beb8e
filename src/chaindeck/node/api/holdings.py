"""What an address holds: its coins in the chain, and what waits that pays it or spends them.

The store knows the coins of an address page by page, the pool which transactions pay it; only
those with many outputs are searched one by one. Both are walked in slices, between which others
have their turn. What took long to count is kept for a multiple of that time: an address with a
million coins, looked at all the time, costs a tenth of a core at most.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Iterator

import msgspec

from chaindeck.ledger.coins import decode_coin
from chaindeck.ledger.pool_owners import payments_to
from chaindeck.ledger.types import KeyHash, OutPoint, TxId
from chaindeck.node.limits import HOLDINGS_KEPT, HOLDINGS_REST_FACTOR
from chaindeck.node.service import NodeService

_WORTH_KEEPING_S = 0.002
_ENTRIES_A_SLICE = 2_000
_MAX_WALKS = 5


class PendingCoin(msgspec.Struct, frozen=True):
    """An output of a waiting transaction."""

    outpoint: OutPoint
    amount: int


class Holdings(msgspec.Struct, frozen=True):
    """What an address holds."""

    confirmed: int
    coins: int
    spent: int
    """Of confirmed and pending coins, what waiting transactions spend."""

    pending: list[PendingCoin]


class HoldingsBook:
    """Counts holdings, and keeps for a while what took long to count."""

    def __init__(self, service: NodeService) -> None:
        self._service = service
        self._kept: OrderedDict[KeyHash, tuple[float, Holdings]] = OrderedDict()

    async def of(self, key_hash: KeyHash) -> Holdings:
        """Return what a key holds, as of now or of a moment ago."""
        kept = self._kept.get(key_hash)
        started_s = time.monotonic()
        if kept is not None and started_s < kept[0]:
            return kept[1]
        holdings = await self._count(key_hash)
        took_s = time.monotonic() - started_s
        self._kept.pop(key_hash, None)
        if took_s > _WORTH_KEEPING_S:
            self._kept[key_hash] = (started_s + HOLDINGS_REST_FACTOR * took_s, holdings)
            if len(self._kept) > HOLDINGS_KEPT:
                self._kept.popitem(last=False)
        return holdings

    async def _count(self, key_hash: KeyHash) -> Holdings:
        pending = await self._pending(key_hash)
        pool = self._service.state.pool
        for walk in range(_MAX_WALKS):
            before = self._service.store.sequence()
            confirmed = coins = spent = 0
            for page in self._pages(key_hash):
                for outpoint, amount in page:
                    confirmed += amount
                    coins += 1
                    spent += amount if pool.spender(outpoint) else 0
                if walk < _MAX_WALKS - 1:
                    await asyncio.sleep(0)
            if self._service.store.sequence() == before:
                break
        spent += sum(coin.amount for coin in pending if pool.spender(coin.outpoint))
        return Holdings(confirmed, coins, spent, pending)

    def _pages(self, key_hash: KeyHash) -> Iterator[list[tuple[OutPoint, int]]]:
        cursor: bytes | None = None
        while True:
            page = self._service.store.coins_of(key_hash, cursor=cursor)
            yield [(outpoint, decode_coin(packed).amount) for outpoint, packed in page.coins]
            cursor = page.cursor
            if cursor is None:
                return

    async def _pending(self, key_hash: KeyHash) -> list[PendingCoin]:
        """Return what waiting transactions pay to a key, those with few outputs first."""
        pool = self._service.state.pool
        entries = [*pool.owners.listed(key_hash), *pool.owners.unlisted()]
        found: list[PendingCoin] = []
        for first in range(0, len(entries), _ENTRIES_A_SLICE):
            if first:
                await asyncio.sleep(0)
            found += [
                PendingCoin(outpoint, output.amount)
                for entry in entries[first : first + _ENTRIES_A_SLICE]
                for outpoint, output in payments_to(entry, key_hash)
            ]
        return [coin for coin in found if TxId(coin.outpoint[:32]) in pool]
