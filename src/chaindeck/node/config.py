"""How a node is set up: defaults, then `node.json`, then the environment, then flags.

Every setting is checked before anything starts; an error says where the value came from, what is
wrong with it, and what a good one looks like.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec

from chaindeck.ledger.genesis import Network
from chaindeck.node.errors import ConfigInsecure, ConfigUnknown, ConfigValue, PeerNameInvalid
from chaindeck.node.logs import Level, LogFormat
from chaindeck.node.mining import MiningMode
from chaindeck.node.network.names import parse_peer

CONFIG_NAME = "node.json"
_NODE_KEY = re.compile("0[23][0-9a-f]{64}")


Profile = Literal["dev", "local"]


class NodeConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One node's settings. The names are those of `node.json`; flags spell them with hyphens."""

    profile: Profile | None = None
    """The network of a new data directory without a genesis file; by default `local`."""

    genesis: str | None = None
    """A genesis document for a new data directory. It goes before a profile."""

    name: str | None = None
    """What people call this node; by default its data directory's name."""

    api_host: str = "127.0.0.1"
    api_port: int = 8080
    open_loopback: bool = True
    """Whether programs on this machine may read and submit without a token."""

    allowed_origins: tuple[str, ...] = ()
    p2p: bool | None = None
    """Whether this node has peers: by default everywhere but on development chains."""

    p2p_host: str = "127.0.0.1"
    p2p_port: int = 8333
    p2p_tls: bool = False
    """Whether links are encrypted; a network does it on all its nodes or on none."""

    peers: tuple[str, ...] = ()
    """Peers to keep a link with: addresses or names, with a port or without."""

    discovery: bool = True
    """Whether nodes of the same network are looked for by multicast."""

    discovery_group: str = "239.255.83.33"
    discovery_port: int = 8333
    admitted: tuple[str, ...] = ()
    """Node keys, in hexadecimal, that may be peers; none for anybody."""

    max_inbound: int = 117
    least_work: int = 0
    """Work under which a chain that is offered to this node is not worth keeping."""

    mining: MiningMode | None = None
    """By default `transaction` on development chains, elsewhere `off`."""

    mine_to: str | None = None
    """The address that mined blocks pay; on development chains by default the faucet's."""

    seal_key: str | None = None
    """A file with the private key, in hexadecimal, that seals blocks where miners are listed."""

    mining_threads: int = 1
    mining_duty: float = 0.1
    mining_interval_ms: int = 10_000
    prune_mb: int = 0
    """Megabytes of blocks to keep, 0 for all."""

    log_level: Level = "info"
    log_format: LogFormat = "text"


_ENVIRONMENT = {
    "LOG_LEVEL": "log_level",
    "LOG_FORMAT": "log_format",
    "ALLOWED_ORIGINS": "allowed_origins",
    "CHAINDECK_PEERS": "peers",
}
_LISTS = {"allowed_origins", "peers"}
"""Settings that the environment and flags give as one text with commas."""

_EXAMPLES = {
    "profile": "dev",
    "api_host": "127.0.0.1",
    "api_port": "8080",
    "mining": "always",
    "mine_to": "deck1q...",
    "mining_threads": "1",
    "mining_duty": "0.1",
    "mining_interval_ms": "10000",
    "prune_mb": "550",
    "log_level": "info",
    "log_format": "json",
    "allowed_origins": "https://ops.example.org",
    "p2p_host": "10.0.0.7",
    "p2p_port": "8333",
    "peers": "10.0.0.7:8333",
    "discovery_group": "239.255.83.33",
    "discovery_port": "8333",
    "admitted": "the 66 digits that a node logs as its key",
    "max_inbound": "117",
    "least_work": "0",
}
_BOOLS = ("true", "false")
_WORDS: dict[str, tuple[str, ...]] = {
    "profile": get_args(Profile),
    "mining": get_args(MiningMode),
    "log_level": get_args(Level),
    "log_format": get_args(LogFormat),
    **dict.fromkeys(("open_loopback", "p2p", "p2p_tls", "discovery"), _BOOLS),
}
"""What settings may say that have only so many words."""

_RANGES: dict[str, tuple[float, float]] = {
    "api_port": (0, 65_535),
    "p2p_port": (0, 65_535),
    "discovery_port": (1, 65_535),
    "max_inbound": (0, 10_000),
    "least_work": (0, 2**256),
    "mining_threads": (1, 256),
    "mining_duty": (0.001, 1.0),
    "mining_interval_ms": (10, 86_400_000),
    "prune_mb": (0, 10_000_000),
}


def load_config(
    folder: Path, environment: Mapping[str, str], flags: Mapping[str, Any]
) -> NodeConfig:
    """Join all sources and check every value; raise a `ConfigError` for the first bad one."""
    path = folder / CONFIG_NAME
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for found in (_read_file(path), _read_environment(environment), _read_flags(flags)):
        for source, name, value in found:
            is_text = name in _LISTS and isinstance(value, str)
            values[name], sources[name] = _split_list(value) if is_text else value, source
    config = _convert(values, sources)
    _check_values(config, sources)
    return config


_Found = Iterator[tuple[str, str, Any]]
"""Where a value stands, in words that lead there, the setting's name, and the value."""


def _read_file(path: Path) -> _Found:
    for name, value in _load_file(path).items():
        _check_known(name, str(path))
        yield f"{path}, {name}", name, value


def _load_file(path: Path) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigValue(
            source=str(path), reason=str(error), example='{"api_port": 8080}'
        ) from error
    if not isinstance(found, dict):
        raise ConfigValue(
            source=str(path), reason="not a JSON object", example='{"api_port": 8080}'
        )
    return found


def _read_environment(environment: Mapping[str, str]) -> _Found:
    for variable, name in _ENVIRONMENT.items():
        if value := environment.get(variable, "").strip():
            yield f"the variable {variable}", name, value


def _read_flags(flags: Mapping[str, Any]) -> _Found:
    for name, value in flags.items():
        if value is not None:
            yield f"the option {flag_of(name)}", name, value


def flag_of(name: str) -> str:
    """Return how a setting is called on the command line."""
    return f"--{name.replace('_', '-')}"


def _split_list(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]


def _check_known(name: str, source: str) -> None:
    names = NodeConfig.__struct_fields__
    if name not in names:
        guesses = difflib.get_close_matches(name, names, 1, 0.0)
        raise ConfigUnknown(field=name, source=source, name=name, guess=guesses[0])


def _convert(values: dict[str, Any], sources: dict[str, str]) -> NodeConfig:
    try:
        return msgspec.convert(values, NodeConfig, strict=False)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `$.")
        name = path.rstrip("`").split("[")[0]
        raise _bad(name, sources, _expected(name) or reason, values[name]) from None


def _expected(name: str) -> str:
    """Say which values a setting may have, where they can be listed."""
    if name in _RANGES:
        least, most = _RANGES[name]
        return f"a number from {least:g} to {most:g}"
    words = _WORDS.get(name)
    return f"one of {', '.join(words)}" if words else ""


def _check_values(config: NodeConfig, sources: dict[str, str]) -> None:
    for name, (least, most) in _RANGES.items():
        value = getattr(config, name)
        if not least <= value <= most:
            raise _bad(name, sources, _expected(name), value)
    for origin in config.allowed_origins:
        if not origin.startswith(("http://", "https://")) or origin.count("/") != 2:
            raise _bad("allowed_origins", sources, f"{origin} is not a scheme, host and port")
    _check_network(config, sources)


def _check_network(config: NodeConfig, sources: dict[str, str]) -> None:
    for peer in config.peers:
        try:
            parse_peer(peer)
        except PeerNameInvalid as error:
            raise _bad("peers", sources, str(error)) from None
    for key in config.admitted:
        if not _NODE_KEY.fullmatch(key):
            raise _bad("admitted", sources, f"{key} is not a node's key")
    for name, is_right in (("p2p_host", _is_ip), ("discovery_group", _is_group)):
        value = getattr(config, name)
        if not is_right(value):
            raise _bad(name, sources, f"{value} is not such an address")


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_group(text: str) -> bool:
    return _is_ip(text) and ipaddress.ip_address(text).is_multicast and ":" not in text


def check_reach(config: NodeConfig, network: Network) -> None:
    """Refuse to serve a chain that needs no work beyond this machine, wherever it came from."""
    if network.genesis.difficulty == "none" and not _is_this_machine(config.api_host):
        raise ConfigInsecure(
            field="api_host",
            source=f"api_host is {config.api_host}",
            reason="a development node moves clocks and money for everybody who reaches it, so it"
            " listens on this machine alone (127.0.0.1)",
        )


def _is_this_machine(host: str) -> bool:
    return ipaddress.ip_address(host).is_loopback if _is_ip(host) else host == "localhost"


def _bad(name: str, sources: dict[str, str], reason: str, value: object = None) -> ConfigValue:
    found = "" if value is None else f", not {value!r}"
    return ConfigValue(
        field=name,
        source=sources.get(name, f"the default of {name}"),
        reason=f"{reason}{found}",
        example=_EXAMPLES.get(name, "see the documentation"),
    )
