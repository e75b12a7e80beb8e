"""Real databases for tests: SQLite files, and a PostgreSQL of the tests' own, started once.

Django knows one database for the life of a process. Tests put another in its place, and every test
has a fresh copy of one that was migrated. `prepare_django` may be called by the tests of any room
that needs Django; it does nothing where it is configured already.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import django
import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import connections

from chaindeck.control.setup import web_settings
from chaindeck.records import setup
from chaindeck.records.databases import describe_database, sqlite
from tests.needs import find_postgres

START_TIMEOUT_S = 30


@cache
def prepare_django() -> Path:
    """Configure Django for this process; return the home it was told.

    It is told what the web is told, which is more than records need: in a run of all tests, those
    of the web are in the same process.
    """
    home = _scratch()
    if not settings.configured:
        settings.configure(
            **(setup.base_settings() | web_settings(())),
            DATABASES={"default": sqlite(home / "records.sqlite3")},
            SECRET_KEY="of tests alone",
            CHAINDECK_HOME=home,
        )
        django.setup()
    return home


def _scratch() -> Path:
    """A folder that goes with the process."""
    folder = Path(tempfile.mkdtemp(prefix="chaindeck-records-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@contextlib.contextmanager
def using(database: dict[str, Any]) -> Iterator[None]:
    """Have Django use this database."""
    before = connections.settings["default"]
    _put(connections.configure_settings({"default": dict(database)})["default"])
    try:
        yield
    finally:
        _put(before)


def _put(described: dict[str, Any]) -> None:
    connections.close_all()
    connections.settings["default"] = described
    with contextlib.suppress(AttributeError):
        del connections["default"]


@cache
def sqlite_template() -> Path:
    """A file with all tables, made once in a process."""
    path = _scratch() / "template.sqlite3"
    with using(sqlite(path)):
        call_command("migrate", interactive=False, verbosity=0)
        connections["default"].cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


def copy_sqlite(folder: Path) -> dict[str, Any]:
    """A migrated database in a home."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "records.sqlite3"
    shutil.copy(sqlite_template(), path)
    return sqlite(path)


class Postgres:
    """A server of our own on a socket in its own folder, for an unprivileged user."""

    def __init__(self) -> None:
        programs = find_postgres()
        assert programs is not None, "the test says that it needs postgres"
        self.folder = Path(tempfile.mkdtemp(prefix="chaindeck-pg-", dir="/tmp"))
        self._user = "postgres" if os.geteuid() == 0 else None
        if self._user:
            account = pwd.getpwnam(self._user)
            os.chown(self.folder, account.pw_uid, account.pw_gid)
        data = self.folder / "data"
        subprocess.run(
            [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8"],
            check=True,
            stdout=subprocess.DEVNULL,
            user=self._user,
            cwd=self.folder,
        )
        options = {"listen_addresses": "", "fsync": "off", "unix_socket_directories": self.folder}
        settings_ = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [programs / "postgres", "-D", data, *settings_],
                stdout=log,
                stderr=log,
                user=self._user,
                cwd=self.folder,
            )
        self._wait()
        self._has_template = False

    def url(self, name: str) -> str:
        return f"postgres://postgres@/{name}?host={self.folder}"

    def make_empty(self) -> str:
        return self._create("template0")

    def make_migrated(self) -> str:
        """A database with all tables; return its URL."""
        if not self._has_template:
            self._run("CREATE DATABASE prepared")
            with using(describe_database(self.folder, {"DATABASE_URL": self.url("prepared")})):
                call_command("migrate", interactive=False, verbosity=0)
            self._has_template = True
        return self._create("prepared")

    def drop(self, url: str) -> None:
        name = url.split("/")[3].partition("?")[0]
        self._run(f"DROP DATABASE {name} WITH (FORCE)")

    def cut_lines(self) -> None:
        """Close all connections of others, as a server that restarts does."""
        self._run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(START_TIMEOUT_S)
        shutil.rmtree(self.folder)

    def _create(self, template: str) -> str:
        name = f"test_{uuid.uuid4().hex}"
        self._run(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    def _run(self, statement: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)

    def _wait(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            assert self.process.poll() is None, (self.folder / "log").read_text()
            try:
                psycopg.connect(self.url("postgres")).close()
                return
            except psycopg.OperationalError:
                assert time.monotonic() < deadline, (self.folder / "log").read_text()
                time.sleep(0.02)


@cache
def shared_postgres() -> Postgres:
    """The server of this process, started when the first test asks and stopped at its end."""
    server = Postgres()
    atexit.register(server.stop)
    return server
