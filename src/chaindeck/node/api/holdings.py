"""What an address holds: its coins in the chain, and what waits that pays it or spends them.

The store knows the coins of an address page by page, and the pool has no index by address, because
one would cost more memory than all else there. So both are walked, in slices between which others
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
from chaindeck.ledger.pool_types import Pooled
from chaindeck.ledger.types import KeyHash, OutPoint, Payment
from chaindeck.node.limits import HOLDINGS_KEPT, HOLDINGS_REST_FACTOR
from chaindeck.node.service import NodeService

_WORTH_KEEPING_S = 0.002
_ENTRIES_A_SLICE = 5_000
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
        """Outputs of what waits. Only what has the key hash somewhere in its bytes is decoded."""
        pool = self._service.state.pool
        found: list[Pooled] = []
        chunks = list(pool.chunks())
        for first in range(0, len(chunks), _ENTRIES_A_SLICE):
            if first:
                await asyncio.sleep(0)
            found += [
                member
                for chunk in chunks[first : first + _ENTRIES_A_SLICE]
                for member in chunk.members
                if member.raw.find(key_hash) >= 0
            ]
        return [coin for entry in found if entry.id in pool for coin in _coins_for(entry, key_hash)]


def _coins_for(entry: Pooled, key_hash: KeyHash) -> Iterator[PendingCoin]:
    transaction = entry.transaction
    for index, output in enumerate(transaction.outputs):
        if isinstance(output, Payment) and output.key_hash == key_hash:
            yield PendingCoin(transaction.outpoint(index), output.amount)
