"""How the coordinator is set up: the environment, checked before anything starts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import msgspec

from chaindeck.client import Access, UrlInvalid
from chaindeck.coordinator.errors import SettingInvalid
from chaindeck.node.logs import LEVELS, LogFormat
from chaindeck.rpc.access import check_address
from chaindeck.rpc.errors import AddressInvalid

_DEFAULT_HOME = "~/.chaindeck"
_REDIS_SCHEMES = ("redis", "rediss", "unix")
_DATABASE_SCHEMES = ("postgres", "postgresql", "sqlite")
_PORTS = range(1, 65_536)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the environment says."""

    home: Path
    database_url: str = ""
    redis_url: str = ""
    node_url: str = ""
    grpc: str = ""
    log_level: str = "info"
    log_format: LogFormat = "text"


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Check every variable; raise `SettingInvalid` for the first that cannot be."""
    given = {name: text.strip() for name, text in environment.items()}
    return Settings(
        home=Path(given.get("CHAINDECK_HOME") or _DEFAULT_HOME).expanduser(),
        database_url=_database_url(given.get("DATABASE_URL", "")),
        redis_url=_redis_url(given),
        node_url=_node_url(given),
        grpc=_grpc(given.get("CHAINDECK_GRPC", "")),
        log_level=_choice(given, "LOG_LEVEL", LEVELS, "info"),
        log_format=cast("LogFormat", _choice(given, "LOG_FORMAT", ("text", "json"), "text")),
    )


def _database_url(text: str) -> str:
    if text and text.partition(":")[0] not in _DATABASE_SCHEMES:
        # The rest of it may be a password, and is not repeated.
        reason = f"it starts with one of {', '.join(_DATABASE_SCHEMES)}, and a colon"
        example = "postgres://name:password@localhost:5432/chaindeck"
        raise SettingInvalid(variable="DATABASE_URL", reason=reason, example=example)
    return text


def _redis_url(given: Mapping[str, str]) -> str:
    url = given.get("REDIS_URL", "")
    if url:
        if urlsplit(url).scheme not in _REDIS_SCHEMES:
            reason = f"it starts with one of {', '.join(_REDIS_SCHEMES)}"
            raise SettingInvalid(
                variable="REDIS_URL", reason=reason, example="redis://localhost:6379/0"
            )
        return url
    host, port = given.get("REDIS_HOST", ""), given.get("REDIS_PORT", "")
    if port and not (port.isdecimal() and int(port) in _PORTS):
        reason = f"{port!r} is no port from 1 to 65535"
        raise SettingInvalid(variable="REDIS_PORT", reason=reason, example="6379")
    return f"redis://{host or 'localhost'}:{port or 6379}/0" if host or port else ""


def _node_url(given: Mapping[str, str]) -> str:
    variable = "NODE_URL" if given.get("NODE_URL") else "CPP_NODE_URL"
    url = given.get(variable, "")
    if not url:
        return ""
    try:
        return Access(url).url
    except UrlInvalid as error:
        raise SettingInvalid(
            variable=variable, reason=str(error), example="http://127.0.0.1:8080"
        ) from None


def _grpc(text: str) -> str:
    if text:
        try:
            check_address(text)
        except AddressInvalid as error:
            raise SettingInvalid(
                variable="CHAINDECK_GRPC", reason=str(error), example="10.0.0.5:8443"
            ) from None
    return text


def _choice(given: Mapping[str, str], variable: str, known: tuple[str, ...], default: str) -> str:
    text = given.get(variable) or default
    if text not in known:
        reason = f"{text!r} is none of {', '.join(known)}"
        raise SettingInvalid(variable=variable, reason=reason, example=default)
    return text
