"""Makes records ready to use: which database, and that its tables are those of this version.

A process that is not the web calls `configure` before it imports a model, a service or a selector;
the web has settings of its own. Whoever starts first migrates, the others wait for it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path

import django
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.utils import Error

from chaindeck.records import settings as base
from chaindeck.records.databases import describe_database
from chaindeck.records.errors import DatabaseAway
from chaindeck.records.limits import ANALYSIS_ROWS

LOCK_NAME = "records.lock"
_ADVISORY_KEY = 0x636861696E
"""Of the advisory lock under which a PostgreSQL database is migrated."""


def configure(home: Path, environ: Mapping[str, str] | None = None) -> None:
    """Tell Django where records lie. Once in a process. Raises `DatabaseUrlInvalid`."""
    database = describe_database(home, os.environ if environ is None else environ)
    assert not settings.configured, "a process has one database for its whole life"
    prepare_file(database["ENGINE"], Path(database["NAME"]))
    settings.configure(
        **base_settings(),
        DATABASES={"default": database},
        # Only the web signs anything, and it has a secret that lasts.
        SECRET_KEY=secrets.token_urlsafe(50),
    )
    django.setup()


def base_settings() -> dict[str, object]:
    return {name: getattr(base, name) for name in dir(base) if name.isupper()}


def prepare_file(engine: str, path: Path) -> None:
    """Make an empty file that only its owner may read, where SQLite would make one for all."""
    if not engine.endswith("sqlite3"):
        return
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise DatabaseAway(name=str(path), reason=error.strerror or str(error)) from None


def migrate(home: Path) -> None:
    """Bring the tables up to date. Raises `DatabaseAway`."""
    try:
        with _lock(home):
            call_command("migrate", interactive=False, verbosity=0)
            refresh_statistics()
    except Error as error:
        name = str(connection.settings_dict["NAME"])
        raise DatabaseAway(name=name, reason=str(error).strip()) from None


def refresh_statistics() -> None:
    """Let SQLite look at its tables anew, in some milliseconds: it chooses among indexes by them.

    It is done at every start; who runs for long does it once a day. PostgreSQL sees to it itself.
    """
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA analysis_limit={ANALYSIS_ROWS}")
            cursor.execute("ANALYZE")


def room_bytes() -> int | None:
    """Return how much the disk of an SQLite file can take yet, None where a server has the data."""
    if connection.vendor != "sqlite":
        return None
    folder = os.statvfs(Path(str(connection.settings_dict["NAME"])).parent)
    return folder.f_bavail * folder.f_frsize


@contextlib.contextmanager
def _lock(home: Path) -> Iterator[None]:
    """Hold what keeps other processes from migrating; it ends with this process at the latest."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [_ADVISORY_KEY])
            try:
                yield
            finally:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_ADVISORY_KEY])
        return
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(home / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
