"""Alarms are told once, and stay a warning while they hold; blocks have an age when they come."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chaindeck.ledger.checkpoints import sign_checkpoint
from chaindeck.ledger.codec import decode_block
from chaindeck.ledger.errors import CheckpointConflict
from chaindeck.ledger.genesis import Network, build_network
from chaindeck.ledger.limits import REORG_ALERT_BLOCKS, REORG_PARK_BLOCKS
from chaindeck.ledger.types import Block, BlockHash
from chaindeck.node import observing
from chaindeck.node.clock import DevClock
from chaindeck.node.limits import DEEP_ALARM_MS
from chaindeck.node.mining import Miner, MiningPlan
from chaindeck.node.observing import Observer
from chaindeck.node.service import NodeService
from tests.ledger.forge import ALICE, BOB, address, dev_genesis
from tests.node.running import running


@contextlib.asynccontextmanager
async def observed(
    folder: Path, network: Network | None = None
) -> AsyncIterator[tuple[NodeService, Observer, Miner]]:
    async with running(folder, network) as service:
        miner = Miner(service, MiningPlan(), ALICE.key_hash)
        yield service, Observer(service), miner
        miner.close()


def clock_of(service: NodeService) -> DevClock:
    assert isinstance(service.clock, DevClock)
    return service.clock


async def branch(folder: Path, length: int) -> list[Block]:
    """Blocks of the same network that somebody else mined."""
    async with observed(folder) as (service, _, miner):
        hashes = await miner.mine(length, BOB.key_hash)
        raws = [service.store.load_body(block_hash) for block_hash in hashes]
        return [decode_block(raw) for raw in raws if raw is not None]


def test_deep_reorganisation_is_logged_and_warned_of_for_a_day(tmp_path: Path, caplog) -> None:
    async def live() -> None:
        async with observed(tmp_path) as (service, observer, miner):
            hashes = await miner.mine(REORG_ALERT_BLOCKS + 2)
            old_tip = service.tip.header.hash
            await service.invalidate(hashes[1])
            assert (observer.reorganisations, observer.deep_reorganisations) == (1, 1)
            (warning,) = observer.warnings()
            assert f"{REORG_ALERT_BLOCKS + 1} blocks were undone above height 1" in warning
            assert f"from {old_tip.hex()} to {hashes[0].hex()}" in warning
            assert caplog.text.count("a deep reorganisation") == 1
            (record,) = [item for item in caplog.records if "deep" in item.getMessage()]
            assert record.values["old_tip"] == old_tip.hex()
            clock_of(service).advance(DEEP_ALARM_MS)
            assert observer.warnings() == []

    asyncio.run(live())


def test_shallow_reorganisation_is_counted_and_no_alarm(tmp_path: Path) -> None:
    async def live() -> None:
        async with observed(tmp_path) as (service, observer, miner):
            hashes = await miner.mine(2)
            await service.invalidate(hashes[1])
            assert (observer.reorganisations, observer.deep_reorganisations) == (1, 0)
            assert observer.warnings() == []

    asyncio.run(live())


def test_parked_branch_is_logged_and_warned_of_until_an_operator_decides(
    tmp_path: Path, caplog
) -> None:
    async def live() -> None:
        others = await branch(tmp_path / "other", REORG_PARK_BLOCKS + 2)
        async with observed(tmp_path / "own") as (service, observer, miner):
            await miner.mine(REORG_PARK_BLOCKS + 1)
            for block in others:
                await service.submit_block(block)
            tip = others[-1].hash
            assert service.tip.header.hash != tip
            assert observer.parked() == [tip]
            assert tip.hex() in observer.warnings()[-1]
            assert caplog.text.count("a branch with more work is parked") == 1
            await service.reconsider(tip)
            assert service.tip.header.hash == tip
            assert observer.parked() == []
            assert "parked" not in " ".join(observer.warnings())

    asyncio.run(live())


def test_parked_branches_that_are_named_are_bounded(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(observing, "PARKED_KEPT", 2)

    async def live() -> None:
        async with observed(tmp_path) as (_, observer, _):
            for number in range(3):
                observer._note_parked(BlockHash(bytes([number]) * 32))
            assert len(observer._parked) == 2

    asyncio.run(live())


def test_contradicting_checkpoints_are_logged_once_with_both_hashes(tmp_path: Path, caplog) -> None:
    async def live() -> None:
        signers = (ALICE, BOB)
        keys = tuple(address(key) for key in signers)
        network = build_network(dev_genesis(checkpoint_signers=keys, checkpoint_quorum=2))
        async with observed(tmp_path, network) as (service, observer, miner):
            (block,) = await miner.mine(1)
            await service.fix(sign_checkpoint(network, 1, block, signers))
            assert observer.warnings() == []
            for _ in range(2):
                with pytest.raises(CheckpointConflict):
                    await service.fix(sign_checkpoint(network, 1, bytes(32), signers))
            (warning,) = observer.warnings()
            assert block.hex() in warning
            assert "00" * 32 in warning
            assert caplog.text.count("checkpoints contradict each other") == 1

    asyncio.run(live())


def test_ages_are_of_blocks_that_were_the_newest_known(tmp_path: Path) -> None:
    async def live() -> None:
        others = await branch(tmp_path / "other", 6)
        async with observed(tmp_path / "own") as (service, observer, _):
            assert observer.ages() is None
            newest = others[-1].header.time_ms
            clock_of(service).freeze()
            clock_of(service).set(newest + 700)
            for block in others[:3]:
                service.state.add_header(block.header, block.seal, newest)
            for block in others[:4]:
                await service.submit_block(block)
            await service.submit_block(others[4])
            ages = observer.ages()
            assert ages is not None
            # The third ends what was known, and each after it was new.
            times = [newest + 700 - block.header.time_ms for block in others[2:5]]
            assert ages.blocks == 3
            assert ages.median_ms == sorted(times)[1]
            assert min(times) <= ages.median_ms <= ages.p95_ms <= max(times)

    asyncio.run(live())
