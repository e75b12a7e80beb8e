"""Who may do what: tokens with scopes, known by their hashes alone, and a cookie for local tools.

    token = "cd_" id "_" secret       id 16 hexadecimal digits, or "cookie"

The id is public and finds the record; the secret's SHA-256 is compared in constant time. A token is
shown once, when it is made. The cookie holds every scope, is made anew at every start and readable
by the node's own user only.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import hmac
import os
import secrets
import time
from collections.abc import Collection, Iterator
from pathlib import Path

import msgspec

from chaindeck.node.api.requests import Identity
from chaindeck.node.errors import TokenForm, TokenNameTaken, TokenNameUnknown
from chaindeck.node.limits import MAX_TOKENS, TOKEN_LABEL_CHARACTERS
from chaindeck.store.atomic import read_json, translated, write_bytes, write_json
from chaindeck.store.errors import FileMissing

SCOPES = ("read", "submit", "mine", "admin")
TOKENS_NAME = "api-tokens.json"
_LOCK_NAME = "api-tokens.lock"
COOKIE_NAME = "api.cookie"
COOKIE_ID = "cookie"
_PREFIX = "cd"


class TokenRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A token as it is kept: nothing in it lets anybody pass."""

    id: str
    label: str
    scopes: tuple[str, ...]
    sha256: str
    created_ms: int


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    tokens: list[TokenRecord] = []


_DECODER = msgspec.json.Decoder(_File)


class TokenBook:
    """The tokens of one data directory, whose labels are their names.

    Several processes may keep one: who changes it waits for whoever does so now, and what changed
    holds from the next request on.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / TOKENS_NAME
        self._cookie_path = folder / COOKIE_NAME
        self._records: dict[str, TokenRecord] = {}
        self._cookie: TokenRecord | None = None
        self._stamp: tuple[int, int, int] | None = None
        self._refresh()

    def create_token(self, scopes: Collection[str], label: str) -> str:
        """Make a token and return it, the only time that it is seen.

        Raises `TokenForm`, or `TokenNameTaken`.
        """
        check_label(label)
        with self._changing():
            if len(self._records) >= MAX_TOKENS:
                raise TokenForm(reason=f"there are {MAX_TOKENS} tokens; revoke one first")
            if any(record.label == label for record in self._records.values()):
                raise TokenNameTaken(field="label", name=label)
            record, token = _make(secrets.token_hex(8), scopes, label)
            self._save({**self._records, record.id: record})
        return token

    def revoke(self, label: str) -> TokenRecord:
        """Forget a token and return what it was; raise `TokenNameUnknown`."""
        with self._changing():
            found = [record for record in self._records.values() if record.label == label]
            if not found:
                raise TokenNameUnknown(field="label", name=label)
            left = {key: record for key, record in self._records.items() if record not in found}
            self._save(left)
        return found[0]

    def records(self) -> list[TokenRecord]:
        self._refresh()
        return list(self._records.values())

    def write_cookie(self) -> Path:
        """Make this start's cookie and return the file it is in."""
        self._cookie, token = _make(COOKIE_ID, SCOPES, "local tools")
        write_bytes(self._cookie_path, token.encode() + b"\n", private=True)
        return self._cookie_path

    def identify(self, token: str) -> Identity | None:
        """Return who holds a token, None for one that is not known."""
        prefix, _, rest = token.partition("_")
        token_id, _, secret = rest.partition("_")
        record = self._find(token_id) if prefix == _PREFIX else None
        if record is None or not hmac.compare_digest(record.sha256, _digest(secret)):
            return None
        return Identity(f"token {record.id}", frozenset(record.scopes))

    def _find(self, token_id: str) -> TokenRecord | None:
        if token_id == COOKIE_ID:
            return self._cookie
        # Looking costs microseconds, and whoever takes a token back means now.
        self._refresh()
        return self._records.get(token_id)

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        """Keep other processes from writing between our reading and our writing."""
        path = self._path.with_name(_LOCK_NAME)
        with translated(path):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            self._refresh()
            yield
        finally:
            os.close(descriptor)

    def _refresh(self) -> None:
        """Read the file where it is not the one that was read last."""
        stamp = self._stamp_now()
        if stamp == self._stamp:
            return
        try:
            records = read_json(self._path, _DECODER).tokens
        except FileMissing:
            records = []
        self._records = {record.id: record for record in records}
        self._stamp = stamp

    def _stamp_now(self) -> tuple[int, int, int] | None:
        try:
            with translated(self._path):
                status = self._path.stat()
        except FileNotFoundError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size

    def _save(self, records: dict[str, TokenRecord]) -> None:
        write_json(self._path, _File(list(records.values())), private=True)
        self._records, self._stamp = records, self._stamp_now()


def read_cookie(folder: Path) -> str:
    """Return the cookie of the node that runs in a data directory, for a tool of the same user."""
    with translated(folder / COOKIE_NAME):
        return (folder / COOKIE_NAME).read_text().strip()


def _make(token_id: str, scopes: Collection[str], label: str) -> tuple[TokenRecord, str]:
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        raise TokenForm(field="scopes", reason=f"scopes are some of {', '.join(SCOPES)}")
    secret = secrets.token_urlsafe(32)
    kept = tuple(scope for scope in SCOPES if scope in scopes)
    record = TokenRecord(token_id, label, kept, _digest(secret), time.time_ns() // 1_000_000)
    return record, f"{_PREFIX}_{token_id}_{secret}"


def check_label(label: str) -> None:
    """Raise `TokenForm` unless this can name a token."""
    if not 0 < len(label) <= TOKEN_LABEL_CHARACTERS or not label.isprintable():
        raise TokenForm(
            field="label", reason=f"a label has 1 to {TOKEN_LABEL_CHARACTERS} printable characters"
        )


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
