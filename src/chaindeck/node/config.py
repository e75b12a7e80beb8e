"""How a node is set up: defaults, then `node.json`, then the environment, then flags.

Every setting is checked before anything starts; an error says where the value came from, what is
wrong with it, and what a good one looks like.
"""

from __future__ import annotations

import difflib
import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from chaindeck.node.errors import ConfigInsecure, ConfigUnknown, ConfigValue
from chaindeck.node.logs import LEVELS, LogFormat
from chaindeck.node.mining import MiningMode

CONFIG_NAME = "node.json"


class NodeConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One node's settings. The names are those of `node.json`; flags spell them with hyphens."""

    profile: str = "local"
    """`dev` or `local` for a new data directory without a genesis file."""

    genesis: str | None = None
    """A genesis document for a new data directory."""

    name: str | None = None
    """What people call this node; by default its data directory's name."""

    api_host: str = "127.0.0.1"
    api_port: int = 8080
    open_loopback: bool = True
    """Whether programs on this machine may read and submit without a token."""

    allowed_origins: tuple[str, ...] = ()
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

    log_level: str = "info"
    log_format: LogFormat = "text"


_ENVIRONMENT = {
    "LOG_LEVEL": "log_level",
    "LOG_FORMAT": "log_format",
    "ALLOWED_ORIGINS": "allowed_origins",
}
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
}
_RANGES: dict[str, tuple[float, float]] = {
    "api_port": (0, 65_535),
    "mining_threads": (1, 256),
    "mining_duty": (0.001, 1.0),
    "mining_interval_ms": (10, 86_400_000),
    "prune_mb": (0, 10_000_000),
}


def load_config(
    folder: Path, environment: Mapping[str, str], flags: Mapping[str, Any]
) -> NodeConfig:
    """Join all sources and check every value; raise a `ConfigError` for the first bad one."""
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for source, found in (
        (str(folder / CONFIG_NAME), _read_file(folder / CONFIG_NAME)),
        ("the environment", _read_environment(environment)),
        ("the command line", {name: value for name, value in flags.items() if value is not None}),
    ):
        for name, value in found.items():
            _check_known(name, source)
            values[name], sources[name] = value, source
    config = _convert(values, sources)
    _check_values(config, sources)
    _check_secure(config, sources)
    return config


def _read_file(path: Path) -> dict[str, Any]:
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


def _read_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {
        name: environment[variable].strip()
        for variable, name in _ENVIRONMENT.items()
        if environment.get(variable, "").strip()
    }
    if "allowed_origins" in found:
        found["allowed_origins"] = [
            origin.strip() for origin in found["allowed_origins"].split(",") if origin.strip()
        ]
    return found


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
        raise _bad(name, sources, reason) from None


def _check_values(config: NodeConfig, sources: dict[str, str]) -> None:
    for name, (least, most) in _RANGES.items():
        if not least <= getattr(config, name) <= most:
            raise _bad(name, sources, f"a number from {least:g} to {most:g}")
    if config.profile not in ("dev", "local"):
        raise _bad("profile", sources, "there are the profiles dev and local")
    if config.log_level not in LEVELS:
        raise _bad("log_level", sources, f"one of {', '.join(LEVELS)}")
    for origin in config.allowed_origins:
        if not origin.startswith(("http://", "https://")) or origin.count("/") != 2:
            raise _bad("allowed_origins", sources, f"{origin} is not a scheme, host and port")


def _check_secure(config: NodeConfig, sources: dict[str, str]) -> None:
    """A node that listens beyond this machine asks everybody for a token."""
    try:
        is_loopback = ipaddress.ip_address(config.api_host).is_loopback
    except ValueError:
        is_loopback = config.api_host == "localhost"
    if not is_loopback and config.profile == "dev" and config.genesis is None:
        raise ConfigInsecure(
            field="api_host",
            source=sources.get("api_host", "the defaults"),
            reason="a development node moves clocks and money for everybody who reaches it, so it"
            " listens on this machine alone (127.0.0.1)",
        )


def _bad(name: str, sources: dict[str, str], reason: str) -> ConfigValue:
    source = sources.get(name, "the defaults")
    return ConfigValue(
        field=name,
        source=f"{source}, {name}",
        reason=reason,
        example=_EXAMPLES.get(name, "see the documentation"),
    )
