"""The demonstration's owners are funded by the operator and pay each other; nothing piles up."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from chaindeck.client import Access, AsyncNodeClient
from chaindeck.ledger.genesis import build_network
from chaindeck.node.dev import dev_genesis
from chaindeck.supervisor import payments as payments_module
from chaindeck.supervisor.errors import DemoUnfunded
from chaindeck.supervisor.first_start import new_wallet
from chaindeck.supervisor.limits import DEMO_COIN, DEMO_COINS_EACH, DEMO_OWNERS
from chaindeck.supervisor.payments import Payments
from chaindeck.wallet.types import NetworkIdentity
from tests.functional.processes import NodeProcess, node

NETWORK = build_network(dev_genesis())
IDENTITY = NetworkIdentity(NETWORK.id, NETWORK.genesis.address_prefix)
FUND = DEMO_COIN * DEMO_COINS_EACH


@asynccontextmanager
async def paying(process: NodeProcess) -> AsyncIterator[tuple[Payments, AsyncNodeClient, str]]:
    operator, demo = new_wallet(IDENTITY), new_wallet(IDENTITY)
    access = Access(process.url, folders=[process.folder])
    async with AsyncNodeClient(access) as client:
        made = Payments(operator, demo, client, random.Random(7))
        yield made, client, operator.address(operator.key_hashes()[0])


def test_owners_are_funded_once_there_is_something_to_fund_them_with(tmp_path: Path) -> None:
    async def run(process: NodeProcess) -> None:
        async with paying(process) as (payments, client, operator):
            with pytest.raises(DemoUnfunded):
                await payments.pay_once()
            await client.mine(2, operator)
            await payments.fund(payments.owners[0])
            await client.mine(1)
            means = await payments.means_of(payments._demo, payments.owners[0])
            assert means.total == FUND
            assert len(means.coins) == DEMO_COINS_EACH

    with node(tmp_path / "node") as process:
        asyncio.run(run(process))


def test_many_payments_leave_few_coins(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(payments_module, "DEMO_MANY_COINS", 10)

    async def run(process: NodeProcess) -> None:
        async with paying(process) as (payments, client, operator):
            await client.mine(60, operator)
            made = 0
            for _ in range(30):
                for _ in range(8):
                    try:
                        await payments.pay_once()
                        made += 1
                    except DemoUnfunded:
                        continue
                await client.mine(1, operator)
            assert made > 200
            means = [await payments.means_of(payments._demo, owner) for owner in payments.owners]
            assert len(means) == DEMO_OWNERS
            assert max(len(of.coins) for of in means) < 25

    with node(tmp_path / "node") as process:
        asyncio.run(run(process))
