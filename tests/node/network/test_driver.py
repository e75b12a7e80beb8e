"""Nodes of one process link up, pass on what they have, and come through trouble."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from pathlib import Path

import pytest

from chaindeck.ledger.checkpoints import sign_checkpoint
from chaindeck.ledger.genesis import Genesis, Network, build_network
from chaindeck.ledger.types import Block
from chaindeck.node.limits import CLOCK_STEP_MS
from chaindeck.node.network import doors, driver, judging
from chaindeck.node.network.names import PeerName
from chaindeck.node.network.peers_file import PEERS_NAME
from chaindeck.protocol.effects import KeepPeers
from chaindeck.protocol.inputs import TimerFired
from chaindeck.protocol.types import make_address
from chaindeck.store.errors import DiskFull
from tests.ledger.forge import BOB, CAROL, DAVE, address
from tests.node.network.street import House, house, run, street, until
from tests.node.running import dev_network, faucet_payment


def signed_network() -> Network:
    genesis = dev_network().genesis
    fields = {name: getattr(genesis, name) for name in genesis.__struct_fields__}
    signers = [address(CAROL), address(DAVE)]
    changed = {"checkpoint_signers": signers, "checkpoint_quorum": 2}
    return build_network(Genesis(**{**fields, **changed}))


class TestTravel:
    def test_blocks_and_payments_reach_all(self, tmp_path: Path) -> None:
        async def live() -> None:
            async with street(tmp_path, 3) as (one, two, three):
                tip = await one.mine(3)
                await until(lambda: two.tip == three.tip == tip)
                payment = faucet_payment(one.service, BOB.key_hash)
                await one.service.submit_transactions([payment])
                await until(lambda: payment.id in two.service.state.pool)
                await until(lambda: payment.id in three.service.state.pool)
                tip = await three.mine()
                await until(lambda: one.tip == two.tip == tip)
                assert not one.service.state.pool
                assert two.service.store.find_transaction(payment.id) is not None

        run(live())

    def test_checkpoint_reaches_all_and_whoever_comes_later(self, tmp_path: Path) -> None:
        async def live() -> None:
            network = signed_network()
            async with street(tmp_path, 2, network=network) as (one, two):
                await one.mine()
                await until(lambda: two.tip == one.tip)
                header = one.service.tip.header
                signers = [CAROL, DAVE]
                checkpoint = sign_checkpoint(network, header.height, header.hash, signers)
                assert await one.service.fix(checkpoint)
                await until(lambda: two.service.state.checkpoints.all() == [checkpoint])
                async with house(tmp_path / "late", network=network) as late:
                    await late.meet(two)
                    await until(lambda: late.service.state.checkpoints.all() == [checkpoint])

        run(live())

    def test_checkpoint_is_told_by_a_driver_that_starts_anew(self, tmp_path: Path) -> None:
        async def live() -> None:
            network = signed_network()
            async with street(tmp_path, 2, network=network) as (one, _):
                await one.mine()
                header = one.service.tip.header
                checkpoint = sign_checkpoint(network, header.height, header.hash, [CAROL, DAVE])
                await one.service.fix(checkpoint)
                await one.network.capture(60)
                async with house(tmp_path / "late", network=network) as late:
                    await late.meet(one)
                    await until(lambda: late.service.state.checkpoints.all() == [checkpoint])

        run(live())

    def test_newcomer_gets_all_that_was_before(self, tmp_path: Path) -> None:
        async def live() -> None:
            async with house(tmp_path / "old") as old:
                tip = await old.mine(40)
                payment = faucet_payment(old.service, BOB.key_hash)
                await old.service.submit_transactions([payment])
                async with house(tmp_path / "new", peers=(old.network.listens_at,)) as new:
                    await until(lambda: new.tip == tip)
                    await until(lambda: payment.id in new.service.state.pool)
                    assert new.desk.sync_state() == "current"
                    assert not new.service.state.is_syncing

        run(live())

    def test_branch_with_more_work_is_followed_across_a_fork(self, tmp_path: Path) -> None:
        async def live() -> None:
            async with house(tmp_path / "one") as one, house(tmp_path / "two") as two:
                await one.mine(2)
                tip = await two.mine(4)
                await one.meet(two)
                await until(lambda: one.tip == tip)

        run(live())


class TestTrouble:
    def test_full_disk_holds_sync_up_and_does_not_end_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(judging, "STORE_RETRY_S", 0.01)

        async def live() -> None:
            async with street(tmp_path, 2) as (one, two):
                refused = 0
                submit = two.service.submit_block

                async def fail_a_few_times(block: Block) -> bool:
                    nonlocal refused
                    if refused < 3:
                        refused += 1
                        raise DiskFull(path="a disk")
                    return await submit(block)

                monkeypatch.setattr(two.service, "submit_block", fail_a_few_times)
                tip = await one.mine(5)
                await until(lambda: two.tip == tip)
                assert (refused, two.links) == (3, 1)

        run(live())

    def test_stop_says_good_bye_within_a_second(self, tmp_path: Path, caplog) -> None:
        caplog.set_level(logging.INFO)

        async def live() -> None:
            async with house(tmp_path / "one") as one:
                async with house(tmp_path / "two") as two:
                    await one.meet(two)
                    began_s = time.monotonic()
                    await two.network.driver.stop()
                    assert time.monotonic() - began_s < 1
                    await until(lambda: one.links == 0)
                    # Whatever comes later is told to nobody, and stopping twice is stopping.
                    two.network.driver.tell(TimerFired())
                    await two.mine()
                    assert not two.network.driver._inputs
                reasons = [
                    record.values["detail"]
                    for record in caplog.records
                    if record.message == "peer left"
                ]
                assert any("node-stopping" in reason for reason in reasons)

        run(live())

    def test_stop_ends_dials_and_look_ups_that_are_under_way(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def never(*_: object) -> list[object]:
            await asyncio.Event().wait()
            return []

        monkeypatch.setattr(driver, "resolve", never)
        monkeypatch.setattr(doors.Doors, "dial", never)

        async def live() -> None:
            async with house(tmp_path, peers=("node7.example.org", "127.0.0.1:9")) as one:
                await until(lambda: len(one.network.driver._tasks) == 5)
                began_s = time.monotonic()
            assert time.monotonic() - began_s < 1

        run(live())

    def test_nobody_there_is_told_and_tried_again_later(self, tmp_path: Path, caplog) -> None:
        caplog.set_level(logging.INFO)

        async def live() -> None:
            with socket.socket() as unused:
                unused.bind(("127.0.0.1", 0))
                port = unused.getsockname()[1]
                async with house(tmp_path, peers=(f"127.0.0.1:{port}",)) as one:
                    reader = one.service.feed.subscribe(["peer"])
                    events, _ = await reader.take()
                    (event,) = events
                    assert event.data["event"] == "peer unanswered"
                    assert "refused" in event.data["reason"].lower()
                    assert 1_000 <= event.data["retry_ms"] <= 1_250

        run(live())

    def test_silence_at_the_other_end_is_a_failed_dial(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(doors, "DIAL_TIMEOUT_S", 0.05)

        async def live() -> None:
            async with house(tmp_path) as one:

                async def wait(*_: object, **__: object) -> None:
                    await asyncio.Event().wait()

                monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", wait)
                reader = one.service.feed.subscribe(["peer"])
                await one.desk.add("10.0.0.7")
                (event,), _ = await reader.take()
                assert event.data["reason"] == "no answer in time"

        # The usual loop, because uvloop's cannot be patched.
        asyncio.run(live())

    def test_task_that_fails_is_logged_and_the_node_goes_on(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog
    ) -> None:
        async def fail(*_: object) -> None:
            raise RuntimeError("a bug")

        async def live() -> None:
            async with street(tmp_path, 2) as (one, two):
                with monkeypatch.context() as patched:
                    patched.setattr(doors.Doors, "dial", fail)
                    await one.desk.add("10.0.0.7")
                    await until(lambda: "a task of the network ended" in caplog.text)
                tip = await one.mine()
                await until(lambda: two.tip == tip)

        run(live())

    def test_bug_in_one_step_does_not_stop_the_next(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def live() -> None:
            async with street(tmp_path, 2) as (one, two):
                step = one.network.driver._step
                failures = 0

                def fail_once(now_ms, happened):
                    nonlocal failures
                    if not failures:
                        failures += 1
                        raise RuntimeError("a bug")
                    return step(now_ms, happened)

                monkeypatch.setattr(one.network.driver, "_step", fail_once)
                with pytest.raises(RuntimeError, match="a bug"):
                    one.network.driver.tell(TimerFired())
                tip = await two.mine()
                await until(lambda: one.tip == tip)

        run(live())


class TestRestart:
    def test_peers_are_remembered_and_dialled_again(self, tmp_path: Path) -> None:
        async def live() -> None:
            async with house(tmp_path / "one") as one:
                async with house(tmp_path / "two") as two:
                    await two.meet(one)
                    two.network.driver._carry_out(keep_peers(two))
                async with house(tmp_path / "two") as again:
                    await until(lambda: again.links == 1)
                    assert again.desk.summary().sources == {"remembered": 1}

        run(live())

    def test_damaged_peers_file_is_a_warning(self, tmp_path: Path, caplog) -> None:
        async def live() -> None:
            (tmp_path / PEERS_NAME).write_text('["00"]')
            async with house(tmp_path) as one:
                assert one.desk.summary().known == 0
            (tmp_path / PEERS_NAME).write_text("nonsense")
            async with house(tmp_path) as one:
                assert one.desk.summary().known == 0
            assert "the remembered peers are not readable" in caplog.text

        run(live())

    def test_port_that_is_taken_is_an_error_of_the_system(self, tmp_path: Path) -> None:
        async def live() -> None:
            async with house(tmp_path / "one") as one:
                with pytest.raises(OSError, match="in use"):
                    async with house(tmp_path / "two", port=one.network.port):
                        pass

        run(live())


class TestNamesAndClocks:
    def test_names_are_looked_up_again_and_again(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog
    ) -> None:
        monkeypatch.setattr(driver, "NAMES_INTERVAL_S", 0.01)
        asked: list[PeerName] = []

        async def live() -> None:
            async with house(tmp_path / "one") as one:
                found = make_address("127.0.0.1", one.network.port)

                async def look_up(name: PeerName):
                    asked.append(name)
                    if len(asked) == 1:
                        raise OSError("no such name yet")
                    return [found]

                monkeypatch.setattr(driver, "resolve", look_up)
                peers = ("one.example.org:9000", "127.0.0.1:9")
                async with house(tmp_path / "two", peers=peers) as two:
                    await until(lambda: two.links == 1)
                    assert set(asked) == {PeerName("one.example.org", 9_000)}
                    assert two.desk.summary().sources == {"dns": 1}
                    assert "no address for a peer" in caplog.text

        run(live())

    def test_clock_that_is_set_is_told_and_delays_no_timer(self, tmp_path: Path) -> None:
        async def live() -> None:
            async with street(tmp_path, 2) as (one, two):
                core = one.network.machine.core
                before_ms = one.network.driver.now_ms()
                one.clock.advance(7_200_000)
                one.network.driver.follow_clock()
                assert abs(core.offset_ms - 7_200_000) < 100
                assert one.network.driver.now_ms() - before_ms < 10_000
                assert abs(one.network.driver.clock_time_ms(before_ms) - one.clock.now_ms()) < 1_000
                one.clock.freeze()
                one.network.driver.follow_clock()
                assert one.links == two.links == 1
                assert any("clocks are" in warning for warning in one.desk.warnings())
                tip = await two.mine()
                await until(lambda: one.tip == tip)

        run(live())

    def test_drift_of_a_moment_is_not_told(self, tmp_path: Path) -> None:
        async def live() -> None:
            async with house(tmp_path) as one:
                one.clock.advance(CLOCK_STEP_MS // 2)
                one.network.driver.follow_clock()
                assert one.network.machine.core.offset_ms == 0

        run(live())

    def test_clock_is_looked_at_by_itself(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(driver, "CLOCK_CHECK_S", 0.01)

        async def live() -> None:
            async with house(tmp_path) as one:
                one.clock.advance(60_000)
                await until(lambda: one.network.machine.core.offset_ms > 59_000)

        run(live())


class TestNews:
    def test_what_happens_to_peers_is_on_the_feed(self, tmp_path: Path) -> None:
        async def live() -> None:
            async with house(tmp_path / "one") as one:
                reader = one.service.feed.subscribe(["peer", "sync"])
                async with house(tmp_path / "two") as two:
                    await two.mine(2)
                    await two.meet(one)
                    await until(lambda: one.tip == two.tip)
                await until(lambda: one.links == 0)
                events, _ = await reader.take()
                told = [(event.topic, event.data["event"]) for event in events]
                assert ("peer", "peer ready") in told
                assert ("sync", "sync") in told
                assert ("peer", "peer left") in told

        run(live())

    def test_multicast_that_is_not_there_is_a_warning(self, tmp_path: Path, caplog) -> None:
        async def live() -> None:
            async with house(tmp_path, host="::1", is_discovering=True) as one:
                assert one.network.listens_at.startswith("[::1]:")
                one.network.driver.tell(TimerFired())
            assert "no multicast here" in caplog.text

        run(live())

    def test_nodes_of_one_group_find_each_other(self, tmp_path: Path) -> None:
        async def live() -> None:
            shared = {"is_discovering": True, "group": "239.255.83.35", "group_port": 18_377}
            async with (
                house(tmp_path / "one", **shared) as one,
                house(tmp_path / "two", **shared) as two,
            ):
                await until(lambda: one.links == two.links == 1)
                sources = one.desk.summary().sources | two.desk.summary().sources
                assert "discovery" in sources

        run(live())


def keep_peers(at: House) -> KeepPeers:
    """What the machine says by itself at its next heartbeat."""
    return KeepPeers(at.network.machine.topology.book.encode())
