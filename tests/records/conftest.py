"""Each test of records runs on a fresh SQLite file and on a fresh PostgreSQL database."""

import pytest

from chaindeck.records.databases import describe_database
from tests.records.databases import copy_sqlite, prepare_django, shared_postgres, using

prepare_django()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.needs("postgres"))])
def database_url(request, tmp_path, django_db_blocker):
    """What a process needs as DATABASE_URL: a migrated database of its own."""
    with django_db_blocker.unblock():
        if request.param == "sqlite":
            yield "sqlite:///" + copy_sqlite(tmp_path / "home")["NAME"]
            return
        server = shared_postgres()
        url = server.make_migrated()
        yield url
        server.drop(url)


@pytest.fixture
def database(database_url, tmp_path):
    """Django's database is a migrated one of the test's own."""
    with using(describe_database(tmp_path, {"DATABASE_URL": database_url})):
        yield
