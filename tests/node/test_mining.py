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
from chaindeck.node.clock import DevClock
from chaindeck.node.dev import dev_genesis as funded_genesis
from chaindeck.node.errors import MiningHalted, NotAMiner
from chaindeck.node.mining import Miner, MiningMode, MiningPlan
from chaindeck.node.service import NodeService
from tests.ledger.forge import ALICE, BOB, CAROL, DAVE, address, dev_genesis
from tests.node.running import FullDisk, balance, dev_network, faucet_payment, running

DAY_MS = 86_400_000
REWARD = 25 * 10**8
MODES: tuple[MiningMode, ...] = ("always", "transaction", "interval", "hybrid")


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


@pytest.mark.parametrize("mode", ["transaction", "hybrid"])
def test_payment_that_waited_over_a_restart_is_mined(tmp_path: Path, mode: MiningMode) -> None:
    async def live() -> None:
        async with running(tmp_path) as service:
            await service.submit_transactions([faucet_payment(service, BOB.key_hash)])
        async with running(tmp_path) as again:
            async with following(Miner(again, MiningPlan(mode=mode), ALICE.key_hash)):
                await reach(again, 1)
            assert balance(again, BOB) == 1_000

    asyncio.run(live())


def test_interval_makes_empty_blocks_too(tmp_path: Path) -> None:
    async def live() -> None:
        async with running(tmp_path) as service:
            plan = MiningPlan(mode="interval", interval_ms=10)
            async with following(Miner(service, plan, ALICE.key_hash)):
                await reach(service, 3)

    asyncio.run(live())


@pytest.mark.parametrize("mode", MODES)
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
            assert "mining waits" in caplog.text

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


@pytest.fixture
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A miner that waits looks around often."""
    monkeypatch.setattr(mining, "MINING_REST_S", 0.01)


async def waits(miner: Miner, reason: str) -> None:
    """Return when a plan says that it waits, and why."""
    async with asyncio.timeout(20):
        while not any(reason in warning for warning in miner.warnings()):
            await asyncio.sleep(0.001)
    assert miner.hash_rate() == 0


async def goes_on(miner: Miner, service: NodeService, height: int) -> None:
    await reach(service, height)
    async with asyncio.timeout(20):
        while miner.warnings():
            await asyncio.sleep(0.001)


async def offer(service: NodeService, coin: int) -> None:
    """Give a miner that goes by payments a reason."""
    await service.submit_transactions([faucet_payment(service, CAROL.key_hash, coin=coin)])


def funded_network(**changes: object):
    return build_network(dev_genesis(allocations=funded_genesis().allocations, **changes))


@pytest.mark.parametrize("mode", MODES)
class TestWaiting:
    """What keeps a plan from making a block is waited for, told, and not the plan's end."""

    def test_miner_waits_for_its_turn_and_goes_on(self, tmp_path: Path, mode: MiningMode) -> None:
        network = funded_network(
            miners=(address(ALICE), address(BOB)), mining_diversity_permille=999
        )

        async def live() -> None:
            async with running(tmp_path, network) as service:
                other = Miner(service, MiningPlan(), seal_key=BOB)
                miner = Miner(service, MiningPlan(mode=mode, interval_ms=10), seal_key=ALICE)
                async with following(miner):
                    for height in (1, 3, 5):
                        await offer(service, height)
                        await reach(service, height)
                        await offer(service, height + 1)
                        await waits(miner, "other miners must seal first")
                        assert service.tip.header.height == height
                        await other.mine(1)
                    await offer(service, 9)
                    await reach(service, 7)
                other.close()

        asyncio.run(live())

    @pytest.mark.usefixtures("brisk")
    def test_contradiction_halts_mining_until_it_is_settled(
        self, tmp_path: Path, mode: MiningMode
    ) -> None:
        signers = (ALICE, BOB, CAROL)
        network = funded_network(
            checkpoint_signers=tuple(address(key) for key in signers), checkpoint_quorum=2
        )

        async def live() -> None:
            async with running(tmp_path, network) as service:
                miner = Miner(service, MiningPlan(mode=mode, interval_ms=10), ALICE.key_hash)
                (block,) = await miner.mine(1)
                await service.fix(sign_checkpoint(network, 1, block, (ALICE, BOB)))
                with pytest.raises(CheckpointConflict):
                    await service.fix(sign_checkpoint(network, 1, bytes(32), (BOB, CAROL)))
                async with following(miner):
                    await offer(service, 1)
                    await waits(miner, "two quorums contradict each other at height 1")
                    assert service.tip.header.height == 1
                    await service.fix(sign_checkpoint(network, 1, block, signers))
                    await goes_on(miner, service, 2)

        asyncio.run(live())

    @pytest.mark.usefixtures("brisk")
    def test_clock_that_was_set_back_is_waited_for(self, tmp_path: Path, mode: MiningMode) -> None:
        async def live() -> None:
            async with running(tmp_path) as service:
                assert isinstance(service.clock, DevClock)
                miner = Miner(service, MiningPlan(mode=mode, interval_ms=10), ALICE.key_hash)
                await miner.mine(1)
                service.clock.advance(-DAY_MS)
                async with following(miner):
                    await offer(service, 1)
                    await waits(miner, "ahead")
                    assert service.tip.header.height == 1
                    service.clock.advance(DAY_MS)
                    await goes_on(miner, service, 2)

        asyncio.run(live())


def test_miner_by_payments_waits_no_more_when_another_took_them(tmp_path: Path) -> None:
    network = funded_network(miners=(address(ALICE), address(BOB)), mining_diversity_permille=999)

    async def live() -> None:
        async with running(tmp_path, network) as service:
            other = Miner(service, MiningPlan(), seal_key=BOB)
            miner = Miner(service, MiningPlan(mode="transaction"), seal_key=ALICE)
            async with following(miner):
                await offer(service, 1)
                await reach(service, 1)
                await offer(service, 2)
                await waits(miner, "other miners must seal first")
                await other.mine(1)
                await goes_on(miner, service, 2)
            other.close()

    asyncio.run(live())


def test_plan_that_ends_by_a_fault_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def live() -> None:
        async with running(tmp_path) as service:
            miner = Miner(service, MiningPlan(mode="always"), ALICE.key_hash)
            await miner.mine(1)

            async def fail(_: object) -> bool:
                raise ZeroDivisionError

            monkeypatch.setattr(service, "submit_block", fail)
            with pytest.raises(ZeroDivisionError):
                await miner.run()
            assert "ended by a fault" in miner.warnings()[0]
            assert miner.hash_rate() == 0
            miner.close()

    asyncio.run(live())


def test_commands_take_turns_and_one_that_is_cancelled_ends(tmp_path: Path) -> None:
    async def live() -> None:
        async with running(tmp_path) as service:
            miner = Miner(service, MiningPlan(), ALICE.key_hash)
            long = asyncio.create_task(miner.mine(1_000))
            await reach(service, 2)
            await asyncio.wait_for(miner.mine(1, BOB.key_hash), 20)
            assert not long.done()
            long.cancel()
            await asyncio.wait([long])
            assert long.cancelled()
            height = service.tip.header.height
            assert height < 1_000
            await miner.mine(1)
            assert service.tip.header.height == height + 1
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
            await service.fix(sign_checkpoint(network, 1, bytes([1]) * 32, signers))
            with pytest.raises(CheckpointConflict):
                await service.fix(sign_checkpoint(network, 1, bytes([2]) * 32, signers))
            await miner.mine(1)
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
