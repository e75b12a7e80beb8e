"""What the control room says while a part of the whole is away, and that all of it comes back.

Every cell of the table in docs/control.md: two addresses of the API, the health check, the live
channel and the two named ones; without the coordinator, one node, all nodes, Redis, PostgreSQL.
"""

from __future__ import annotations

import itertools
import time
from datetime import datetime

import pytest

from tests.control.decks import LIMIT_S, Deck, Ear, Frame, deck
from tests.coordinator.processes import wait_for

pytestmark = [pytest.mark.needs("postgres"), pytest.mark.needs("redis")]
NAMED = ("status", "dashboard")


@pytest.fixture(scope="module")
def whole():
    with deck() as made:
        yield made


@pytest.fixture
def well(whole):
    """Everything runs, before a test and after it; with a line that hears all of it."""
    expect_well(whole)
    live = whole.listen()
    live.wait(lambda frame: frame["type"] == "hello")
    yield whole, live
    expect_well(whole)
    live.close()


def expect_well(whole: Deck) -> None:
    def is_well() -> bool:
        found = whole.status()
        return (
            found["node_status"] == "up"
            and found["coordinator"]["running"]
            and set(found["coordinator"]["components"].values()) == {"well"}
            and found["coordinator"]["problems"] == {}
            and whole.stats()["health"] == "healthy"
        )

    wait_for(is_well, LIMIT_S)
    assert whole.is_alive()
    assert whole.stats()["error"] is None


def expect_named(whole: Deck, is_so) -> None:
    """Both named channels say so on connecting, which is what `/api/status/` says."""
    for name in NAMED:
        ear = whole.named(name)
        assert ear.wait(lambda _: True)["type"] == "status_update"
        deadline_s = time.monotonic() + LIMIT_S
        while not is_so(ear.frames[-1]["data"]):
            assert time.monotonic() < deadline_s, ear.frames[-1]
            seen = len(ear.frames)
            ear.say({"type": "get_status"})
            ear.wait(lambda frame: frame["type"] == "status_update", seen)
        ear.close()


def is_event(topic: str, **data: object):
    """A frame with an event of a topic whose data has some values."""

    def is_it(frame: Frame) -> bool:
        return frame["type"] == "events" and any(
            event["topic"] == topic
            and all(event["data"].get(name) == value for name, value in data.items())
            for event in frame["events"]
        )

    return is_it


def expect_no_gap(live: Ear) -> None:
    assert not [frame for frame in live.frames if frame["type"] == "gap"]
    assert all(after == before + 1 for before, after in itertools.pairwise(live.numbers))


def test_coordinator_that_is_away_is_said_to_be_and_nothing_it_told_is_lost(well):
    whole, live = well
    whole.coordinator.kill()
    away = live.wait(lambda frame: frame["type"] == "source" and frame["state"] == "away")
    assert away["since_ms"] <= time.time_ns() // 1_000_000
    status = whole.status()
    assert status["coordinator"] == {
        "running": False,
        "pid": None,
        "uptime": None,
        "components": {},
        "problems": {},
    }
    # Nobody looks at the nodes; how they were seen last stays, with its time.
    assert status["node_status"] == "unknown"
    assert [row["state"] for row in status["nodes"]] == ["up", "up"]
    assert status["last_updated"]
    stats = whole.stats()
    assert (stats["health"], stats["stats"]["uptime"]) == ("unknown", 0.0)
    assert "nobody answers" in stats["error"]
    assert whole.is_alive()
    expect_named(whole, lambda data: data["coordinator"]["running"] is False)
    seen = len(live.frames)
    whole.coordinator.start()
    live.wait(lambda frame: frame == {"type": "source", "state": "live"}, seen)
    live.wait(is_event("network"), seen)
    expect_no_gap(live)


def test_web_that_starts_without_the_coordinator_says_of_when_records_are(well):
    whole, _ = well
    whole.coordinator.kill()
    whole.web.stop()
    whole.web.start()
    try:
        hello = whole.listen().wait(lambda frame: frame["type"] == "hello")
        heard = datetime.fromisoformat(whole.status()["last_updated"])
        since_ms = round(heard.timestamp() * 1_000)
        assert hello["source"] == {"state": "away", "since_ms": since_ms}
    finally:
        whole.coordinator.start()


def test_node_that_is_away_is_down_and_the_rest_goes_on(well):
    whole, live = well
    whole.nodes[1].kill()
    live.wait(is_event("node", name="node-2", state="down"))
    live.wait(is_event("status", nodes={"node-1": "up", "node-2": "down"}))
    status = whole.status()
    assert status["node_status"] == "degraded"
    assert [(row["name"], row["is_active"]) for row in status["nodes"]] == [
        ("node-1", True),
        ("node-2", False),
    ]
    assert status["chains"][0]["problem"] is None
    stats = whole.stats()
    assert (stats["health"], stats["error"]) == ("degraded", None)
    assert whole.is_alive()
    expect_named(whole, lambda data: data["node_status"] == "degraded")
    whole.nodes[0].post("/api/mine", {"blocks": 1})
    live.wait(is_event("chain", behind=0, height=1))
    seen = len(live.frames)
    whole.nodes[1].start()
    live.wait(is_event("node", name="node-2", state="up"), seen)
    expect_no_gap(live)


def test_without_any_node_the_index_says_that_nobody_can_be_followed(well):
    whole, live = well
    for item in whole.nodes:
        item.kill()
    live.wait(is_event("node", name="node-1", state="down"))
    live.wait(is_event("node", name="node-2", state="down"))

    def is_told() -> bool:
        return "following" in whole.status()["coordinator"]["problems"]

    wait_for(is_told, LIMIT_S)
    status = whole.status()
    assert status["node_status"] == "down"
    assert status["coordinator"]["components"]["following"] == "sick"
    assert "(coordinator-no-node)" in status["chains"][0]["problem"]
    stats = whole.stats()
    assert (stats["health"], stats["error"]) == ("degraded", None)
    assert whole.is_alive()
    expect_named(whole, lambda data: data["node_status"] == "down")
    seen = len(live.frames)
    for item in whole.nodes:
        item.start()
    live.wait(is_event("status", nodes={"node-1": "up", "node-2": "up"}), seen)
    expect_no_gap(live)


def test_redis_that_is_away_at_the_start_or_dies_later_costs_no_page_anything(well):
    whole, live = well
    assert whole.coordinator.stop() == 0
    whole.redis.stop()
    whole.coordinator.start()
    expect_without_redis(whole)
    whole.redis.start()
    expect_well(whole)
    whole.redis.stop()
    expect_without_redis(whole)
    seen = len(live.frames)
    live.wait(is_event("network"), seen)
    whole.redis.start()
    expect_no_gap(live)


def expect_without_redis(whole: Deck) -> None:
    """One component is sick, and all else is as ever."""

    def is_so(status: Frame) -> bool:
        state: str | None = status["coordinator"]["components"].get("redis")
        return state == "sick"

    wait_for(lambda: is_so(whole.status()), LIMIT_S)
    status = whole.status()
    assert list(status["coordinator"]["problems"]) == ["redis"]
    assert "Redis does not take events now" in status["coordinator"]["problems"]["redis"]
    assert (status["node_status"], status["coordinator"]["running"]) == ("up", True)
    assert (whole.stats()["health"], whole.stats()["error"]) == ("degraded", None)
    assert whole.is_alive()
    expect_named(whole, is_so)


def test_postgres_that_is_away_is_said_to_be_and_lines_go_on_where_they_were(well):
    whole, live = well
    named = {name: whole.named(name) for name in NAMED}
    for ear in named.values():
        ear.wait(lambda frame: frame["type"] == "status_update")
    live.wait(is_event("network"))
    epoch = live.wait(lambda frame: frame["type"] == "hello")["epoch"]
    whole.postgres.stop()
    try:
        for path in ("/api/status/", "/api/stats/", "/api/nodes"):
            assert whole.refusal(path) == (503, "records-away")
        assert whole.is_alive()
        cookie = f"chaindeck_session={'a' * 32}"
        assert whole.web.get("/health", cookie=cookie)[0] == 200
        status, _, page = whole.web.get("/network/", cookie=cookie)
        assert (status, b"Records do not answer" in page) == (503, True)
        expect_refused(whole)
        for ear in named.values():
            ear.wait(lambda frame: "records do not answer" in frame.get("message", ""))
        # Who listens is looked at again with each beat, and that cannot be done now.
        for ear in (live, *named.values()):
            assert ear.wait_closed() == 1013
    finally:
        whole.postgres.start()
    expect_well(whole)
    again = whole.listen(epoch, live.numbers[-1])
    again.wait(is_event("network"))
    assert again.numbers[0] == live.numbers[-1] + 1
    expect_no_gap(live)
    expect_no_gap(again)
    expect_named(whole, lambda data: data["node_status"] == "up")


def expect_refused(whole: Deck) -> None:
    """No line is opened: nobody can say whose it is."""
    for ear in (whole.listen(), *map(whole.named, NAMED)):
        assert ear.wait_closed() == 1013
        assert ear.frames == []


def test_postgres_that_is_restarted_is_used_again_by_all(well):
    whole, live = well
    whole.postgres.stop()
    whole.postgres.start()
    expect_well(whole)
    live.wait(is_event("network"), len(live.frames))
    expect_no_gap(live)
