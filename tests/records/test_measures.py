"""Nodes, network, system, measurements, jobs and the activity log."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chaindeck.records import limits, setup
from chaindeck.records.errors import ChoiceUnknown, RecordUnknown
from chaindeck.records.selectors import metrics as read_metrics
from chaindeck.records.selectors import standing
from chaindeck.records.selectors.activity import activity_page
from chaindeck.records.selectors.events import events_after
from chaindeck.records.services import activity, executions, metrics, nodes, system

pytestmark = pytest.mark.usefixtures("database")
DAY_MS = 86_400_000
NOW = 1_000 * DAY_MS


def kinds(topic):
    return [event.kind for event in events_after(since=0, topics=[topic])]


def test_node_is_told_of_when_it_comes_changes_and_goes():
    nodes.node_update(name="node-1", url="http://127.0.0.1:1", chain_height=3, seen_ms=NOW)
    nodes.node_update(name="node-1", chain_height=3, seen_ms=NOW + 1)
    assert kinds("node") == ["added"]
    nodes.node_update(name="node-1", chain_height=4, is_active=True)
    assert nodes.node_remove(name="node-1")
    assert not nodes.node_remove(name="node-1")
    assert kinds("node") == ["added", "changed", "removed"]
    assert standing.nodes_all() == []
    assert standing.node_find("node-1") is None


def test_node_rows_say_how_each_stands():
    nodes.node_update(name="b", peers=2, seen_ms=NOW, state="running")
    nodes.node_update(name="a", version="1")
    assert [row["name"] for row in standing.nodes_all()] == ["a", "b"]
    row = standing.node_find("b")
    assert row is not None
    assert (row["peers"], row["last_seen_ms"], row["state"]) == (2, NOW, "running")


def test_column_that_nodes_do_not_have_is_a_mistake():
    with pytest.raises(AssertionError):
        nodes.node_update(name="a", colour="red")


def test_network_is_measured_and_old_measurements_go():
    for number in range(5):
        nodes.network_measure(
            total_nodes=3, network_height=number, tx_count=9, hash_rate=1.5, time_ms=NOW + number
        )
    rows = standing.network_series(from_ms=NOW + 1, to_ms=NOW + 4)
    assert [row["network_height"] for row in rows] == [1, 2, 3]
    assert rows[0]["hash_rate"] == 1.5
    assert rows[0]["tx_rate"] is None
    assert nodes.network_prune(time_ms=NOW + limits.NETWORK_STATS_KEPT_S * 1000 + 2) == 2
    assert len(kinds("network")) == 5


def test_status_is_told_of_only_when_it_changed():
    status = {"nodes": 3, "web": "up"}
    assert standing.status_find() is None
    assert system.status_set(node_status="ok", coordinator_status="ok", data=status)
    assert not system.status_set(node_status="ok", coordinator_status="ok", data=status)
    assert system.status_set(node_status="down", coordinator_status="ok", data=status)
    assert kinds("status") == ["changed", "changed"]
    found = standing.status_find()
    assert found is not None
    assert (found["node_status"], found["data"]) == ("down", status)


def test_metrics_are_rolled_up_by_minute_hour_and_day():
    for minute in range(120):
        for second in (0, 30):
            metrics.metrics_append(
                values={"cpu": minute + second}, time_ms=NOW + minute * 60_000 + second * 1000
            )
        metrics.metrics_roll_up(time_ms=NOW + (minute + 1) * 60_000)
    by_minute = read_metrics.metric_series("cpu", from_ms=NOW, to_ms=NOW + DAY_MS, step="minute")
    assert len(by_minute) == 120
    assert by_minute[1] == {
        "time_ms": NOW + 60_000,
        "value": 16.0,
        "lowest": 1.0,
        "highest": 31.0,
        "count": 2,
    }
    by_hour = read_metrics.metric_series("cpu", from_ms=NOW, to_ms=NOW + DAY_MS, step="hour")
    assert [(row["count"], row["lowest"], row["highest"]) for row in by_hour] == [
        (120, 0, 89),
        (120, 60, 149),
    ]
    metrics.metrics_roll_up(time_ms=NOW + DAY_MS)
    (day,) = read_metrics.metric_series("cpu", from_ms=NOW, to_ms=NOW + DAY_MS, step="day")
    assert day["count"] == 240
    assert metrics.metrics_roll_up(time_ms=NOW + DAY_MS) == 0


def test_newest_metrics_and_single_values_are_read():
    metrics.metrics_append(values={"cpu": 1, "memory": 5}, time_ms=NOW)
    metrics.metrics_append(values={"cpu": 2}, time_ms=NOW + 5, key="machine")
    newest = read_metrics.metrics_newest(since_ms=NOW)
    assert newest == {"cpu": (2.0, NOW + 5), "memory": (5.0, NOW)}
    series = read_metrics.metric_series("cpu", from_ms=NOW, to_ms=NOW + 6)
    assert series == [{"time_ms": NOW, "value": 1.0}, {"time_ms": NOW + 5, "value": 2.0}]
    (event,) = events_after(since=0, topics=["system"])
    assert event.data == {"time_ms": NOW + 5, "cpu": 2}


def test_metrics_that_are_too_old_are_forgotten():
    metrics.metrics_append(values={"cpu": 1}, time_ms=NOW)
    metrics.metrics_roll_up(time_ms=NOW + 60_000)
    later = NOW + limits.METRICS_KEPT_S * 1000
    assert metrics.metrics_prune(time_ms=later) == 0
    assert metrics.metrics_prune(time_ms=later + 1) == 1
    assert metrics.metrics_prune(time_ms=NOW + limits.MINUTES_KEPT_S * 1000 + 1) == 1


def test_job_starts_gets_on_and_ends():
    job = executions.execution_start(kind="index", title="Indexing", total=10)
    executions.execution_progress(execution_id=job, done=4)
    executions.execution_end(execution_id=job)
    assert kinds("job") == ["started", "progressed", "ended"]
    row = standing.execution_find(job)
    assert row is not None
    assert (row["state"], row["done"], row["total"]) == ("done", 10, 10)
    assert row["ended_ms"] >= row["started_ms"]


def test_job_that_fails_says_why_and_one_that_is_unknown_is_refused():
    job = executions.execution_start(kind="index", title="Indexing")
    executions.execution_end(execution_id=job, state="failed", error="no disk")
    row = standing.execution_find(job)
    assert row is not None
    assert (row["state"], row["error"]) == ("failed", "no disk")
    with pytest.raises(RecordUnknown):
        executions.execution_progress(execution_id="x", done=1)
    assert standing.execution_find("x") is None


def test_jobs_that_ran_when_the_process_ended_are_lost():
    lost = executions.execution_start(kind="index", title="Indexing")
    other = executions.execution_start(kind="scan", title="Scanning")
    assert executions.executions_lose(kind="index") == 1
    rows = {row["id"]: row["state"] for row in standing.executions_page().rows}
    assert rows == {lost: "lost", other: "running"}
    assert executions.executions_lose() == 1


def test_oldest_jobs_are_forgotten(monkeypatch):
    monkeypatch.setattr(executions, "EXECUTIONS_KEPT", 2)
    jobs = [executions.execution_start(kind="a", title=str(n)) for n in range(5)]
    assert executions.executions_prune() == 0
    for job in jobs:
        executions.execution_end(execution_id=job)
    executions.executions_prune()
    assert standing.execution_find(jobs[4]) is not None
    assert standing.execution_find(jobs[0]) is None


def fill_log(count=60):
    for number in range(count):
        activity.activity_log(
            action="sign-in" if number % 2 else "payment",
            description=f"number {number}",
            severity=activity.SEVERITIES[number % 3],
            user=f"user-{number % 4}",
            time_ms=NOW + number // 2,
        )


def walk(**filters):
    cursor, rows = None, []
    while True:
        page = activity_page(cursor=cursor, limit=7, **filters)
        rows += page.rows
        cursor = page.cursor
        if cursor is None:
            return [int(row["description"].split()[1]) for row in rows]


@pytest.mark.parametrize(
    ("filters", "kept"),
    [
        ({}, lambda n: True),
        ({"severity": "warning"}, lambda n: n % 3 == 1),
        ({"action": "sign-in"}, lambda n: n % 2 == 1),
        ({"user": "user-2"}, lambda n: n % 4 == 2),
        ({"user": "user-2", "severity": "info"}, lambda n: n % 4 == 2 and n % 3 == 0),
        ({"user": "user-1", "action": "sign-in"}, lambda n: n % 4 == 1),
        ({"from_ms": NOW + 5, "to_ms": NOW + 20}, lambda n: 5 <= n // 2 < 20),
    ],
)
def test_log_is_walked_with_filters_the_newest_first(filters, kept):
    fill_log()
    assert walk(**filters) == [n for n in reversed(range(60)) if kept(n)]


def test_log_page_takes_one_query_and_is_told_of():
    fill_log(10)
    with CaptureQueriesContext(connection) as queries:
        activity_page(user="user-1")
    assert len(queries) == 1
    assert len(kinds("activity")) == 10


@pytest.mark.parametrize(
    ("filters", "index"),
    [
        ({}, "activities_time"),
        ({"severity": "info"}, "activities_severity"),
        ({"action": "sign-in"}, "activities_by_action"),
        ({"user": "user-1"}, "activities_by_user"),
        ({"severity": "info", "action": "sign-in"}, "activities_by_action"),
        ({"severity": "info", "user": "user-1"}, "activities_by_user"),
        ({"user": "user-1", "action": "sign-in"}, "activities_by_both"),
        ({"severity": "info", "user": "user-1", "action": "sign-in"}, "activities_by_both"),
    ],
)
def test_every_filter_has_an_index_that_is_read_in_order(filters, index):
    if connection.vendor != "sqlite":
        return
    fill_log(600)
    setup.refresh_statistics()
    with CaptureQueriesContext(connection) as queries:
        activity_page(**filters, cursor=f"{NOW + 200}.400")
    (statement,) = [found["sql"] for found in queries.captured_queries]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {statement}")
        plan = " ".join(str(row) for row in cursor.fetchall())
    assert index in plan
    assert "TEMP B-TREE" not in plan


def test_unknown_severity_is_refused():
    with pytest.raises(ChoiceUnknown):
        activity.activity_log(action="a", description="b", severity="loud")


def test_oldest_lines_of_the_log_are_forgotten(monkeypatch):
    assert activity.activity_prune() == 0
    fill_log(10)
    monkeypatch.setattr(activity, "ACTIVITY_KEPT", 4)
    assert activity.activity_prune() == 6
    assert walk() == [9, 8, 7, 6]
