"""A capture is lived through from the command line; the exit code says whether it matched."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chaindeck.cli import main
from chaindeck.protocol.inputs import Started, TimerFired
from chaindeck.protocol.recording import Recorder
from chaindeck.protocol.records import decode_value, encode_record, read_records
from tests.protocol.town import Resident, Town


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    """What a node that started and was told the time once went through."""
    town = Town()
    node = Resident(town, 0)
    path = tmp_path / "x.cap"
    with path.open("wb") as file:

        def write(record: bytes) -> None:
            file.write(record)

        recorder = Recorder(node.settings, node.view, write)
        recorder.step(town.now_ms, Started())
        recorder.step(town.now_ms + 1, TimerFired())
    return path


def test_capture_that_matches_ends_well(capture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", str(capture), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"steps": 2, "verdict": "it matches"}
    assert main(["replay", str(capture)]) == 0
    assert "it matches" in capsys.readouterr().out


def test_first_difference_is_named(capture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with capture.open("rb") as file:
        rows = [decode_value(raw) for raw in read_records(file.read)]
    rows[2] = (*rows[2][:3], "KeyError")
    capture.write_bytes(b"".join(encode_record(row) for row in rows))
    assert main(["replay", str(capture), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["steps"], found["differs_at_step"], found["input"]) == (1, 2, "TimerFired")
    assert found["verdict"].endswith("effects where there was KeyError")


@pytest.mark.parametrize("content", [b"", b"no recording at all", bytes(100)])
def test_file_that_is_no_capture_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    path = tmp_path / "x.cap"
    path.write_bytes(content)
    assert main(["replay", str(path)]) == 1
    assert "recording-form" in capsys.readouterr().err


def test_missing_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", str(tmp_path / "none.cap")]) == 1
    assert "none.cap" in capsys.readouterr().err
