"""Where a node is and whose token goes along: one that is given, or the cookie of a local node.

A node writes a new cookie at every start, beside a note of where it listens. A cookie is only ever
sent to this machine, and to the address in that note, so that no other program on another port is
handed it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import msgspec

from chaindeck.client.errors import UrlInvalid

COOKIE_NAME = "api.cookie"
RUNNING_NAME = "running.json"
_DEFAULT_PORTS = {"http": 80, "https": 443}


class _Running(msgspec.Struct, frozen=True):
    url: str


_RUNNING = msgspec.json.Decoder(_Running)


class Access:
    """One node's address and the token for it. Raises `UrlInvalid`.

    `folders` are data directories of nodes on this machine; the one whose node listens at `url`
    lends its cookie where no token is given.
    """

    def __init__(self, url: str, *, token: str | None = None, folders: Sequence[Path] = ()) -> None:
        parts = _split(url)
        self.scheme: str = parts.scheme
        self.host: str = parts.hostname or ""
        self.port: int = parts.port or _DEFAULT_PORTS[parts.scheme]
        self.prefix: str = parts.path.rstrip("/")
        shown = f"[{self.host}]" if ":" in self.host else self.host
        self.authority = f"{shown}:{self.port}"
        self.url = f"{self.scheme}://{self.authority}{self.prefix}"
        self._given = token
        self._folders = tuple(folders)
        self.token = token or self._find_cookie()

    def __repr__(self) -> str:
        return f"Access({self.url!r})"

    @property
    def is_loopback(self) -> bool:
        return _is_loopback(self.host)

    @property
    def is_encrypted(self) -> bool:
        return self.scheme == "https"

    @property
    def events_url(self) -> str:
        return f"{'wss' if self.is_encrypted else 'ws'}://{self.authority}{self.prefix}/ws/events"

    def renew(self) -> bool:
        """Read the cookie anew, after a node did not know it; return whether it is another one."""
        before = self.token
        if self._given is None:
            self.token = self._find_cookie()
        return self.token != before

    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}"} if self.token else {}

    def _find_cookie(self) -> str | None:
        if not self.is_loopback:
            return None
        return next(
            (cookie for folder in self._folders if (cookie := self._read_cookie(folder))), None
        )

    def _read_cookie(self, folder: Path) -> str | None:
        """Return a folder's cookie if its node listens here; one that may not be read is none."""
        try:
            noted = urlsplit(_RUNNING.decode((folder / RUNNING_NAME).read_bytes()).url)
            if noted.port != self.port or not _is_loopback(noted.hostname or "", bound=True):
                return None
            return (folder / COOKIE_NAME).read_text().strip() or None
        except (OSError, msgspec.DecodeError, ValueError):
            return None


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        port_is_fine = parts.port is None or parts.port > 0
    except ValueError as error:
        raise UrlInvalid(url=url, reason=str(error)) from None
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or not port_is_fine:
        raise UrlInvalid(url=url, reason="it has the form http://host:port")
    if parts.query or parts.fragment or parts.username:
        raise UrlInvalid(url=parts.hostname, reason="it has no query, fragment or user")
    return parts


def _is_loopback(host: str, *, bound: bool = False) -> bool:
    """Whether a name is this machine; `bound` also takes what a socket listens on everywhere."""
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or (bound and address.is_unspecified)
