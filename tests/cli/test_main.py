"""The command knows all its verbs, and imports only the one that was asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest

from chaindeck.cli.main import _VERBS, main


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


def test_node_imports_nothing_of_the_other_verbs() -> None:
    code = (
        "import sys; from chaindeck.cli.main import _parser; _parser(['node']);"
        " print([name for name in ('grpc', 'django', 'psutil') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout == "[]\n"
