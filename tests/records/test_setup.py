"""Which database is used, and how it is made ready."""

import os
import stat
import subprocess
import sys

import pytest
from django.core.management import call_command
from django.db import connection, connections

from chaindeck.records import setup
from chaindeck.records.databases import describe_database
from chaindeck.records.errors import DatabaseAway, DatabaseUrlInvalid
from tests.meta.tree import ROOT
from tests.records.databases import shared_postgres, using


@pytest.mark.parametrize(
    "url",
    [
        "mysql://localhost/x",
        "records.sqlite3",
        "postgres://localhost",
        "postgres://localhost/a/b",
        "postgres://localhost:port/x",
        "postgres://localhost:99999/x",
        "postgres://localhost/x?sslmod=require",
        "sqlite://records.sqlite3",
        "sqlite:///records.sqlite3",
        "sqlite:",
    ],
)
def test_url_that_names_no_database_is_refused_with_the_variable_and_an_example(tmp_path, url):
    with pytest.raises(DatabaseUrlInvalid) as caught:
        describe_database(tmp_path, {"DATABASE_URL": url})
    assert caught.value.code == "records-database-url"
    assert "DATABASE_URL" in str(caught.value)
    assert "for example postgres://" in str(caught.value)


def test_without_a_variable_records_lie_in_the_home(tmp_path):
    described = describe_database(tmp_path, {"DATABASE_URL": " "})
    assert described["NAME"] == str(tmp_path / "records.sqlite3")


def test_file_may_lie_elsewhere(tmp_path):
    described = describe_database(tmp_path, {"DATABASE_URL": "sqlite:////srv/my%20records.db"})
    assert described["NAME"] == "/srv/my records.db"


def test_parts_of_a_url_are_read_with_their_escapes(tmp_path):
    url = "postgresql://me:p%40ss@db.example.org:5433/chain?sslmode=require"
    described = describe_database(tmp_path, {"DATABASE_URL": url})
    assert (described["USER"], described["PASSWORD"]) == ("me", "p@ss")
    assert (described["HOST"], described["PORT"], described["NAME"]) == (
        *("db.example.org", "5433"),
        "chain",
    )
    assert described["OPTIONS"]["sslmode"] == "require"


@pytest.mark.usefixtures("database")
def test_writers_wait_five_seconds_and_commits_reach_the_disk():
    if connection.vendor != "sqlite":
        return
    names = ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")
    with connection.cursor() as cursor:
        found = [cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in names]
    assert found == ["wal", 2, 5_000, 1]


@pytest.mark.usefixtures("database")
def test_models_and_migrations_agree():
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


CONTRACT = {
    "nodes": "node_id ip_address port last_seen chain_height is_active",
    "blocks": "block_index hash previous_hash timestamp data node_source",
    "transactions": "tx_hash from_addr to_addr amount timestamp status",
    "network_stats": "timestamp total_nodes network_height tx_count",
    "system_status": "node_status coordinator_status last_updated",
    "live_metrics": "metric_type metric_value timestamp",
}


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("table", sorted(CONTRACT))
def test_tables_of_other_programs_have_their_columns(table):
    with connection.cursor() as cursor:
        columns = connection.introspection.get_table_description(cursor, table)
    assert set(CONTRACT[table].split()) <= {column.name for column in columns}


PROGRAM = """
import pathlib, sys
from chaindeck.records import setup
home = pathlib.Path(sys.argv[1])
setup.configure(home)
setup.migrate(home)
from chaindeck.records.selectors.events import events_bounds
print(events_bounds().epoch)
"""


def start(home, url=""):
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(home)],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": url},
        stdout=subprocess.PIPE,
        text=True,
    )


def run_three(home, url=""):
    """Processes that start at the same time; return the epochs that they read."""
    epochs = []
    for process in [start(home, url) for _ in range(3)]:
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        epochs.append(out.strip())
    return epochs


def test_processes_that_start_together_migrate_once(tmp_path):
    home = tmp_path / "home"
    assert len(set(run_three(home))) == 1
    assert stat.S_IMODE((home / "records.sqlite3").stat().st_mode) == 0o600
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


@pytest.mark.needs("postgres")
def test_processes_that_start_together_on_postgresql_migrate_once(tmp_path):
    server = shared_postgres()
    url = server.make_empty()
    assert len(set(run_three(tmp_path, url))) == 1
    server.drop(url)


def test_file_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DatabaseAway) as caught:
        setup.prepare_file("sqlite3", tmp_path / "file" / "records.sqlite3")
    assert caught.value.code == "records-database-away"


def test_database_that_does_not_answer_is_named(tmp_path, django_db_blocker):
    url = f"postgres://postgres@/nothing?host={tmp_path}"
    with (
        django_db_blocker.unblock(),
        using(describe_database(tmp_path, {"DATABASE_URL": url})),
        pytest.raises(DatabaseAway, match="nothing"),
    ):
        setup.migrate(tmp_path)
    connections.close_all()
