"""What `up` starts: the environment's variables, and the two files of the home that hold the rest.

Every value is checked before anything starts; an error names the variable or the file, says what is
wrong, and shows what a good one looks like.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from chaindeck.rpc.access import Secrets, load_secrets
from chaindeck.rpc.limits import MAX_SOCKET_PATH_BYTES
from chaindeck.store.atomic import read_json, write_json
from chaindeck.supervisor.errors import SettingInvalid
from chaindeck.supervisor.home import Home, check_private
from chaindeck.supervisor.limits import MAX_NODES

DEFAULT_HOME = "~/.chaindeck"
DEFAULT_NODES = 3
DEFAULT_WEB_PORT = 8000
_FIRST_API_PORT, _FIRST_P2P_PORT = 8080, 8333
_PORTS = range(1, 65_536)


class NodeEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One node that `up` starts."""

    name: str
    api_port: int
    p2p_port: int


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `config.json` says."""

    nodes: tuple[NodeEntry, ...]
    web_port: int = DEFAULT_WEB_PORT
    demo: bool = False


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """What the environment asks for; None where it says nothing."""

    folder: Path
    web_port: int | None = None
    nodes: int | None = None


_CONFIG = msgspec.json.Decoder(Config)


def read_environment(environment: Mapping[str, str]) -> Wishes:
    """Check the variables; raise `SettingInvalid`."""
    return Wishes(
        folder=_home_folder(environment.get("CHAINDECK_HOME", "").strip() or DEFAULT_HOME),
        web_port=_number(environment, "CHAINDECK_PORT", _PORTS, "8000"),
        nodes=_number(environment, "CHAINDECK_NODES", range(1, MAX_NODES + 1), "3"),
    )


def check_nodes(name: str, count: int) -> int:
    """Return a number of nodes that one machine can run; raise `SettingInvalid`."""
    if not 1 <= count <= MAX_NODES:
        reason = f"{count} is not from 1 to {MAX_NODES}"
        raise SettingInvalid(name=name, reason=reason, example="3")
    return count


def load_config(home: Home) -> Config:
    """Read and check `config.json`; raise a `FileError` or `SettingInvalid`."""
    config = read_json(home.config, _CONFIG)
    check_config(config, str(home.config))
    return config


def store_config(home: Home, config: Config) -> None:
    check_config(config, str(home.config))
    write_json(home.config, config, private=True)


def check_config(config: Config, source: str) -> None:
    """Raise `SettingInvalid` unless names and ports are usable and each is there once."""
    check_nodes(f"{source}, nodes", len(config.nodes))
    ports = [config.web_port]
    for node in config.nodes:
        ports += [node.api_port, node.p2p_port]
        if not node.name.replace("-", "").isalnum() or not node.name.isascii():
            reason = f"{node.name!r} is not made of letters, digits and hyphens"
            raise SettingInvalid(name=f"{source}, nodes", reason=reason, example="node-1")
    for port in ports:
        if port not in _PORTS or ports.count(port) > 1:
            reason = f"port {port} is there twice, or is not from 1 to 65535"
            raise SettingInvalid(name=source, reason=reason, example="8080, 8081, 8333 and 8334")
    if len({node.name for node in config.nodes}) < len(config.nodes):
        raise SettingInvalid(name=source, reason="two nodes share a name", example="node-1, node-2")


def resize(config: Config, count: int) -> Config:
    """Return a configuration with so many nodes; the first ones stay as they are."""
    config = msgspec.structs.replace(config, nodes=config.nodes[:count])
    while len(config.nodes) < count:
        nodes = (*config.nodes, free_entry(config))
        config = msgspec.structs.replace(config, nodes=nodes)
    return config


def load_home_secrets(home: Home) -> Secrets:
    """Return the home's secrets, made at the first start; raise `HomeUnusable` for open ones."""
    found = load_secrets(home.folder)
    check_private(home.secrets)
    return found


def free_entry(config: Config) -> NodeEntry:
    """Return a node with the next name and ports that are not taken in a configuration."""
    nodes = config.nodes
    names = {node.name for node in nodes}
    taken = {config.web_port, *(port for node in nodes for port in (node.api_port, node.p2p_port))}
    number = next(n for n in range(1, MAX_NODES + 2) if f"node-{n}" not in names)
    api_port = next(p for p in range(_FIRST_API_PORT + number - 1, 65_536) if p not in taken)
    p2p_port = next(p for p in range(_FIRST_P2P_PORT + number - 1, 65_536) if p not in taken)
    return NodeEntry(f"node-{number}", api_port, p2p_port)


def _home_folder(text: str) -> Path:
    """Return an absolute path that leaves room for the sockets below it."""
    example = "/var/lib/chaindeck"
    try:
        folder = Path(text).expanduser()
    except RuntimeError:
        reason = f"{text} names a user whose home is not known"
        raise SettingInvalid(name="CHAINDECK_HOME", reason=reason, example=example) from None
    if not folder.is_absolute():
        reason = f"{text} is not an absolute path"
        raise SettingInvalid(name="CHAINDECK_HOME", reason=reason, example=example)
    if folder.exists() and not folder.is_dir():
        raise SettingInvalid(
            name="CHAINDECK_HOME", reason=f"{text} is not a directory", example=example
        )
    longest = len(bytes(folder / "coordinator" / "grpc.sock"))
    if longest > MAX_SOCKET_PATH_BYTES:
        reason = f"its sockets' paths would have {longest} bytes, over {MAX_SOCKET_PATH_BYTES}"
        raise SettingInvalid(name="CHAINDECK_HOME", reason=reason, example=example)
    return folder


def _number(environment: Mapping[str, str], name: str, allowed: range, example: str) -> int | None:
    text = environment.get(name, "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdecimal()) or int(text) not in allowed:
        reason = f"{text!r} is not a number from {allowed.start} to {allowed.stop - 1}"
        raise SettingInvalid(name=name, reason=reason, example=example)
    return int(text)
