"""Logs are bounded, also where the disk is full, and read from their end, also after a cut."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

from chaindeck.supervisor.limits import LOG_FILES
from chaindeck.supervisor.logs import LogFollower, read_tail, rotate_logs


def test_log_that_is_too_long_is_cut_and_five_are_kept(tmp_path: Path) -> None:
    log = tmp_path / "node-1.log"
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for turn in range(8):
        os.write(descriptor, f"turn {turn}\n".encode() * 200)
        assert rotate_logs(tmp_path, most_bytes=1_000) == [log]
    os.write(descriptor, b"and on\n")
    os.close(descriptor)
    assert log.read_text() == "and on\n"
    older = sorted(path.name for path in tmp_path.iterdir() if path != log)
    assert older == [f"node-1.log.{number}" for number in range(1, LOG_FILES)]
    assert (tmp_path / "node-1.log.1").read_text().startswith("turn 7\n")
    assert (tmp_path / "node-1.log.4").read_text().startswith("turn 4\n")


def test_log_within_its_limit_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(b"x" * 1_000)
    assert rotate_logs(tmp_path, most_bytes=1_000) == []
    (tmp_path / "a.log").write_bytes(b"x" * 1_001)
    assert rotate_logs(tmp_path, most_bytes=1_000) == [tmp_path / "a.log"]


def test_log_that_cannot_be_copied_is_cut_all_the_same(tmp_path: Path, monkeypatch) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(b"x" * 2_000)

    def fill(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfileobj", fill)
    assert rotate_logs(tmp_path, most_bytes=1_000) == []
    assert log.stat().st_size == 0
    assert list(tmp_path.iterdir()) == [log]


def test_tail_gives_the_last_lines_and_none_from_before_a_start(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("".join(f"line {n}\n" for n in range(5)))
    assert read_tail(log, 2) == ["line 3", "line 4"]
    assert read_tail(log, 0) == []
    assert read_tail(log, 9, start=len("line 0\n") * 3) == ["line 3", "line 4"]
    assert read_tail(log, 1, start=10_000) == ["line 4"]
    assert read_tail(tmp_path / "none.log", 5) == []


def test_follower_gives_whole_lines_and_goes_on_after_a_cut(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("before\n")
    follower = LogFollower(log)
    assert list(follower.read()) == []
    with log.open("a") as file:
        file.write("one\nhal")
    assert list(follower.read()) == ["one"]
    with log.open("a") as file:
        file.write("f\n")
    assert list(follower.read()) == ["half"]
    log.write_text("new\n")
    assert list(follower.read()) == ["new"]
    log.unlink()
    assert list(follower.read()) == []
