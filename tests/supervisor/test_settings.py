"""Variables and files are checked before anything starts, and errors say what is wrong."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from chaindeck.rpc.limits import MAX_SOCKET_PATH_BYTES
from chaindeck.store.errors import FileInvalid
from chaindeck.supervisor.errors import HomeUnusable, SettingInvalid
from chaindeck.supervisor.first_start import prepare
from chaindeck.supervisor.home import Home, make_home
from chaindeck.supervisor.limits import MAX_NODES
from chaindeck.supervisor.parts import list_parts
from chaindeck.supervisor.settings import (
    Config,
    NodeEntry,
    check_config,
    load_config,
    read_environment,
    resize,
)


def test_without_variables_the_defaults_hold() -> None:
    wishes = read_environment({})
    assert wishes.folder == Path.home() / ".chaindeck"
    assert (wishes.web_port, wishes.nodes) == (None, None)


def test_variables_are_read(tmp_path: Path) -> None:
    wishes = read_environment(
        {"CHAINDECK_HOME": "/srv/deck", "CHAINDECK_PORT": " 80 ", "CHAINDECK_NODES": "20"}
    )
    assert (str(wishes.folder), wishes.web_port, wishes.nodes) == ("/srv/deck", 80, 20)


def test_home_may_be_just_as_long_as_its_sockets_allow() -> None:
    room = MAX_SOCKET_PATH_BYTES - len("/coordinator/grpc.sock")
    longest = "/" + "x" * (room - 1)
    assert str(read_environment({"CHAINDECK_HOME": longest}).folder) == longest
    with pytest.raises(SettingInvalid, match="its sockets"):
        read_environment({"CHAINDECK_HOME": f"{longest}x"})


def test_new_nodes_take_the_next_names_and_ports() -> None:
    config = resize(Config(nodes=(NodeEntry("node-2", 9000, 8081),)), 3)
    assert config.nodes == (
        NodeEntry("node-2", 9000, 8081),
        NodeEntry("node-1", 8080, 8333),
        NodeEntry("node-3", 8082, 8335),
    )
    assert resize(config, 1).nodes == config.nodes[:1]
    check_config(resize(config, MAX_NODES), "here")


@pytest.mark.parametrize(
    ("nodes", "words"),
    [
        ((), "0 is not from 1"),
        ((NodeEntry("a", 1, 1),), "port 1 is there twice"),
        ((NodeEntry("a", 8000, 2),), "port 8000 is there twice"),
        ((NodeEntry("a", 0, 2),), "port 0"),
        ((NodeEntry("a", 65_536, 2),), "port 65536"),
        ((NodeEntry("a/b", 1, 2),), "is not made of letters"),
        ((NodeEntry("", 1, 2),), "is not made of letters"),
        ((NodeEntry("a", 1, 2), NodeEntry("a", 3, 4)), "two nodes share a name"),
    ],
)
def test_configuration_that_cannot_work_is_refused(nodes, words: str) -> None:
    with pytest.raises(SettingInvalid, match=words):
        check_config(Config(nodes=nodes), "config.json")


def test_file_that_is_no_configuration_is_told_of(tmp_path: Path) -> None:
    home = make_home(tmp_path / "h")
    home.config.write_text('{"nodes": [], "colour": "red"}')
    with pytest.raises(FileInvalid, match="colour"):
        load_config(home)


def test_home_that_others_could_enter_is_closed(tmp_path: Path) -> None:
    folder = tmp_path / "h"
    folder.mkdir(mode=0o755)
    make_home(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_home_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "h").write_text("")
    with pytest.raises(SettingInvalid, match="is not a directory"):
        read_environment({"CHAINDECK_HOME": str(tmp_path / "h")})
    with pytest.raises(HomeUnusable):
        make_home(tmp_path / "h" / "below")


def test_first_start_makes_everything_and_the_second_changes_nothing(tmp_path: Path) -> None:
    wishes = read_environment({"CHAINDECK_HOME": str(tmp_path)})
    first = prepare(wishes, nodes=2, demo=True)
    seen = {path: path.read_bytes() for path in tmp_path.rglob("*.json")}
    assert {path.name for path in seen} == {"config.json", "secrets.json", "operator.json"}
    second = prepare(wishes)
    assert second == first
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.json")} == seen
    assert first.payee.startswith("deck1")
    assert prepare(wishes, demo=False).config.demo is False


def test_wallet_that_a_crash_left_empty_is_made_anew(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    home.operator_wallet.touch(0o600)
    assert prepare(read_environment({"CHAINDECK_HOME": str(tmp_path)})).payee
    assert home.operator_wallet.stat().st_size


def test_nodes_know_each_other_and_the_first_one_mines(tmp_path: Path) -> None:
    installation = prepare(read_environment({"CHAINDECK_HOME": str(tmp_path)}), demo=True)
    parts = list_parts(installation)
    nodes = [part for part in parts if part.kind == "node"]
    assert [part.name for part in nodes] == ["node-1", "node-2", "node-3"]
    assert parts[-1].name == "payments"
    assert f"--mine-to={installation.payee}" in nodes[0].command
    assert "--peers=127.0.0.1:8333,127.0.0.1:8335" in nodes[1].command
    assert not [word for word in nodes[1].command if word.startswith("--min")]
    hidden = json.loads(Home(tmp_path).secrets.read_text()).values()
    for part in parts:
        assert part.environment["CHAINDECK_HOME"] == str(tmp_path)
        assert not set(hidden) & {*part.command, *part.environment.values()}
