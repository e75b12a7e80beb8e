"""A node's service on a real store, started and stopped around a test."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from chaindeck.ledger.addresses import encode_address
from chaindeck.ledger.coins import decode_coin
from chaindeck.ledger.genesis import Network, build_network
from chaindeck.ledger.signatures import SigningKey
from chaindeck.ledger.types import KeyHash, Transaction
from chaindeck.node.clock import DevClock
from chaindeck.node.dev import FAUCET_KEY, dev_genesis
from chaindeck.node.service import NodeService
from chaindeck.store import ChainStore
from chaindeck.store.errors import DiskFull
from tests.ledger.forge import pay, spend


class FullDisk:
    """In the place of something that writes: has no room, and says so when it was asked twice."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._asked = 0
        self._was_asked_twice = asyncio.Event()

    def __call__(self, *_: object) -> None:
        """Any thread may ask."""
        self._asked += 1
        if self._asked == 2:
            self._loop.call_soon_threadsafe(self._was_asked_twice.set)
        raise DiskFull(path="a disk")

    async def was_asked_twice(self) -> None:
        async with asyncio.timeout(20):
            await self._was_asked_twice.wait()


def dev_network() -> Network:
    return build_network(dev_genesis())


@contextlib.asynccontextmanager
async def running(folder: Path, network: Network | None = None) -> AsyncIterator[NodeService]:
    """Start a service on a data directory; stop it in good order."""
    network = network or dev_network()
    with ChainStore.open(folder, network) as store:
        service = NodeService(network, store, DevClock())
        await service.start()
        try:
            yield service
        finally:
            await service.stop()


def faucet_payment(
    service: NodeService, to: KeyHash, *, coin: int = 0, amount: int = 1_000, fee: int = 0
) -> Transaction:
    """Spend one of the faucet's coins, whole: to somebody, and the rest back."""
    outpoint, packed = service.store.coins_of(FAUCET_KEY.key_hash).coins[coin]
    held = decode_coin(packed)
    outputs = [pay(to, amount), pay(FAUCET_KEY.key_hash, held.amount - amount - fee)]
    return spend(service.network.id, [(outpoint, held)], outputs, FAUCET_KEY)


def balance(service: NodeService, key: SigningKey) -> int:
    coins = service.store.coins_of(key.key_hash).coins
    return sum(decode_coin(packed).amount for _, packed in coins)


def address(service: NodeService, key: SigningKey) -> str:
    return encode_address(key.key_hash, service.network.genesis.address_prefix)
