"""A fresh database for each test that asks for one, and a coordinator that answers from memory.

Each test that asks for a database runs on SQLite and on PostgreSQL, as those of records do.
"""

import asyncio
import contextlib

import pytest
from asgiref.sync import sync_to_async
from django.db import connections

from chaindeck.control import assets
from chaindeck.records.databases import describe_database
from tests.records.conftest import database_url
from tests.records.databases import prepare_django, using
from tests.rpc.conftest import home, pytest_pyfunc_call

__all__ = ["database_url", "home", "pytest_pyfunc_call"]

prepare_django()
NAMES = ("app.css", "charts.js", "icons.svg", "logo.svg", "main.js")


@pytest.fixture(autouse=True)
def built(monkeypatch):
    """Names of built files: what they hold is the frontend's own tests' business."""
    monkeypatch.setattr(assets, "manifest", lambda: {name: name for name in NAMES})


@pytest.fixture
def database(database_url, tmp_path):
    """Django's database is a migrated one of the test's own."""
    with using(describe_database(tmp_path, {"DATABASE_URL": database_url})):
        # The thread in which coroutines ask records still has the database of the test before.
        asyncio.run(sync_to_async(forget_database)())
        yield
        asyncio.run(sync_to_async(forget_database)())


def forget_database():
    connections.close_all()
    with contextlib.suppress(AttributeError):
        del connections["default"]


@pytest.fixture
def coordinator(home):
    """The coordinator that views ask: a real server with a desk that answers from memory."""
    from tests.control.house import wired_to

    with wired_to(home) as house:
        yield house
