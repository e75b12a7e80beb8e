"""Tokens are made, listed and taken back beside a node's data, and every refusal says why."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chaindeck.cli import main
from chaindeck.node.api.tokens import TokenBook


def run(folder: Path, *arguments: str) -> int:
    action, *others = arguments
    return main(["token", action, "--data", str(folder), *others])


def test_token_is_shown_once_listed_and_taken_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, "new", "miner 7", "--scope=mine", "--scope=read", "--json") == 0
    made = json.loads(capsys.readouterr().out)
    assert (made["name"], made["scopes"]) == ("miner 7", ["read", "mine"])
    identity = TokenBook(tmp_path).identify(made["token"])
    assert identity is not None
    assert identity.scopes == {"read", "mine"}
    assert run(tmp_path, "list", "--json") == 0
    listed = capsys.readouterr().out
    assert [row["name"] for row in json.loads(listed)] == ["miner 7"]
    assert made["token"].rsplit("_", 1)[1] not in listed
    assert run(tmp_path, "revoke", "miner 7", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"name": "miner 7", "token": "revoked"}
    assert TokenBook(tmp_path).identify(made["token"]) is None


def test_people_see_it_on_lines_of_their_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, "new", "ops", "--scope=admin") == 0
    said = capsys.readouterr()
    assert "token   cd_" in said.out
    assert "shown once" in said.err
    assert run(tmp_path, "list") == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("ops   admin")


def test_name_that_is_taken_or_unknown_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, "new", "ops", "--scope=admin") == 0
    assert run(tmp_path, "new", "ops", "--scope=read") == 1
    assert "token-name-taken" in capsys.readouterr().err
    assert run(tmp_path, "revoke", "opps") == 1
    assert "token-name-unknown" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ops", "--scope=root"], "choose from 'read', 'submit', 'mine', 'admin'"),
        (["ops"], "--scope"),
        (["", "--scope=read"], "a label has 1 to 64 printable characters"),
    ],
)
def test_what_makes_no_token_is_misuse(
    tmp_path: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        run(tmp_path, "new", *arguments)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_directory_that_is_not_there_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path / "nowhere", "list") == 1
    assert "nowhere" in capsys.readouterr().err
