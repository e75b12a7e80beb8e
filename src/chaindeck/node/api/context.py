"""What every handler works with: the service, its helpers, and what is counted and kept."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from chaindeck.ledger.addresses import decode_address
from chaindeck.ledger.types import BlockHash, KeyHash
from chaindeck.node.api.forms import PoolTotals
from chaindeck.node.api.holdings import HoldingsBook
from chaindeck.node.api.meters import Meters
from chaindeck.node.api.ports import DevTools, Miner, Peering
from chaindeck.node.errors import Busy
from chaindeck.node.limits import (
    BLOCK_CACHE_BYTES,
    MAX_FEED_READERS,
    MAX_LONG_POLLS,
    MAX_STREAMS,
)
from chaindeck.node.observing import Observer
from chaindeck.node.service import NodeService

Key = TypeVar("Key")


class Shelf(Generic[Key]):
    """Encoded things by key, up to so many bytes; the one not used for longest goes first."""

    def __init__(self, capacity_bytes: int) -> None:
        self._capacity_bytes = capacity_bytes
        self._items: OrderedDict[Key, bytes] = OrderedDict()
        self.total_bytes = 0

    def get(self, key: Key) -> bytes | None:
        found = self._items.get(key)
        if found is not None:
            self._items.move_to_end(key)
        return found

    def put(self, key: Key, value: bytes) -> None:
        """Keep something, unless it alone would fill the shelf."""
        if len(value) > self._capacity_bytes or key in self._items:
            return
        self._items[key] = value
        self.total_bytes += len(value)
        while self.total_bytes > self._capacity_bytes:
            _, gone = self._items.popitem(last=False)
            self.total_bytes -= len(gone)


class Places:
    """A bounded number of requests that may be inside something at a time."""

    def __init__(self, limit: int, what: str) -> None:
        self._limit = limit
        self._what = what
        self.taken = 0

    @contextmanager
    def taking(self) -> Iterator[None]:
        """Hold a place for the length of a block; raise `Busy` where there is none."""
        if self.taken >= self._limit:
            raise Busy(limit=self._limit, what=self._what)
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1


class Kept:
    """Something encoded, good for a while."""

    def __init__(self) -> None:
        self.body = b""
        self.good_until_s = 0.0


class Context:
    """One node, as the API sees it."""

    def __init__(
        self,
        service: NodeService,
        *,
        miner: Miner | None = None,
        dev: DevTools | None = None,
        peering: Peering | None = None,
    ) -> None:
        self.service = service
        self.network = service.network
        self.prefix = service.network.genesis.address_prefix
        self.miner = miner
        self.dev = dev
        self.peering = peering
        self.meters = Meters()
        self.encoded_blocks: Shelf[BlockHash] = Shelf(BLOCK_CACHE_BYTES)
        self.holdings = HoldingsBook(service)
        self.observer = Observer(service)
        self.overview = Kept()
        self.document = b""
        self.page = b""
        self.stopping = asyncio.Event()
        self.streams = Places(MAX_STREAMS, "streams of the chain")
        self.long_polls = Places(MAX_LONG_POLLS, "requests waiting for a new tip")
        self.readers = Places(MAX_FEED_READERS, "readers of the feed")
        self._started_s = time.monotonic()

    @property
    def uptime_s(self) -> float:
        """By a clock that nobody sets."""
        return time.monotonic() - self._started_s

    def key_hash(self, address: str, field: str = "address") -> KeyHash:
        return decode_address(address, self.prefix, field=field)

    def pool_totals(self) -> PoolTotals:
        pool = self.service.state.pool
        return PoolTotals(
            len(pool), pool.total_bytes, pool.floor_per_kb(self.service.clock.now_ms())
        )
