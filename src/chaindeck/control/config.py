"""How the control room is reached and how it logs, checked before anything of it is started.

`chaindeck up` asks as well, for the sake of its parts: this imports nothing that is long to load.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from typing import Any, get_args

import msgspec

from chaindeck.control.errors import (
    GrpcInvalid,
    ListeningInsecure,
    LoggingInvalid,
    OriginInvalid,
    WebPortInvalid,
)
from chaindeck.node.logs import LogFormat
from chaindeck.rpc.access import check_address
from chaindeck.rpc.errors import AddressInvalid

DEFAULT_PORT = 8000
LOOPBACK = "127.0.0.1"
LEVELS = ("info", "debug", "warning", "error")
_ORIGIN = re.compile(r"https?://(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:[0-9]{1,5})?")
_MAX_PORT = 65_535


class WebConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How the web is reached, and how it logs."""

    host: str = LOOPBACK
    port: int = DEFAULT_PORT
    origins: tuple[str, ...] = ()
    grpc: str = ""
    log_level: str = "info"
    log_format: LogFormat = "text"


def read_config(environ: Mapping[str, str], host: str = LOOPBACK) -> WebConfig:
    """Check the variables; raise a `WebSettingInvalid`."""
    origins = tuple(filter(None, map(str.strip, environ.get("ALLOWED_ORIGINS", "").split(","))))
    for origin in origins:
        if not _ORIGIN.fullmatch(origin):
            raise OriginInvalid(origin=origin)
    _check_host(host, origins)
    return WebConfig(
        host=host,
        port=_port(environ.get("CHAINDECK_PORT", "").strip() or str(DEFAULT_PORT)),
        origins=origins,
        grpc=_grpc(environ.get("CHAINDECK_GRPC", "").strip()),
        log_level=_choice(environ, "LOG_LEVEL", LEVELS),
        log_format=_choice(environ, "LOG_FORMAT", get_args(LogFormat)),
    )


def _check_host(host: str, origins: Sequence[str]) -> None:
    """Passwords and sessions leave this machine only behind TLS."""
    try:
        is_local = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_local = host == "localhost"
    is_secure = bool(origins) and all(origin.startswith("https://") for origin in origins)
    if not is_local and not is_secure:
        raise ListeningInsecure(host=host)


def _grpc(text: str) -> str:
    if text:
        try:
            check_address(text)
        except AddressInvalid as error:
            raise GrpcInvalid(reason=str(error)) from None
    return text


def _choice(environ: Mapping[str, str], name: str, choices: Sequence[str]) -> Any:  # noqa: ANN401 - one of the words
    """Return one of some words, the first where the environment says nothing."""
    text = environ.get(name, "").strip().lower() or choices[0]
    if text not in choices:
        raise LoggingInvalid(name=name, text=text, choices=", ".join(choices))
    return text


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > _MAX_PORT:
        raise WebPortInvalid(text=text)
    return int(text)
