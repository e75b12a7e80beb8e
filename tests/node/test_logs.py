"""Log lines carry their values, for people and for programs."""

from __future__ import annotations

import json
import logging

import pytest

from chaindeck.node.logs import get_logger, set_up_logs


@pytest.fixture(autouse=True)
def _plain_logging():
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = before


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().err.splitlines()


def test_text_line_shows_values_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("info", "text")
    log = get_logger("mining")
    log.debug("not shown")
    log.info("block found", height=7, name="a\nb")
    log.warning("own block refused", code="tx-size")
    first, second = lines(capsys)
    assert first.endswith('info    chaindeck.mining: block found height=7 name="a\\nb"')
    assert first[:4].isdigit()
    assert "warning chaindeck.mining" in second


def test_json_line_is_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("debug", "json")
    get_logger("api").debug("request", path="/health")
    (line,) = lines(capsys)
    value = json.loads(line)
    assert value["time"].endswith("Z")
    del value["time"]
    assert value == {
        "level": "debug",
        "logger": "chaindeck.api",
        "message": "request",
        "path": "/health",
    }


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_unexpected_error_brings_its_traceback(
    log_format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up_logs("error", log_format)
    try:
        int("the cause")
    except ValueError as error:
        get_logger("api").error("request failed", error, path="/x")
    written = capsys.readouterr().err
    assert "the cause" in written
    assert "Traceback" in written
