"""Of two miners who sealed the same height, one lets the other's block stand, and both go on."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from chaindeck.ledger.genesis import Network
from chaindeck.ledger.ports import Entry
from chaindeck.ledger.signatures import SigningKey
from chaindeck.ledger.types import Block
from chaindeck.node import turns
from chaindeck.node.limits import TIE_PATIENCE
from chaindeck.node.mining import Miner, MiningPlan
from chaindeck.node.service import NodeService
from chaindeck.node.turns import end_ties, find_rival
from tests.ledger.forge import ALICE, BOB, CAROL, address, dev_network
from tests.node.running import FullDisk, running


def network_of(*miners: SigningKey) -> Network:
    return dev_network(miners=tuple(address(key) for key in miners), mining_diversity_permille=500)


async def sealed_by(key: SigningKey, folder: Path, network: Network) -> Block:
    """Return the first block that a miner seals with nobody else there."""
    async with running(folder, network) as service:
        miner = Miner(service, MiningPlan(), seal_key=key)
        (block_hash,) = await miner.mine(1)
        miner.close()
        block = service.load_block(block_hash)
        assert block is not None
        return block


@contextlib.asynccontextmanager
async def tied(
    folder: Path, network: Network, *, is_lower: bool
) -> AsyncIterator[tuple[NodeService, SigningKey, Block, Block]]:
    """Run a node whose own block came first; its sealer, its block and the other one come along."""
    mine = await sealed_by(ALICE, folder / "alice", network)
    other = await sealed_by(BOB, folder / "bob", network)
    keys = {mine.hash: ALICE, other.hash: BOB}
    first, second = sorted((mine, other), key=lambda block: block.hash, reverse=not is_lower)
    async with running(folder / "node", network) as service:
        await service.submit_block(first)
        await service.submit_block(second)
        assert service.tip.header.hash == first.hash
        yield service, keys[first.hash], first, second


def test_sealer_of_the_higher_hash_gives_way_and_seals_next(tmp_path: Path) -> None:
    async def live() -> None:
        async with tied(tmp_path, network_of(ALICE, BOB), is_lower=False) as (
            service,
            sealer,
            first,
            second,
        ):
            rival = find_rival(service, sealer.key_hash)
            assert rival is not None
            assert rival.header.hash == second.hash
            ending = asyncio.create_task(end_ties(service, sealer.key_hash))
            async with asyncio.timeout(30):
                await service.wait_for_tip(first.hash)
            ending.cancel()
            miner = Miner(service, MiningPlan(), seal_key=sealer)
            await miner.mine(1)
            miner.close()
            assert service.tip.header.previous == second.hash

    asyncio.run(live())


def test_sealer_of_the_lower_hash_stays_unless_the_tie_stays_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "TIE_REST_S", 0.01)

    async def live() -> None:
        async with tied(tmp_path, network_of(ALICE, BOB), is_lower=True) as (
            service,
            sealer,
            first,
            second,
        ):
            seen: list[int] = []
            find = turns.find_rival

            def watched(*arguments: Any) -> Entry | None:
                seen.append(service.tip.header.height)
                assert service.tip.header.hash == first.hash or len(seen) > TIE_PATIENCE
                return find(*arguments)

            monkeypatch.setattr(turns, "find_rival", watched)
            ending = asyncio.create_task(end_ties(service, sealer.key_hash))
            async with asyncio.timeout(30):
                await service.wait_for_tip(first.hash)
            assert len(seen) >= TIE_PATIENCE
            assert service.tip.header.hash == second.hash
            ending.cancel()

    asyncio.run(live())


def test_whoever_may_go_on_where_it_is_gives_no_way(tmp_path: Path) -> None:
    async def live() -> None:
        network = network_of(ALICE, BOB, CAROL)
        async with tied(tmp_path, network, is_lower=False) as (service, *_):
            assert find_rival(service, CAROL.key_hash) is None

    asyncio.run(live())


def test_block_that_failed_is_no_rival(tmp_path: Path) -> None:
    async def live() -> None:
        async with tied(tmp_path, network_of(ALICE, BOB), is_lower=False) as (
            service,
            sealer,
            _,
            second,
        ):
            await service.invalidate(second.hash)
            assert find_rival(service, sealer.key_hash) is None

    asyncio.run(live())


def test_disk_that_refuses_ends_nothing_but_that_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "TIE_REST_S", 0.01)

    async def live() -> None:
        async with tied(tmp_path, network_of(ALICE, BOB), is_lower=False) as (
            service,
            sealer,
            first,
            second,
        ):
            disk, prefer = FullDisk(), service.prefer
            monkeypatch.setattr(service, "prefer", disk)
            ending = asyncio.create_task(end_ties(service, sealer.key_hash))
            await disk.was_asked_twice()
            monkeypatch.setattr(service, "prefer", prefer)
            async with asyncio.timeout(30):
                await service.wait_for_tip(first.hash)
            assert service.tip.header.hash == second.hash
            ending.cancel()

    asyncio.run(live())
