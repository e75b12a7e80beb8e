"""A developer turns the clock, and finds it as it was after a restart."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaindeck.node.clock import CLOCK_NAME, Clock, DevClock, Setting
from chaindeck.store.errors import DiskFull, FileInvalid


def test_plain_clock_is_the_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time_ns", lambda: 1_234_567_890)
    assert Clock().now_ms() == 1_234


def test_development_clock_is_shifted_stopped_and_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine = [1_000_000_000]
    monkeypatch.setattr("time.time_ns", lambda: machine[0])
    clock = DevClock()
    assert clock.now_ms() == 1_000
    clock.set(50_000)
    machine[0] += 10_000_000
    assert clock.now_ms() == 50_010
    clock.freeze()
    machine[0] += 10_000_000
    assert clock.now_ms() == 50_010
    clock.advance(90)
    assert clock.now_ms() == 50_100
    clock.run()
    clock.run()
    machine[0] += 5_000_000
    assert clock.now_ms() == 50_105


def test_setting_is_found_again_by_the_next_clock(tmp_path: Path) -> None:
    clock = DevClock.load(tmp_path)
    assert clock.setting == Setting()
    assert not (tmp_path / CLOCK_NAME).exists()
    clock.advance(86_400_000)
    assert DevClock.load(tmp_path).setting == clock.setting
    clock.freeze()
    assert DevClock.load(tmp_path).now_ms() == clock.now_ms()
    clock.run()
    clock.adopt(Setting())
    assert DevClock.load(tmp_path).setting == Setting()


def test_clock_that_cannot_be_kept_does_not_change() -> None:
    def refuse(_: Setting) -> None:
        raise DiskFull(path="a disk")

    clock = DevClock(keep=refuse)
    for change in (lambda: clock.advance(5_000), clock.freeze):
        with pytest.raises(DiskFull):
            change()
    assert clock.setting == Setting()
    clock.adopt(Setting())


@pytest.mark.parametrize("content", ["", "[]", '{"offset_ms": "1"}', "\xff"])
def test_file_that_is_no_setting_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / CLOCK_NAME).write_text(content)
    with pytest.raises(FileInvalid, match=CLOCK_NAME):
        DevClock.load(tmp_path)
