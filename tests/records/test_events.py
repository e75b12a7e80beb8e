"""The journal: numbers without gap or repeat, whoever writes and whatever fails."""

import threading

import pytest
from django.db import connections, transaction

from chaindeck.records.bulk import run
from chaindeck.records.limits import EVENTS_KEPT_S, EVENTS_LEAST, EVENTS_MOST, MAX_EVENT_BYTES
from chaindeck.records.selectors.events import events_after, events_bounds
from chaindeck.records.services.events import EventDraft, events_append, events_prune

pytestmark = pytest.mark.usefixtures("database")


def append(count=1, **options):
    drafts = [EventDraft("status", "changed", "status", {"n": n}) for n in range(count)]
    with transaction.atomic():
        return events_append(drafts=drafts, **options)


def fail():
    """Write an event in a transaction that is given up."""
    with transaction.atomic():
        events_append(drafts=[EventDraft("status", "changed", "status", {})])
        transaction.set_rollback(True)


def test_events_count_from_one():
    assert [row.seq for row in append(3)] == [1, 2, 3]
    assert [row.seq for row in append(2)] == [4, 5]
    assert [row.data["n"] for row in events_after(since=2)] == [2, 0, 1]
    assert [row.seq for row in events_after(since=1, limit=2)] == [2, 3]


def test_a_transaction_that_fails_gives_its_numbers_back():
    append()
    fail()
    assert append()[0].seq == 2
    assert events_bounds().last == 2


def test_events_outside_a_transaction_are_a_mistake():
    with pytest.raises(AssertionError, match="transaction"):
        events_append(drafts=[EventDraft("status", "changed", "status", {})])


@pytest.mark.parametrize(
    "draft",
    [
        EventDraft("status", "gone", "status", {}),
        EventDraft("status", "changed", "status", {"x": "y" * MAX_EVENT_BYTES}),
    ],
)
def test_event_that_nobody_expects_is_a_mistake(draft):
    with pytest.raises(AssertionError), transaction.atomic():
        events_append(drafts=[draft])


def test_only_topics_that_are_asked_for_are_read():
    append()
    with transaction.atomic():
        events_append(drafts=[EventDraft("pool", "changed", "pool", {})])
    assert [row.topic for row in events_after(since=0, topics=["pool"])] == ["pool"]
    assert events_after(since=0, topics=[]) == []
    assert len(events_after(since=0, topics=["pool", "status"])) == 2


def test_writers_at_the_same_time_leave_no_gap():
    def write():
        for number in range(20):
            if number % 5:
                append(2)
                continue
            fail()
        connections.close_all()

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [row.seq for row in events_after(since=0)] == list(range(1, 4 * 16 * 2 + 1))


def test_epoch_is_made_with_the_database_and_stays():
    before = events_bounds()
    append()
    assert events_bounds().epoch == before.epoch
    assert len(before.epoch) == 32
    assert (before.first, before.last) == (1, 0)


def fill(count, time_ms):
    """Put events in at once, as an installation has them after a while."""
    run(
        "INSERT INTO events (seq, time_ms, topic, kind, key, data) WITH RECURSIVE n(i) AS"
        " (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %s)"
        " SELECT i, %s, 'pool', 'changed', 'pool', '{}' FROM n",
        [count, time_ms],
    )
    run("UPDATE journal SET last_seq = %s", [count])


def prune_all(now):
    while events_prune(time_ms=now):
        pass
    bounds = events_bounds()
    return bounds.last - bounds.first + 1


def test_old_events_are_kept_while_they_are_few():
    assert events_prune() == 0
    fill(EVENTS_LEAST + 7, 0)
    assert prune_all(EVENTS_KEPT_S * 1000 + 1) == EVENTS_LEAST


def test_events_of_the_last_day_are_kept():
    fill(EVENTS_LEAST + 7, 0)
    assert prune_all(EVENTS_KEPT_S * 1000) == EVENTS_LEAST + 7


def test_events_of_the_last_day_are_not_kept_without_limit():
    fill(EVENTS_MOST + 7, 0)
    assert prune_all(0) == EVENTS_MOST
