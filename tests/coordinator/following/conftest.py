"""The follower's tests write to fresh databases, as those of records, and read from real nodes."""

import pytest

from tests.records.conftest import database_url
from tests.records.databases import copy_sqlite, using

__all__ = ["database", "database_url"]


@pytest.fixture
def database(tmp_path, django_db_blocker):
    """Django's database is a migrated SQLite file of the test's own."""
    with django_db_blocker.unblock(), using(copy_sqlite(tmp_path / "home")):
        yield
