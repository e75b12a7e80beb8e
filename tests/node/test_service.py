"""What a node is told is on disk before it says so, and it tells what happened."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from chaindeck.ledger import errors
from chaindeck.ledger.checkpoints import sign_checkpoint
from chaindeck.ledger.coins import Coin
from chaindeck.ledger.genesis import build_network
from chaindeck.ledger.pool_types import Accepted, DropCode, Rejected
from chaindeck.ledger.types import Amount, BlockHash, Height
from chaindeck.node import service as service_module
from chaindeck.node.clock import DevClock
from chaindeck.node.mining import Miner, MiningPlan
from chaindeck.node.service import NodeService, drop_code
from chaindeck.store import pool_file
from chaindeck.store.errors import DiskFull
from chaindeck.store.layer import Layer
from chaindeck.store.limits import PRUNE_KEEP_BLOCKS
from chaindeck.store.pool_file import PoolJournal, Waiting, load_pool, save_pool
from tests.ledger.forge import ALICE, BOB, address, dev_genesis, pay, spend
from tests.node.running import FullDisk, balance, faucet_payment, running


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


def test_checkpoint_beats_work_over_a_restart_too(tmp_path: Path) -> None:
    network = build_network(
        dev_genesis(
            checkpoint_signers=tuple(address(key) for key in (ALICE, BOB)), checkpoint_quorum=2
        )
    )

    async def live() -> None:
        async with running(tmp_path, network) as service:
            first, _ = await mine(service, 2)
            await service.invalidate(first)
            (rival,) = await mine(service)
            await service.reconsider(first)
            assert service.tip.header.height == 2
            assert await service.fix(sign_checkpoint(network, 1, rival, [ALICE, BOB]))
        async with running(tmp_path, network) as again:
            assert again.tip.header.hash == rival
            assert [item.hash for item in again.state.checkpoints.all()] == [rival]
            with pytest.raises(errors.BelowCheckpoint):
                await again.invalidate(rival)

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
            await service.start_over()
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


def test_payment_that_cannot_be_written_down_is_not_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def live() -> None:
        async with running(tmp_path) as service:
            kept = faucet_payment(service, BOB.key_hash, amount=1)
            await service.submit_transactions([kept])
            refused = faucet_payment(service, BOB.key_hash, coin=3)
            replacing = faucet_payment(service, BOB.key_hash, amount=2, fee=9_000)
            with monkeypatch.context() as full:
                full.setattr(PoolJournal, "append", FullDisk())
                with pytest.raises(DiskFull):
                    await service.submit_transactions([refused, replacing])
            assert [entry.id for _, entry in service.state.pool.by_age()] == [kept.id]
            assert service.dropped(kept.id) is None
            assert service.feed.sequence == 1
            (result,) = await service.submit_transactions([refused])
            assert isinstance(result, Accepted)
        async with running(tmp_path) as again:
            assert {kept.id, refused.id} == {entry.id for _, entry in again.state.pool.by_age()}

    asyncio.run(live())


def test_journal_that_names_a_payment_twice_or_one_in_a_block_reports_nothing_as_lost(
    tmp_path: Path,
) -> None:
    async def live() -> None:
        async with running(tmp_path) as service:
            parent = faucet_payment(service, BOB.key_hash, amount=1_000)
            await service.submit_transactions([parent])
            await mine(service)
            coin = Coin(BOB.key_hash, Amount(1_000), Height(1), is_reward=False)
            spent = [(parent.outpoint(0), coin)]
            child = spend(service.network.id, spent, [pay(ALICE.key_hash, 1_000)], BOB)
            await service.submit_transactions([child])
        save_pool(tmp_path / "pool.bin", [Waiting(item.raw, 1) for item in (parent, child, child)])
        async with running(tmp_path) as again:
            assert [entry.id for _, entry in again.state.pool.by_age()] == [child.id]
            assert (again.dropped(parent.id), again.dropped(child.id)) == (None, None)

    asyncio.run(live())


async def settled(service: NodeService) -> None:
    while service.store.waiting():
        await asyncio.sleep(0)


def test_rows_of_a_large_block_are_settled_behind_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def live() -> None:
        async with running(tmp_path) as service:
            monkeypatch.setattr(service.store, "_settle_rows", 1)
            await mine(service)
            assert service.store.waiting()
            await asyncio.wait_for(settled(service), 5)
            assert balance(service, ALICE) == 25 * 10**8
            await mine(service)
        async with running(tmp_path) as again:
            assert balance(again, ALICE) == 50 * 10**8

    asyncio.run(live())


def test_failed_settling_is_logged_and_refuses_the_next_block_until_it_succeeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def live() -> None:
        async with running(tmp_path) as service:
            monkeypatch.setattr(service.store, "_settle_rows", 1)
            with monkeypatch.context() as full:
                full.setattr(Layer, "settle_in_turns", FullDisk())
                await mine(service)
                settling = service._settling
                assert settling is not None
                await asyncio.wait_for(settling, 5)
                with pytest.raises(DiskFull):
                    await mine(service)
            assert "settling failed" in caplog.text
            assert service.tip.header.height == 1
            await mine(service)
            assert service.tip.header.height == 2

    asyncio.run(live())


def test_old_blocks_are_given_up_while_others_read(tmp_path: Path) -> None:
    async def live() -> None:
        async with running(tmp_path) as service:
            await mine(service, PRUNE_KEEP_BLOCKS + 2)
            await service.prune(0)
            assert service.store.state.first_body == 3
            assert service.tip.header.height == PRUNE_KEEP_BLOCKS + 2

    asyncio.run(live())


def test_one_who_is_cancelled_still_waits_for_the_thread(tmp_path: Path) -> None:
    async def live() -> None:
        async with running(tmp_path) as service:
            began, may_end = threading.Event(), threading.Event()
            ended = []

            def work() -> None:
                began.set()
                may_end.wait(5)
                ended.append(True)

            waiting = asyncio.create_task(service._in_thread(work))
            while not began.is_set():
                await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.sleep(0)
            assert not waiting.done()
            may_end.set()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            assert ended

    asyncio.run(live())


def test_journal_that_cannot_be_shortened_is_logged_and_serves_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(service_module, "EXPIRY_INTERVAL_S", 0.01)
    monkeypatch.setattr(service_module, "JOURNAL_SLACK", -3)

    async def live() -> None:
        async with running(tmp_path) as service:
            payment = faucet_payment(service, BOB.key_hash)
            with monkeypatch.context() as full:
                disk = FullDisk()
                full.setattr(pool_file, "sync_file", disk)
                await service.submit_transactions([payment])
                await disk.was_asked_twice()
            assert "the journal was not shortened" in caplog.text
            assert [item.raw for item in load_pool(tmp_path / "pool.bin")] == [payment.raw]

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
