"""What peers send is offered in order; a store in trouble is no verdict and ends nothing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from chaindeck.ledger.checkpoints import encode_checkpoint, sign_checkpoint
from chaindeck.ledger.codec import decode_block
from chaindeck.ledger.errors import AlreadyPooled, CheckpointsUnused, UnknownParent
from chaindeck.ledger.types import Block
from chaindeck.node.mining import Miner, MiningPlan
from chaindeck.node.network import judging
from chaindeck.node.network.judging import Judges
from chaindeck.node.service import NodeService
from chaindeck.protocol.inputs import (
    BlockJudged,
    CheckpointJudged,
    Input,
    PaymentsJudged,
)
from chaindeck.protocol.types import LinkId
from chaindeck.store.errors import DiskFull
from tests.ledger.forge import ALICE, BOB
from tests.node.network.street import run, until
from tests.node.running import faucet_payment, running

LINK = LinkId(3)


class Bench:
    """Judges at work over a service, and what they told."""

    def __init__(self, service: NodeService) -> None:
        self.service = service
        self.told: list[Any] = []
        self.judges = Judges(service, self.told.append, lambda: self.told.append("news"))

    @property
    def verdicts(self) -> list[Input]:
        return [item for item in self.told if item != "news"]


@contextlib.asynccontextmanager
async def bench(folder: Path) -> AsyncIterator[Bench]:
    async with running(folder) as service:
        made = Bench(service)
        tasks = [
            asyncio.create_task(made.judges.judge_blocks()),
            asyncio.create_task(made.judges.judge_payments()),
        ]
        looking = asyncio.create_task(made.judges.foresee_blocks())
        yield made
        made.judges.stop()
        async with asyncio.timeout(5):
            await asyncio.gather(*tasks)
        looking.cancel()
        await asyncio.wait([looking])


async def blocks(folder: Path, count: int) -> list[Block]:
    """Mine some on another chain."""
    async with running(folder) as service:
        miner = Miner(service, MiningPlan())
        hashes = await miner.mine(count, ALICE.key_hash)
        miner.close()
        raws = [service.store.load_body(block_hash) for block_hash in hashes]
        return [decode_block(raw) for raw in raws if raw is not None]


def test_blocks_are_judged_in_order_and_news_comes_before_the_verdict(tmp_path: Path) -> None:
    async def live() -> None:
        made = await blocks(tmp_path / "other", 3)
        async with bench(tmp_path / "own") as at:
            for block in made:
                at.judges.offer_block(block, LINK)
            await until(lambda: len(at.verdicts) == 3)
            assert at.told[0] == "news"
            assert at.verdicts == [BlockJudged(block.hash, LINK, None) for block in made]
            assert at.service.tip.header.hash == made[-1].hash

    run(live())


def test_blocks_are_foreseen_while_another_is_at_the_chain_and_one_alone_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def live() -> None:
        made = await blocks(tmp_path / "other", 4)
        async with bench(tmp_path / "own") as at:
            done: list[str] = []
            foresee, submit = at.service.foresee, at.service.submit_block
            numbers = {block.hash: number for number, block in enumerate(made)}

            async def note_look(block: Block) -> bool:
                done.append(f"look {numbers[block.hash]}")
                return await foresee(block)

            async def note_turn(block: Block) -> bool:
                done.append(f"turn {numbers[block.hash]}")
                return await submit(block)

            monkeypatch.setattr(at.service, "foresee", note_look)
            monkeypatch.setattr(at.service, "submit_block", note_turn)
            for block in made:
                at.service.state.add_header(block.header, block.seal, at.service.clock.now_ms())
            for block in made[:3]:
                at.judges.offer_block(block, LINK)
            await until(lambda: len(at.verdicts) == 3)
            at.judges.offer_block(made[3], LINK)
            await until(lambda: len(at.verdicts) == 4)
            assert [item for item in done if "turn" in item] == [f"turn {n}" for n in range(4)]
            assert [item for item in done if "look" in item] == ["look 1", "look 2"]
            assert done.index("look 2") < done.index("turn 2")

    run(live())


@pytest.mark.parametrize("is_bug", [True, False])
def test_block_that_cannot_be_foreseen_has_its_turn_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog, is_bug: bool
) -> None:
    async def live() -> None:
        made = await blocks(tmp_path / "other", 3)
        async with bench(tmp_path / "own") as at:
            looks: list[Block] = []

            async def fail(block: Block) -> bool:
                looks.append(block)
                if is_bug:
                    raise ValueError("a bug")
                return False

            monkeypatch.setattr(at.service, "foresee", fail)
            for block in made:
                at.judges.offer_block(block, LINK)
            await until(lambda: len(at.verdicts) == 3)
            assert at.service.tip.header.hash == made[-1].hash
            assert looks == [made[1], made[1], made[2], made[2]], "again when its turn has come"
            assert caplog.text.count("a block could not be foreseen") == (4 if is_bug else 0)

    run(live())


def test_block_that_breaks_a_rule_is_told_with_the_rule(tmp_path: Path) -> None:
    async def live() -> None:
        _, second = await blocks(tmp_path / "other", 2)
        async with bench(tmp_path / "own") as at:
            at.judges.offer_block(second, None)
            await until(lambda: bool(at.verdicts))
            (verdict,) = at.verdicts
            assert isinstance(verdict, BlockJudged)
            assert isinstance(verdict.error, UnknownParent)

    run(live())


def test_full_disk_keeps_a_block_waiting_until_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog
) -> None:
    monkeypatch.setattr(judging, "STORE_RETRY_S", 0.01)

    async def live() -> None:
        first, second = await blocks(tmp_path / "other", 2)
        async with bench(tmp_path / "own") as at:
            refused = 0
            submit = at.service.submit_block

            async def fail_twice(block: Block) -> bool:
                nonlocal refused
                if refused < 2:
                    refused += 1
                    raise DiskFull(path="a disk")
                return await submit(block)

            monkeypatch.setattr(at.service, "submit_block", fail_twice)
            at.judges.offer_block(first, LINK)
            at.judges.offer_block(second, LINK)
            await until(lambda: len(at.verdicts) == 2)
            assert at.service.tip.header.hash == second.hash
            assert caplog.text.count("a block waits until it can be kept") == 1

    run(live())


def test_stop_does_not_wait_for_a_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def live() -> None:
        (block,) = await blocks(tmp_path / "other", 1)
        async with bench(tmp_path / "own") as at:
            asked = asyncio.Event()

            async def fail(_: Block) -> bool:
                asked.set()
                raise DiskFull(path="a disk")

            monkeypatch.setattr(at.service, "submit_block", fail)
            at.judges.offer_block(block, LINK)
            await asked.wait()

    run(live())


def test_payments_of_several_peers_are_judged_together(tmp_path: Path, monkeypatch) -> None:
    async def live() -> None:
        async with running(tmp_path) as service:
            at = Bench(service)
            payments = [faucet_payment(service, BOB.key_hash, coin=coin) for coin in range(4)]
            at.judges.offer_payments(1, (payments[0], payments[1]))
            at.judges.offer_payments(2, (payments[2], payments[0]))
            at.judges.offer_payments(3, (payments[3],))
            counts: list[int] = []
            submit = service.submit_transactions

            async def count(together):
                counts.append(len(together))
                return await submit(together)

            monkeypatch.setattr(service, "submit_transactions", count)
            task = asyncio.create_task(at.judges.judge_payments())
            await until(lambda: len(at.verdicts) == 3)
            assert counts == [5]
            first, second, third = at.verdicts
            assert (first, third) == (PaymentsJudged(1, (None, None)), PaymentsJudged(3, (None,)))
            assert isinstance(second, PaymentsJudged)
            assert second.errors[0] is None
            assert isinstance(second.errors[1], AlreadyPooled)
            at.judges.stop()
            await task

    run(live())


def test_so_many_are_judged_at_a_time_and_no_more(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(judging, "PAYMENTS_JUDGED_AT_ONCE", 2)

    async def live() -> None:
        async with running(tmp_path) as service:
            at = Bench(service)
            for coin in range(3):
                payment = faucet_payment(service, BOB.key_hash, coin=coin)
                at.judges.offer_payments(coin, (payment,))
            task = asyncio.create_task(at.judges.judge_payments())
            await until(lambda: len(at.verdicts) == 3)
            assert at.told.count("news") == 2
            at.judges.stop()
            await task

    run(live())


def test_end_that_comes_behind_payments_is_not_lost(tmp_path: Path) -> None:
    async def live() -> None:
        async with running(tmp_path) as service:
            at = Bench(service)
            at.judges.offer_payments(1, (faucet_payment(service, BOB.key_hash),))
            at.judges._payments.put_nowait(None)
            async with asyncio.timeout(5):
                await at.judges.judge_payments()
            assert at.verdicts == [PaymentsJudged(1, (None,))]

    run(live())


def test_payments_that_cannot_be_kept_are_let_go(tmp_path: Path, monkeypatch, caplog) -> None:
    async def live() -> None:
        async with bench(tmp_path) as at:
            payment = faucet_payment(at.service, BOB.key_hash)

            async def fail(_):
                raise DiskFull(path="a disk")

            with monkeypatch.context() as patched:
                patched.setattr(at.service, "submit_transactions", fail)
                at.judges.offer_payments(1, (payment,))
                await until(lambda: len(at.verdicts) == 1)
            assert payment.id not in at.service.state.pool
            at.judges.offer_payments(2, (payment,))
            await until(lambda: len(at.verdicts) == 2)
            assert payment.id in at.service.state.pool
            assert "payments could not be kept" in caplog.text

    run(live())


def test_bug_in_one_verdict_does_not_hold_up_the_next(tmp_path: Path, monkeypatch, caplog) -> None:
    async def fail(_):
        raise ZeroDivisionError

    async def live() -> None:
        first, second = await blocks(tmp_path / "other", 2)
        async with bench(tmp_path / "own") as at:
            payment = faucet_payment(at.service, BOB.key_hash)
            with monkeypatch.context() as patched:
                patched.setattr(at.service, "submit_block", fail)
                patched.setattr(at.service, "submit_transactions", fail)
                at.judges.offer_block(first, LINK)
                at.judges.offer_payments(1, (payment,))
                await until(lambda: len(at.verdicts) == 2)
            at.judges.offer_block(first, LINK)
            at.judges.offer_block(second, LINK)
            at.judges.offer_payments(2, (payment,))
            await until(lambda: len(at.verdicts) == 5)
            assert at.service.tip.header.hash == second.hash
            assert "a block could not be judged" in caplog.text
            assert "payments could not be judged" in caplog.text

    run(live())


def test_checkpoint_of_nobody_is_told_and_a_disk_in_trouble_is_no_fault(
    tmp_path: Path, monkeypatch, caplog
) -> None:
    async def live() -> None:
        async with bench(tmp_path) as at:
            entry = at.service.tip.header
            signed = sign_checkpoint(at.service.network, entry.height, entry.hash, [BOB])
            raw = encode_checkpoint(signed)
            await at.judges.judge_checkpoint(raw, LINK)
            (verdict,) = at.verdicts
            assert isinstance(verdict, CheckpointJudged)
            assert isinstance(verdict.error, CheckpointsUnused)

            async def fail(_):
                raise DiskFull(path="a disk")

            monkeypatch.setattr(at.service, "fix", fail)
            await at.judges.judge_checkpoint(raw, LINK)
            assert at.verdicts[1] == CheckpointJudged(LINK, None)
            assert "a checkpoint could not be kept" in caplog.text

    run(live())
