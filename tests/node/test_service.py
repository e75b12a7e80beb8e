"""What a node is told is on disk before it says so, and it tells what happened."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from chaindeck.ledger import errors
from chaindeck.ledger.checkpoints import sign_checkpoint
from chaindeck.ledger.genesis import build_network
from chaindeck.ledger.pool_types import Accepted, DropCode, Rejected
from chaindeck.ledger.types import BlockHash
from chaindeck.node import service as service_module
from chaindeck.node.clock import DevClock
from chaindeck.node.mining import Miner, MiningPlan
from chaindeck.node.service import NodeService, drop_code
from tests.ledger.forge import ALICE, BOB, address, dev_genesis
from tests.node.running import balance, faucet_payment, running


async def mine(service: NodeService, count: int = 1) -> list[BlockHash]:
    miner = Miner(service, MiningPlan())
    try:
        return await miner.mine(count, ALICE.key_hash)
    finally:
        miner.close()


def test_chain_and_pool_are_there_after_a_restart(tmp_path: Path) -> None:
    async def live() -> None:
        async with running(tmp_path) as service:
            await service.submit_transactions([faucet_payment(service, BOB.key_hash, coin=0)])
            hashes = await mine(service, 3)
            waiting = faucet_payment(service, BOB.key_hash, coin=5)
            (result,) = await service.submit_transactions([waiting])
            assert isinstance(result, Accepted)
            arrived = [entry.arrived_ms for _, entry in service.state.pool.by_age()]
        async with running(tmp_path) as again:
            assert again.tip.header.hash == hashes[-1]
            assert balance(again, BOB) == 1_000
            assert waiting.id in again.state.pool
            assert [entry.arrived_ms for _, entry in again.state.pool.by_age()] == arrived
            assert again.instance_id != service.instance_id
            await mine(again)
            assert balance(again, BOB) == 2_000

    asyncio.run(live())


def test_acknowledged_payment_survives_without_a_good_stop(tmp_path: Path) -> None:
    """The journal is read as a killed process leaves it: no stop, no rewrite."""

    async def live() -> None:
        async with running(tmp_path / "one") as service:
            payment = faucet_payment(service, BOB.key_hash)
            await service.submit_transactions([payment])
            left = (tmp_path / "one" / "pool.bin").read_bytes()
        (tmp_path / "one" / "pool.bin").write_bytes(left)
        async with running(tmp_path / "one") as again:
            assert payment.id in again.state.pool

    asyncio.run(live())


def test_payment_that_can_no_longer_wait_is_reported_after_a_restart(tmp_path: Path) -> None:
    async def live() -> None:
        async with running(tmp_path) as service:
            first = faucet_payment(service, BOB.key_hash, amount=1)
            rival = faucet_payment(service, BOB.key_hash, amount=2)
            await service.submit_transactions([first])
            left = (tmp_path / "pool.bin").read_bytes()
            await service.rewind(service.tip.header.hash, [])
            await service.submit_transactions([rival])
            await mine(service)
        (tmp_path / "pool.bin").write_bytes(left)
        async with running(tmp_path) as again:
            dropped = again.dropped(first.id)
            assert dropped is not None
            assert dropped.code is DropCode.CONFLICT
            assert again.dropped(rival.id) is None

    asyncio.run(live())


def test_reasons_after_a_restart_are_the_pools_words() -> None:
    assert drop_code(errors.MissingInput(input=0)) is DropCode.CONFLICT
    assert drop_code(errors.ImmatureCoin(input=0, age=1, maturity=2)) is DropCode.IMMATURE
    assert drop_code(errors.PoolFull()) is DropCode.EVICTED


def test_feed_tells_of_blocks_payments_and_reorganisations(tmp_path: Path) -> None:
    async def live() -> None:
        async with running(tmp_path) as service:
            reader = service.feed.subscribe(["block", "transaction", "reorg"])
            payment = faucet_payment(service, BOB.key_hash, fee=7)
            await service.submit_transactions([payment])
            (block,) = await mine(service)
            await service.invalidate(block)
            events, _ = await reader.take()
            told = [(event.topic, event.data.get("status")) for event in events]
            assert told == [
                ("transaction", "pooled"),
                ("block", "connected"),
                ("block", "disconnected"),
                ("reorg", "done"),
            ]
            assert events[0].data["fee"] == 7
            assert events[1].data["miner"] == address(ALICE)
            assert events[1].data["fees"] == 7
            assert events[3].data["disconnected"] == 1

    asyncio.run(live())


def test_dropped_payments_are_remembered_up_to_a_cap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_module, "DROPPED_KEPT", 1)

    async def live() -> None:
        async with running(tmp_path) as service:
            reader = service.feed.subscribe(["transaction"])
            poor = [faucet_payment(service, BOB.key_hash, coin=coin, amount=1) for coin in range(2)]
            rich = [
                faucet_payment(service, BOB.key_hash, coin=coin, amount=1, fee=9_000)
                for coin in range(2)
            ]
            await service.submit_transactions(poor)
            await service.submit_transactions(rich)
            assert service.dropped(poor[0].id) is None
            dropped = service.dropped(poor[1].id)
            assert dropped is not None
            assert dropped.code is DropCode.REPLACED
            events, _ = await reader.take()
            last = events[-1].data
            assert (last["id"], last["reason"]) == (poor[1].id.hex(), "replaced")

    asyncio.run(live())


def test_dry_run_leaves_no_trace(tmp_path: Path) -> None:
    async def live() -> None:
        async with running(tmp_path) as service:
            size = (tmp_path / "pool.bin").stat().st_size
            payment = faucet_payment(service, BOB.key_hash)
            (result,) = await service.submit_transactions([payment], dry_run=True)
            assert isinstance(result, Accepted)
            assert (tmp_path / "pool.bin").stat().st_size == size
            assert service.feed.sequence == 0

    asyncio.run(live())


def test_refused_payment_says_why(tmp_path: Path) -> None:
    async def live() -> None:
        async with running(tmp_path) as service:
            payment = faucet_payment(service, BOB.key_hash)
            await service.submit_transactions([payment])
            (result,) = await service.submit_transactions([payment])
            assert isinstance(result, Rejected)
            assert isinstance(result.error, errors.AlreadyPooled)

    asyncio.run(live())


def test_tip_can_be_waited_for(tmp_path: Path) -> None:
    async def live() -> None:
        async with running(tmp_path) as service:
            before = service.tip.header.hash
            waiting = asyncio.create_task(service.wait_for_tip(before))
            (block,) = await mine(service)
            entry = await asyncio.wait_for(waiting, 5)
            assert entry.header.hash == block
            assert (await service.wait_for_tip(before)).header.hash == block

    asyncio.run(live())


def test_commands_move_the_tip(tmp_path: Path) -> None:
    async def live() -> None:
        genesis = dev_genesis(
            checkpoint_signers=(address(ALICE), address(BOB)), checkpoint_quorum=2
        )
        network = build_network(genesis)
        async with running(tmp_path, network) as service:
            first, second = await mine(service, 2)
            await service.invalidate(second)
            assert service.tip.header.hash == first
            await service.reconsider(second)
            assert service.tip.header.hash == second
            await service.invalidate(second)
            (rival,) = await mine(service)
            await service.reconsider(second)
            assert service.tip.header.hash in {rival, second}
            await service.prefer(second)
            assert service.tip.header.hash == second
            assert {tip.entry.header.hash for tip in service.tips()} == {second, rival}
            checkpoint = sign_checkpoint(network, 2, rival, [ALICE, BOB])
            assert await service.fix(checkpoint)
            assert service.tip.header.hash == rival
            assert service.load_block(rival) is not None
            assert service.load_block(bytes(32)) is None

    asyncio.run(live())


def test_bad_block_is_refused_and_told_as_nothing(tmp_path: Path) -> None:
    async def live() -> None:
        async with running(tmp_path) as service:
            (block_hash,) = await mine(service)
            block = service.load_block(block_hash)
            assert block is not None
            assert not await service.submit_block(block)
            sequence = service.feed.sequence
            await service.invalidate(block_hash)
            with pytest.raises(errors.UnknownBlock):
                await service.invalidate(bytes(32))
            assert service.feed.sequence == sequence + 2

    asyncio.run(live())


async def shrunk(path: Path, size: int) -> None:
    while path.stat().st_size >= size:
        await asyncio.sleep(0)


def test_housekeeping_expires_payments_and_shortens_the_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_module, "EXPIRY_INTERVAL_S", 0.01)
    monkeypatch.setattr(service_module, "JOURNAL_SLACK", 0)

    async def live() -> None:
        async with running(tmp_path) as service:
            reader = service.feed.subscribe(["transaction"])
            payment = faucet_payment(service, BOB.key_hash)
            await service.submit_transactions([payment])
            grown = (tmp_path / "pool.bin").stat().st_size
            assert isinstance(service.clock, DevClock)
            service.clock.advance(3_600_001)
            events: list = []
            while len(events) < 2:
                events += (await asyncio.wait_for(reader.take(), 5))[0]
            assert events[-1].data["reason"] == "expired"
            rewritten = asyncio.create_task(shrunk(tmp_path / "pool.bin", grown))
            await asyncio.wait_for(rewritten, 5)

    asyncio.run(live())
