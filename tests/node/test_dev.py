"""Development tools give money and time, and take everything back."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from chaindeck.ledger.errors import RuleError
from chaindeck.node.clock import Clock, DevClock
from chaindeck.node.dev import DevTools
from chaindeck.node.errors import FaucetEmpty, UnknownSnapshot
from chaindeck.node.mining import Miner, MiningPlan
from chaindeck.store import ChainStore
from tests.ledger.forge import ALICE, BOB
from tests.node.running import balance, faucet_payment, running

COIN = 10**8


def with_tools(tmp_path: Path, check) -> None:
    async def live() -> None:
        async with running(tmp_path) as service:
            miner = Miner(service, MiningPlan(), ALICE.key_hash)
            try:
                await check(service, DevTools(service, service.clock), miner)
            finally:
                miner.close()

    asyncio.run(live())


class TestFaucet:
    def test_faucet_pays_and_gives_itself_change(self, tmp_path: Path) -> None:
        async def check(service, tools, miner) -> None:
            tx_id = await tools.faucet(BOB.key_hash, 5 * COIN)
            assert tx_id in service.state.pool
            await miner.mine(1)
            assert balance(service, BOB) == 5 * COIN

        with_tools(tmp_path, check)

    def test_many_may_ask_before_a_block_comes(self, tmp_path: Path) -> None:
        async def check(service, tools, miner) -> None:
            ids = [await tools.faucet(BOB.key_hash, COIN) for _ in range(100)]
            assert len(set(ids)) == len(service.state.pool) == 100
            with pytest.raises(FaucetEmpty) as raised:
                await tools.faucet(BOB.key_hash, COIN)
            assert raised.value.values == {"amount": COIN}
            await miner.mine(1)
            await tools.faucet(BOB.key_hash, COIN)

        with_tools(tmp_path, check)

    def test_whole_coin_leaves_no_change(self, tmp_path: Path) -> None:
        async def check(service, tools, miner) -> None:
            tx_id = await tools.faucet(BOB.key_hash, 10_000 * COIN)
            entry = service.state.pool.get(tx_id)
            assert len(entry.transaction.outputs) == 1
            with pytest.raises(FaucetEmpty):
                await tools.faucet(BOB.key_hash, 10_000 * COIN + 1)

        with_tools(tmp_path, check)

    def test_refused_payment_is_raised(self, tmp_path: Path) -> None:
        async def check(service, tools, miner) -> None:
            with pytest.raises(RuleError) as raised:
                await tools.faucet(BOB.key_hash, 0)
            assert raised.value.code == "tx-amount-range"

        with_tools(tmp_path, check)


class TestSnapshots:
    def test_revert_restores_chain_pool_clock_and_coins(self, tmp_path: Path) -> None:
        async def check(service, tools, miner) -> None:
            await miner.mine(2)
            await service.submit_transactions([faucet_payment(service, BOB.key_hash)])
            tools.clock.set(1_900_000_000_000)
            tools.clock.freeze()
            coins, kept = service.store.coins_hash(), list(service.state.pool.dump())
            tip = service.tip
            name = await tools.snapshot()
            tools.clock.run()
            tools.clock.advance(5_000)
            await miner.mine(3)
            assert balance(service, BOB) == 1_000
            await tools.revert(name)
            assert service.tip == tip
            assert service.store.coins_hash() == coins
            assert list(service.state.pool.dump()) == kept
            assert tools.clock.now_ms() == 1_900_000_000_000
            await miner.mine(1)
            assert service.tip.header.height == 3
            await tools.revert(name)
            assert service.tip == tip

        with_tools(tmp_path, check)

    def test_revert_survives_a_restart(self, tmp_path: Path) -> None:
        async def check(service, tools, miner) -> None:
            await miner.mine(1)
            name = await tools.snapshot()
            await miner.mine(3)
            await tools.revert(name)

        with_tools(tmp_path, check)
        with_tools(tmp_path, _stands_at_one)

    def test_revert_ends_later_snapshots(self, tmp_path: Path) -> None:
        async def check(service, tools, miner) -> None:
            first = await tools.snapshot()
            await miner.mine(1)
            later = await tools.snapshot()
            await tools.revert(first)
            for name in (later, "nonsense"):
                with pytest.raises(UnknownSnapshot) as raised:
                    await tools.revert(name)
                assert raised.value.field == "id"
                assert raised.value.values == {"id": name}
            await tools.revert(first)

        with_tools(tmp_path, check)

    def test_reset_starts_over(self, tmp_path: Path) -> None:
        async def check(service, tools, miner) -> None:
            name = await tools.snapshot()
            await miner.mine(3)
            await tools.faucet(BOB.key_hash, COIN)
            tools.clock.freeze()
            await tools.reset()
            assert service.tip.header.height == 0
            assert len(service.state.pool) == 0
            assert tools.clock.frozen_at_ms is None
            with pytest.raises(UnknownSnapshot):
                await tools.revert(name)

        with_tools(tmp_path, check)


async def _stands_at_one(service, tools, miner) -> None:
    assert service.tip.header.height == 1
    assert isinstance(service.store, ChainStore)
    await miner.mine(1)
    assert service.tip.header.height == 2


class TestClock:
    def test_plain_clock_is_the_machines(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("time.time_ns", lambda: 1_234_567_890)
        assert Clock().now_ms() == 1_234

    def test_development_clock_is_shifted_stopped_and_started(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        machine = [1_000_000_000]
        monkeypatch.setattr("time.time_ns", lambda: machine[0])
        clock = DevClock()
        assert clock.now_ms() == 1_000
        clock.set(50_000)
        machine[0] += 10_000_000
        assert clock.now_ms() == 50_010
        clock.freeze()
        machine[0] += 10_000_000
        assert clock.now_ms() == 50_010
        clock.advance(90)
        assert clock.now_ms() == 50_100
        clock.run()
        clock.run()
        machine[0] += 5_000_000
        assert clock.now_ms() == 50_105
