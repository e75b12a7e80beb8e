"""The command knows all its verbs, and imports only the one that was asked for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from chaindeck.cli.main import _VERBS, main
from tests.functional.processes import COMMAND


def test_help_lists_every_verb(capsys) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    words = {line.split()[0] for line in capsys.readouterr().out.splitlines() if line.strip()}
    assert set(_VERBS) <= words


def test_verb_that_is_none_is_misuse(capsys) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["upp"])
    assert ended.value.code == 2
    assert "invalid choice: 'upp'" in capsys.readouterr().err


def status_told_to(output: int, home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, "status", "--json"],
        stdout=output,
        stderr=subprocess.PIPE,
        env={**os.environ, "CHAINDECK_HOME": str(home), "PYTHONUNBUFFERED": ""},
        check=False,
        text=True,
    )


def test_reader_who_has_seen_enough_is_no_error(tmp_path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = status_told_to(writing, tmp_path)
    finally:
        os.close(writing)
    assert done.returncode == 141
    assert "pipe" not in done.stderr.lower()


def test_output_that_a_full_disk_does_not_take_is_told_of(tmp_path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = status_told_to(full.fileno(), tmp_path)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "chaindeck: system: No space left on device"


@pytest.mark.parametrize(
    ("words", "guess"),
    [
        (["nod"], "node"),
        (["walet"], "wallet"),
        (["wallet", "blance"], "balance"),
        (["chain", "checkpoint", "sing"], "sign"),
        (["token", "new", "a", "--scope=red"], "read"),
    ],
)
def test_misspelt_word_gets_a_guess(capsys, words, guess) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert f"did you mean '{guess}'?" in capsys.readouterr().err


def test_word_that_is_like_nothing_gets_none(capsys) -> None:
    with pytest.raises(SystemExit):
        main(["frobnicate"])
    assert "did you mean" not in capsys.readouterr().err


def test_node_imports_nothing_of_the_other_verbs() -> None:
    code = (
        "import sys; from chaindeck.cli.main import _parser; _parser(['node']);"
        " print([name for name in ('grpc', 'django', 'psutil') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout == "[]\n"
