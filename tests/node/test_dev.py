"""Development tools give money and time, and take everything back."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from chaindeck.ledger import state
from chaindeck.ledger.coins import decode_coin
from chaindeck.ledger.errors import RuleError, UnknownBlock
from chaindeck.ledger.types import Block, TxId
from chaindeck.node import service as service_module
from chaindeck.node.dev import DevTools
from chaindeck.node.errors import FaucetEmpty, UnknownSnapshot
from chaindeck.node.mining import Miner, MiningPlan
from chaindeck.store import ChainStore
from tests.ledger.forge import ALICE, BOB, pay, spend
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
            assert not tools.clock.is_frozen
            with pytest.raises(UnknownSnapshot):
                await tools.revert(name)

        with_tools(tmp_path, check)


class TestForgetting:
    """What came after is not remembered anywhere, by whatever way somebody asks."""

    def test_reset_is_a_fresh_chain(self, tmp_path: Path) -> None:
        old: list[Block] = []

        async def reset(service, tools, miner) -> None:
            payment = faucet_payment(service, BOB.key_hash)
            await service.submit_transactions([payment])
            hashes = await miner.mine(3)
            old.extend(service.load_block(block_hash) for block_hash in hashes)
            await service.invalidate(hashes[1])
            await miner.mine(1)
            assert len(service.tips()) == 2
            await tools.reset()
            assert service.dropped(payment.id) is None
            await check(service, tools, miner)

        async def check(service, tools, miner) -> None:
            genesis = service.network.block.hash
            assert [tip.entry.header.hash for tip in service.tips()] == [genesis]
            for block in old:
                assert service.load_block(block.hash) is None
                with pytest.raises(UnknownBlock):
                    await service.reconsider(block.hash)
            assert service.tip.header.hash == genesis

        async def again(service, tools, miner) -> None:
            await check(service, tools, miner)
            for block in old:
                assert await service.submit_block(block)
            assert service.tip.header.hash == old[-1].hash

        with_tools(tmp_path, reset)
        with_tools(tmp_path, again)

    def test_chain_that_is_longer_than_memory_is_reset(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(service_module, "_RECENT_MARKS", 3)
        monkeypatch.setattr(state, "REWIND_BLOCKS", 2)
        coins: list[bytes] = []

        async def grow(service, tools, miner) -> None:
            coins.append(service.store.coins_hash())
            await miner.mine(12)

        async def reset(service, tools, miner) -> None:
            assert len(service.state.tree) < 8
            await tools.reset()
            assert service.tip.header.height == 0
            assert service.store.coins_hash() == coins[0]
            assert service.store.state.body_bytes == 0
            await miner.mine(1)
            assert service.tip.header.height == 1

        with_tools(tmp_path, grow)
        with_tools(tmp_path, reset)

    def test_revert_forgets_what_came_later_and_nothing_else(self, tmp_path: Path) -> None:
        async def check(service, tools, miner) -> None:
            early = await self.drop_one(service, miner)
            name = await tools.snapshot()
            tips = [tip.entry.header.hash for tip in service.tips()]
            late = await self.drop_one(service, miner)
            gone = await miner.mine(2)
            await tools.revert(name)
            assert [tip.entry.header.hash for tip in service.tips()] == tips
            assert service.dropped(early) is not None
            assert service.dropped(late) is None
            with pytest.raises(UnknownBlock):
                await service.reconsider(gone[0])

        with_tools(tmp_path, check)

    async def drop_one(self, service, miner) -> TxId:
        """Have a payment dropped: it spends a reward that is taken back."""
        (block_hash,) = await miner.mine(1, BOB.key_hash)
        await miner.mine(1)
        ((outpoint, packed),) = service.store.coins_of(BOB.key_hash).coins
        coin = decode_coin(packed)
        payment = spend(
            service.network.id, [(outpoint, coin)], [pay(ALICE.key_hash, coin.amount)], BOB
        )
        await service.submit_transactions([payment])
        await service.invalidate(block_hash)
        assert service.dropped(payment.id) is not None
        return payment.id


async def _stands_at_one(service, tools, miner) -> None:
    assert service.tip.header.height == 1
    assert isinstance(service.store, ChainStore)
    await miner.mine(1)
    assert service.tip.header.height == 2
