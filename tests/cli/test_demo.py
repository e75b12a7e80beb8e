"""The demonstration mines real blocks, checks them afresh and says so."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from chaindeck.cli import demo, main
from chaindeck.ledger import headers
from chaindeck.ledger.errors import NotEnoughWork


def test_installed_command_shows_a_chain_and_its_balances() -> None:
    command = Path(sys.executable).with_name("chaindeck")
    done = subprocess.run(
        [command, "demo", "--blocks", "3"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    rows = [line.split() for line in lines if line.strip()[:1].isdigit()]
    assert [row[0] for row in rows[:3]] == ["1", "2", "3"]
    assert [row[2] for row in rows[:3]] == ["20", "40", "60"]
    assert all(row[1].startswith("00000") for row in rows[:3])
    assert "checking 3 blocks afresh ... good" in lines
    total = sum(float(line.split()[-1].replace(",", "")) for line in lines if " deck1" in line)
    assert total == pytest.approx(3 * 1_000 + 3 * 25)


def test_block_that_fails_the_second_look_is_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = headers.check_header
    calls = []

    def check(*arguments):
        calls.append(arguments)
        if len(calls) > 1:
            raise NotEnoughWork(field="nonce", hash="ff")
        return real(*arguments)

    monkeypatch.setattr(demo, "check_header", check)
    assert main(["demo", "--blocks", "1"]) == 1
    assert "refused: header-work" in capsys.readouterr().err


def test_coins_that_differ_are_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = iter([b"\x01", b"\x02"])
    monkeypatch.setattr(demo, "coins_hash_of", lambda _: next(answers))
    assert main(["demo", "--blocks", "1"]) == 1
    assert "the coins differ" in capsys.readouterr().err


@pytest.mark.parametrize("count", ["0", "1001", "-1", "ten", "1.5", ""])
def test_number_of_blocks_is_a_small_number(count: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        main(["demo", f"--blocks={count}"])
    assert raised.value.code == 2
    assert "a number from 1 to 1000" in capsys.readouterr().err


def test_command_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        main([])
    assert raised.value.code == 2
    assert "COMMAND" in capsys.readouterr().err


def test_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        main(["--version"])
    assert raised.value.code == 0
    assert capsys.readouterr().out.startswith("chaindeck 0.")
