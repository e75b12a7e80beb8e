"""Where the parts of one home answer, and whose token goes along.

On one machine a part listens on a socket in the home, which its owner alone can open. Where
`CHAINDECK_GRPC` names an address instead, both ends show certificates as well.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

import msgspec

from chaindeck.rpc.certificates import Credentials, load_credentials
from chaindeck.rpc.errors import AddressInvalid, SecretsInvalid
from chaindeck.rpc.limits import MAX_SOCKET_PATH_BYTES, SECRET_BYTES
from chaindeck.store.atomic import read_json, write_json
from chaindeck.store.errors import FileError

SECRETS_NAME = "secrets.json"
SOCKET_NAME = "grpc.sock"
TLS_FOLDER = "grpc-tls"
_LOCK_NAME = "secrets.lock"
_ADDRESS = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):([0-9]{1,5})")
_MAX_PORT = 65_535


class Secrets(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What nobody else may know."""

    web_secret: str
    grpc_token: str
    wallet_password: str

    def __repr__(self) -> str:
        return "Secrets()"


_SECRETS = msgspec.json.Decoder(Secrets)


class RpcAccess(msgspec.Struct, frozen=True, kw_only=True):
    """One part's address, the token for it, and credentials where it is not a socket here."""

    address: str
    token: str
    credentials: Credentials | None = None

    def __repr__(self) -> str:
        return f"RpcAccess({self.address!r})"


def load_secrets(home: Path) -> Secrets:
    """Return a home's secrets, made now if it has none. Raises `SecretsInvalid`."""
    path = home / SECRETS_NAME
    # Who only reads writes nothing: the home may have become read-only.
    if not path.exists():
        _make_secrets(home)
    try:
        found = read_json(path, _SECRETS)
    except FileError as error:
        raise SecretsInvalid(path=str(path), reason=str(error)) from None
    if len(found.grpc_token) < SECRET_BYTES:
        raise SecretsInvalid(path=str(path), reason="its grpc_token is too short")
    return found


def _make_secrets(home: Path) -> None:
    """Make the file, unless somebody else was faster."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = home / SECRETS_NAME
    with _locked(home / _LOCK_NAME):
        if path.exists():
            return
        made = Secrets(
            web_secret=secrets.token_urlsafe(SECRET_BYTES),
            grpc_token=secrets.token_urlsafe(SECRET_BYTES),
            wallet_password=secrets.token_urlsafe(SECRET_BYTES),
        )
        write_json(path, made, private=True)


def coordinator_access(home: Path, chosen: str = "") -> RpcAccess:
    """Return the way to the coordinator; `chosen` is what `CHAINDECK_GRPC` says."""
    token = load_secrets(home).grpc_token
    if not chosen:
        return RpcAccess(address=socket_address(home / "coordinator" / SOCKET_NAME), token=token)
    host = check_address(chosen)
    credentials = load_credentials(home / TLS_FOLDER, host)
    return RpcAccess(address=chosen, token=token, credentials=credentials)


def supervisor_access(home: Path) -> RpcAccess:
    """Return the way to the supervisor, which is always on this machine."""
    address = socket_address(home / "supervisor" / SOCKET_NAME)
    return RpcAccess(address=address, token=load_secrets(home).grpc_token)


def socket_address(path: Path) -> str:
    """Return the address of a socket; raise `AddressInvalid` where its path is too long."""
    absolute = path.absolute()
    if len(os.fsencode(absolute)) > MAX_SOCKET_PATH_BYTES:
        raise AddressInvalid(
            address=str(absolute),
            reason=f"the path of a socket has at most {MAX_SOCKET_PATH_BYTES} bytes",
            example="a shorter CHAINDECK_HOME",
        )
    return f"unix:{absolute}"


def check_address(text: str) -> str:
    """Return the host of `host:port`; raise `AddressInvalid`."""
    match = _ADDRESS.fullmatch(text)
    if match is None or not 0 <= int(match[2]) <= _MAX_PORT:
        raise AddressInvalid(
            address=text, reason="it has the form host:port", example="10.0.0.5:8443"
        )
    return match[1].strip("[]")


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Two parts that start at once make one file between them."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
