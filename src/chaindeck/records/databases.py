"""Which database records lie in, as Django wants it told: `DATABASE_URL`, or a file in the home.

SQLite waits for its disk at every commit (`synchronous=FULL`). With less, the last moments before a
power cut may be lost, and the journal would give numbers a second time that readers have seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from chaindeck.records.errors import DatabaseUrlInvalid
from chaindeck.records.limits import (
    BUSY_TIMEOUT_S,
    CONNECT_TIMEOUT_S,
    KEPT_CONNECTION_S,
    SQLITE_CACHE_KIB,
    SQLITE_WAL_PAGES,
)

VARIABLE = "DATABASE_URL"
FILE_NAME = "records.sqlite3"
_POSTGRES = ("postgres", "postgresql")
_POSTGRES_OPTIONS = frozenset({"sslmode", "sslrootcert", "sslcert", "sslkey", "application_name"})
_PRAGMAS = ";".join(
    (
        "PRAGMA journal_mode=WAL",
        "PRAGMA synchronous=FULL",
        f"PRAGMA cache_size=-{SQLITE_CACHE_KIB}",
        "PRAGMA temp_store=MEMORY",
        f"PRAGMA wal_autocheckpoint={SQLITE_WAL_PAGES}",
    )
)


def describe_database(home: Path, environ: Mapping[str, str]) -> dict[str, Any]:
    """Return Django's description of the database. Raises `DatabaseUrlInvalid`."""
    url = environ.get(VARIABLE, "").strip()
    if not url:
        return sqlite(home / FILE_NAME)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise DatabaseUrlInvalid(reason=str(error)) from None
    if parts.scheme == "sqlite":
        return sqlite(_sqlite_path(parts.netloc, parts.path))
    if parts.scheme not in _POSTGRES:
        raise DatabaseUrlInvalid(reason=f"{parts.scheme or 'it'!r} is no kind of database")
    return _postgres(
        name=unquote(parts.path.removeprefix("/")),
        host=unquote(parts.hostname or ""),
        port=port,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        options=dict(parse_qsl(parts.query, keep_blank_values=True)),
    )


def sqlite(path: Path) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(path),
        "OPTIONS": {
            "timeout": BUSY_TIMEOUT_S,
            "transaction_mode": "IMMEDIATE",
            "init_command": _PRAGMAS,
        },
    }


def _sqlite_path(netloc: str, path: str) -> Path:
    if netloc:
        raise DatabaseUrlInvalid(reason=f"a path follows three slashes, and {netloc!r} follows two")
    if len(path) < 2 or not path.startswith("//"):
        raise DatabaseUrlInvalid(reason="the path of a file is absolute, after four slashes")
    return Path(unquote(path[1:]))


def _postgres(
    *,
    name: str,
    host: str,
    port: int | None,
    user: str,
    password: str,
    options: dict[str, str],
) -> dict[str, Any]:
    if not name or "/" in name:
        raise DatabaseUrlInvalid(reason="the name of one database stands after the last slash")
    host = options.pop("host", host)
    unknown = sorted(set(options) - _POSTGRES_OPTIONS)
    if unknown:
        raise DatabaseUrlInvalid(reason=f"there is no option {unknown[0]!r}")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": user,
        "PASSWORD": password,
        "HOST": host,
        "PORT": "" if port is None else str(port),
        "CONN_MAX_AGE": KEPT_CONNECTION_S,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"connect_timeout": CONNECT_TIMEOUT_S, **options},
    }
