"""A capture records a network side that starts anew, ends by itself, and can be lived through."""

from __future__ import annotations

import io
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from chaindeck.node.errors import CaptureMissing, CaptureRunning
from chaindeck.node.network import capture as module
from chaindeck.node.network.capture import FOLDER_NAME, Capture
from chaindeck.protocol.recording import Replayed, replay
from chaindeck.protocol.records import read_records
from chaindeck.store.errors import StoreError
from tests.ledger.forge import BOB
from tests.node.network.street import House, house, run, street, until
from tests.node.running import faucet_payment


def replayed(path: Path) -> Replayed:
    with path.open("rb") as file:
        return replay(read_records(file.read))


async def live_a_little(one: House, two: House) -> None:
    """Let blocks and a payment go both ways."""
    await one.mine(2)
    await until(lambda: two.tip == one.tip)
    payment = faucet_payment(two.service, BOB.key_hash)
    await two.service.submit_transactions([payment])
    await until(lambda: payment.id in one.service.state.pool)
    await two.mine()
    await until(lambda: two.tip == one.tip)


def has_tip(one: Any, tip: object) -> bool:
    return bool(one.tip == tip)


def test_capture_makes_links_anew_and_its_replay_matches(tmp_path: Path) -> None:
    async def live() -> None:
        async with street(tmp_path, 2) as (one, two):
            await live_a_little(one, two)
            before = one.network.machine
            view = await one.desk.start_capture(60)
            assert one.network.machine is not before
            path = Path(view.path)
            assert path.parent == tmp_path / "0" / FOLDER_NAME
            assert path.stat().st_mode & 0o777 == 0o600
            assert path.parent.stat().st_mode & 0o777 == 0o700
            await until(lambda: one.links == two.links == 1)
            await live_a_little(one, two)
            ended = one.desk.end_capture()
            assert (ended.is_running, ended.bytes) == (False, path.stat().st_size)
            # The node goes on with the same links, and nothing more is written.
            tip = await one.mine()
            await until(lambda: two.tip == tip)
            assert path.stat().st_size == ended.bytes
            assert replayed(path) == Replayed(ended.steps, None)
            assert ended.steps > 20

    run(live())


def test_capture_holds_no_secret(tmp_path: Path) -> None:
    async def live() -> None:
        async with street(tmp_path, 2) as (one, two):
            view = await one.desk.start_capture(60)
            await until(lambda: one.links == 1)
            one.desk.end_capture()
            raw = Path(view.path).read_bytes()
            secret = bytes.fromhex((tmp_path / "0" / "node.key").read_text())
            seed = one.network.machine.core.settings.seed
            assert len(seed) == 32
            for held in (secret, secret.hex().encode(), seed, seed.hex().encode()):
                assert held not in raw
            assert two.links == 1

    run(live())


def test_only_one_capture_runs_and_ending_none_is_told(tmp_path: Path) -> None:
    async def live() -> None:
        async with house(tmp_path) as one:
            with pytest.raises(CaptureMissing) as missing:
                one.desk.end_capture()
            assert missing.value.code == "capture-missing"
            first = await one.desk.start_capture(60)
            with pytest.raises(CaptureRunning) as running:
                await one.desk.start_capture(60)
            assert running.value.code == "capture-running"
            assert running.value.values["path"] == first.path
            one.desk.end_capture()
            with pytest.raises(CaptureMissing):
                one.desk.end_capture()
            second = await one.desk.start_capture(60)
            assert second.path != first.path
        # Stopping the node ends it.
        assert replayed(Path(second.path)).difference is None

    run(live())


def test_capture_ends_after_its_time(tmp_path: Path) -> None:
    async def live() -> None:
        async with house(tmp_path) as one:
            capture = await one.network.capture(0.02)
            await until(lambda: not capture.is_running)
            assert replayed(capture.path).difference is None

    run(live())


def test_capture_ends_when_it_is_large_enough(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(module, "CAPTURE_MAX_BYTES", 20_000)

    async def live() -> None:
        async with street(tmp_path, 2) as (one, two):
            capture = await one.network.capture(60)
            await until(lambda: one.links == two.links == 1)
            while capture.is_running:
                tip = await one.mine()
                await until(partial(has_tip, two, tip))
            assert 10_000 < capture.path.stat().st_size == capture.bytes <= 20_000
            assert replayed(capture.path) == Replayed(capture.steps, None)

    run(live())


class FullFile(io.BytesIO):
    """A file on a disk that is full."""

    def write(self, *_: object) -> int:
        raise OSError(28, "No space left on device")

    def close(self) -> None:
        raise OSError(28, "No space left on device")


def test_full_disk_ends_a_capture_and_nothing_else(tmp_path: Path, caplog) -> None:
    caplog.set_level("INFO")
    capture = Capture(tmp_path / "x.cap", FullFile(), 100)
    capture.write(b"record")
    assert not capture.is_running
    assert (capture.bytes, capture.steps) == (0, 0)
    capture.write(b"later")
    capture.end("again")
    (record,) = caplog.records
    assert record.values["why"] == "No space left on device"


def test_folder_that_cannot_be_made_refuses_the_capture(tmp_path: Path) -> None:
    async def live() -> None:
        async with house(tmp_path) as one:
            (tmp_path / FOLDER_NAME).write_text("not a folder")
            with pytest.raises(StoreError):
                await one.desk.start_capture(60)
            await one.mine()
            with pytest.raises(CaptureMissing):
                one.desk.end_capture()

    run(live())


def test_peers_that_are_being_judged_survive_the_change(tmp_path: Path) -> None:
    async def live() -> None:
        async with house(tmp_path / "old") as old:
            tip = await old.mine(60)
            async with house(tmp_path / "new", peers=(old.network.listens_at,)) as new:
                await until(lambda: new.service.tip.header.height > 0)
                await new.network.capture(60)
                await until(lambda: new.tip == tip)
                new.desk.end_capture()

    run(live())
