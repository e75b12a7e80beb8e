"""Who may pass: tokens, scopes, origins, rates. Knows no route beyond its scope and its cost.

What is open on this machine is open to its programs, not to web pages that a browser on it shows:
a page of another origin may not change anything nor follow the feed, and a name that is not local
(`Host`) or a proxy in between (`Forwarded`) makes a caller from this machine a stranger.
"""

from __future__ import annotations

import ipaddress
import math
import time
from collections.abc import Collection, Mapping
from functools import lru_cache

from chaindeck.node.api.rates import Rates
from chaindeck.node.api.requests import HeaderPairs, Identity, Scope
from chaindeck.node.api.tokens import COOKIE_ID, TokenBook
from chaindeck.node.errors import (
    OriginRefused,
    RateExceeded,
    ScopeMissing,
    TokenMissing,
    TokenUnknown,
)

Headers = Mapping[bytes, bytes]
OPEN_SCOPES = frozenset({"read", "submit"})
"""What programs on this machine may do without a token."""

_NOBODY: frozenset[str] = frozenset()
_PROXY_HEADERS = (b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip")
_COOKIE_NAME = f"token {COOKIE_ID}"
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


class Gate:
    """Answers for one request whether it may go on."""

    def __init__(
        self,
        tokens: TokenBook,
        origins: Collection[str],
        rates: Rates,
        *,
        is_loopback_open: bool,
    ) -> None:
        self._tokens = tokens
        self._origins = frozenset(origin.encode() for origin in origins)
        self._rates = rates
        self._is_loopback_open = is_loopback_open

    def identify(self, scope: Scope, headers: Headers) -> Identity:
        """Return who asks; raise `TokenUnknown` where a token is given and not known."""
        host = scope["client"][0] if scope["client"] else "local"
        authorization = headers.get(b"authorization")
        is_local = _is_loopback(host) and _is_direct(headers)
        if authorization is None:
            scopes = OPEN_SCOPES if is_local and self._is_loopback_open else _NOBODY
            return _stranger(host, scopes)
        scheme, _, token = authorization.partition(b" ")
        identity = None
        if scheme.lower() == b"bearer" and token.isascii():
            identity = self._tokens.identify(token.decode().strip())
        if identity is None:
            raise TokenUnknown
        if is_local and identity.name == _COOKIE_NAME:
            return Identity(identity.name, identity.scopes, is_unmetered=True)
        return identity

    def check_scope(self, identity: Identity, scope: str | None) -> None:
        """Raise `TokenMissing` or `ScopeMissing` unless this one may. None is open to all."""
        if scope is None or scope in identity.scopes:
            return
        if identity.name.startswith("token "):
            raise ScopeMissing(scope=scope)
        raise TokenMissing(scope=scope)

    def check_origin(self, method: str, headers: Headers) -> None:
        """Raise `OriginRefused` where a page of an origin that is not listed wants a change."""
        origin = headers.get(b"origin")
        if origin is not None and method not in _SAFE_METHODS and origin not in self._origins:
            raise OriginRefused

    def charge(self, identity: Identity, cost: int) -> None:
        """Count work; raise `RateExceeded` where it is too much at once."""
        if identity.is_unmetered:
            return
        wait_s = self._rates.take(identity.name, cost, time.monotonic())
        if wait_s:
            raise RateExceeded(retry_s=math.ceil(wait_s))

    def cors(self, headers: Headers) -> HeaderPairs:
        """Return what tells a browser that a listed page may read the answer."""
        origin = headers.get(b"origin")
        if origin is None or origin not in self._origins:
            return ()
        return (
            (b"access-control-allow-origin", origin),
            (b"vary", b"origin"),
            (b"access-control-expose-headers", b"retry-after, allow"),
        )


PREFLIGHT: HeaderPairs = (
    (b"access-control-allow-methods", b"GET, HEAD, POST, OPTIONS"),
    (b"access-control-allow-headers", b"authorization, content-type"),
    (b"access-control-max-age", b"600"),
)


@lru_cache(1_024)
def _stranger(host: str, scopes: frozenset[str]) -> Identity:
    """Whoever has an IPv6 address has 2**64 of them, so these count as one."""
    if ":" in host:
        address = ipaddress.ip_address(host.partition("%")[0])
        host = str(ipaddress.ip_network((address, 64), strict=False))
    return Identity(f"address {host}", scopes)


@lru_cache(1_024)
def _is_loopback(host: str) -> bool:
    """Whether a peer is this machine; a socket in the file system has no other peers."""
    return host in ("local", "::1") or host.removeprefix("::ffff:").startswith("127.")


def _is_direct(headers: Headers) -> bool:
    return _is_local_name(headers.get(b"host", b"")) and not any(
        name in headers for name in _PROXY_HEADERS
    )


@lru_cache(1_024)
def _is_local_name(host: bytes) -> bool:
    """Whether a page cannot have made this name point here: an address, localhost, or none."""
    name = host.decode("latin-1").rpartition("]")[0] or host.decode("latin-1").partition(":")[0]
    name = name.lstrip("[").rstrip(".").lower()
    if name in ("", "localhost") or name.endswith(".localhost"):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
