"""Blocks are made on demand and by plan, on the tip, by whoever may."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest

from chaindeck.ledger import templates
from chaindeck.ledger.checkpoints import sign_checkpoint
from chaindeck.ledger.errors import CheckpointConflict
from chaindeck.ledger.genesis import build_network
from chaindeck.node import mining
from chaindeck.node.errors import MiningHalted, NotAMiner
from chaindeck.node.mining import Miner, MiningMode, MiningPlan
from chaindeck.node.service import NodeService
from tests.ledger.forge import ALICE, BOB, CAROL, DAVE, address, dev_genesis
from tests.node.running import FullDisk, balance, dev_network, faucet_payment, running

REWARD = 25 * 10**8


@contextlib.asynccontextmanager
async def following(miner: Miner):
    """Run a miner's plan in the background."""
    running_plan = asyncio.create_task(miner.run())
    try:
        yield
    finally:
        running_plan.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running_plan
        miner.close()


async def reach(service: NodeService, height: int) -> None:
    async with asyncio.timeout(20):
        while service.tip.header.height < height:
            await service.wait_for_tip(service.tip.header.hash)


def test_blocks_on_demand_pay_whom_they_are_told_to(tmp_path: Path) -> None:
    async def live() -> None:
        async with running(tmp_path) as service:
            miner = Miner(service, MiningPlan())
            assert miner.hash_rate() == 0
            first = await miner.mine(2, ALICE.key_hash)
            second = await miner.mine(1, BOB.key_hash)
            assert service.tip.header.height == 3
            assert service.tip.header.hash == second[0] != first[1]
            assert (balance(service, ALICE), balance(service, BOB)) == (2 * REWARD, REWARD)
            assert miner.hash_rate() > 0
            miner.close()

    asyncio.run(live())


def test_blocks_take_what_waits_and_its_fees(tmp_path: Path) -> None:
    async def live() -> None:
        async with running(tmp_path) as service:
            miner = Miner(service, MiningPlan(), ALICE.key_hash)
            payments = [
                faucet_payment(service, BOB.key_hash, coin=coin, fee=10) for coin in range(3)
            ]
            await service.submit_transactions(payments)
            await miner.mine(1)
            assert len(service.state.pool) == 0
            assert balance(service, ALICE) == REWARD + 30
            miner.close()

    asyncio.run(live())


def test_somebody_must_be_paid(tmp_path: Path) -> None:
    async def live() -> None:
        async with running(tmp_path) as service:
            miner = Miner(service, MiningPlan())
            with pytest.raises(NotAMiner, match="no address to pay"):
                await miner.mine(1)
            miner.close()

    asyncio.run(live())


def test_payment_is_mined_when_it_comes(tmp_path: Path) -> None:
    async def live() -> None:
        async with running(tmp_path) as service:
            miner = Miner(service, MiningPlan(mode="transaction"), ALICE.key_hash)
            async with following(miner):
                await service.submit_transactions([faucet_payment(service, BOB.key_hash)])
                await reach(service, 1)
                assert balance(service, BOB) == 1_000
                await service.submit_transactions([faucet_payment(service, BOB.key_hash, coin=7)])
                await reach(service, 2)
                assert balance(service, BOB) == 2_000

    asyncio.run(live())


def test_interval_makes_empty_blocks_too(tmp_path: Path) -> None:
    async def live() -> None:
        async with running(tmp_path) as service:
            plan = MiningPlan(mode="interval", interval_ms=10)
            async with following(Miner(service, plan, ALICE.key_hash)):
                await reach(service, 3)

    asyncio.run(live())


@pytest.mark.parametrize("mode", ["transaction", "interval", "always"])
def test_mining_goes_on_once_a_full_disk_has_room(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    mode: MiningMode,
) -> None:
    monkeypatch.setattr(mining, "MINING_REST_S", 0.001)

    async def live() -> None:
        async with running(tmp_path) as service:
            plan = MiningPlan(mode=mode, interval_ms=10)
            async with following(Miner(service, plan, ALICE.key_hash)):
                with monkeypatch.context() as full:
                    disk = FullDisk()
                    full.setattr(service.store, "writing", disk)
                    await service.submit_transactions([faucet_payment(service, BOB.key_hash)])
                    await disk.was_asked_twice()
                    assert service.tip.header.height == 0
                await reach(service, 1)
                assert balance(service, BOB) == 1_000
            assert "own block not stored" in caplog.text

    asyncio.run(live())


def test_hybrid_does_both(tmp_path: Path) -> None:
    async def live() -> None:
        async with running(tmp_path) as service:
            plan = MiningPlan(mode="hybrid", interval_ms=200)
            async with following(Miner(service, plan, ALICE.key_hash)):
                await service.submit_transactions([faucet_payment(service, BOB.key_hash)])
                await reach(service, 1)
                assert balance(service, BOB) == 1_000
                await reach(service, 2)

    asyncio.run(live())


def test_steady_mining_follows_its_own_and_other_blocks(tmp_path: Path) -> None:
    async def live() -> None:
        async with running(tmp_path) as service:
            plan = MiningPlan(mode="always", duty=0.5)
            async with following(Miner(service, plan, ALICE.key_hash)):
                await reach(service, 3)
                await service.invalidate(service.tip.header.hash)
                await reach(service, 5)

    asyncio.run(live())


def test_plan_that_is_off_ends_at_once_and_leaves_blocks_on_demand(tmp_path: Path) -> None:
    async def live() -> None:
        async with running(tmp_path) as service:
            miner = Miner(service, MiningPlan())
            await asyncio.wait_for(miner.run(), 5)
            assert len(await miner.mine(1, ALICE.key_hash)) == 1
            miner.close()

    asyncio.run(live())


def test_hard_search_ends_with_its_miner_and_renews_its_template(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mining, "TEMPLATE_REFRESH_S", 0.05)
    built = []
    real = templates.build_template

    def count_templates(*arguments):
        built.append(arguments)
        return real(*arguments)

    monkeypatch.setattr(mining, "build_template", count_templates)

    async def live() -> None:
        network = build_network(dev_genesis(easiest_bits=0x03123456))
        async with running(tmp_path, network) as service:
            miner = Miner(service, MiningPlan(mode="always"), ALICE.key_hash)
            async with following(miner), asyncio.timeout(20):
                while len(built) < 3:
                    await asyncio.sleep(0)
            assert service.tip.header.height == 0

    asyncio.run(live())


class TestSealed:
    def network(self, permille: int = 999):
        return build_network(
            dev_genesis(miners=(address(ALICE), address(BOB)), mining_diversity_permille=permille)
        )

    def test_listed_miners_take_turns(self, tmp_path: Path) -> None:
        async def live() -> None:
            async with running(tmp_path, self.network()) as service:
                assert service.network.seal_window == 1
                miners = [
                    Miner(service, MiningPlan(mode="always"), seal_key=key) for key in (ALICE, BOB)
                ]
                async with following(miners[0]), following(miners[1]):
                    await reach(service, 4)
                sealers = [entry.sealer for entry in service.state.tree.window(service.tip, 4)]
                assert sealers[0] != sealers[1] == sealers[3] != sealers[2]

        asyncio.run(live())

    def test_own_turn_must_come_first_on_demand_too(self, tmp_path: Path) -> None:
        async def live() -> None:
            async with running(tmp_path, self.network()) as service:
                miner = Miner(service, MiningPlan(), seal_key=ALICE)
                await miner.mine(1, CAROL.key_hash)
                assert service.store.coins_of(CAROL.key_hash).coins == []
                with pytest.raises(NotAMiner, match="other miners must seal first"):
                    await miner.mine(1)
                miner.close()

        asyncio.run(live())

    @pytest.mark.parametrize(
        ("key", "reason"), [(None, "it has no seal key"), (DAVE, "not a listed miner's")]
    )
    def test_others_cannot_mine(self, tmp_path: Path, key, reason: str) -> None:
        async def live() -> None:
            async with running(tmp_path, self.network()) as service:
                miner = Miner(service, MiningPlan(), ALICE.key_hash, key)
                with pytest.raises(NotAMiner, match=reason):
                    await miner.mine(1)
                miner.close()

        asyncio.run(live())


def test_contradicting_quorums_halt_mining(tmp_path: Path) -> None:
    async def live() -> None:
        signers = (ALICE, BOB)
        network = build_network(
            dev_genesis(
                checkpoint_signers=tuple(address(key) for key in signers), checkpoint_quorum=2
            )
        )
        async with running(tmp_path, network) as service:
            miner = Miner(service, MiningPlan(), ALICE.key_hash)
            (block,) = await miner.mine(1)
            await service.fix(sign_checkpoint(network, 1, block, signers))
            with pytest.raises(CheckpointConflict):
                await service.fix(sign_checkpoint(network, 1, bytes(32), signers))
            with pytest.raises(MiningHalted) as raised:
                await miner.mine(1)
            assert raised.value.values == {"height": 1}
            miner.close()

    asyncio.run(live())


def test_lost_race_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A block whose parent was given up while it was found is refused, and mining goes on."""

    async def live() -> None:
        async with running(tmp_path, dev_network()) as service:
            miner = Miner(service, MiningPlan(mode="always"), ALICE.key_hash)
            await miner.mine(1)
            real = service.submit_block
            calls = []

            async def lose(block):
                calls.append(block)
                if len(calls) == 1:
                    await service.invalidate(block.header.previous)
                return await real(block)

            monkeypatch.setattr(service, "submit_block", lose)
            async with following(miner):
                await reach(service, 2)

    asyncio.run(live())
