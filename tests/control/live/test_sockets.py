"""Lines over a real server: who may open one, what it says, and when it ends."""

import asyncio
import json
import time

import pytest
from asgiref.sync import sync_to_async
from django.contrib.sessions.models import Session
from websockets.asyncio.client import connect

from chaindeck.control.live import channel, hub, line, named, sockets
from chaindeck.control.live.sockets import ADDRESSES
from chaindeck.records.bulk import moment
from chaindeck.records.services import people
from chaindeck.records.services.people import token_create, token_revoke
from tests.control.house import Visitor
from tests.control.live.scripted import (
    ScriptedCoordinator,
    closed_with,
    come_true,
    hear,
    hear_events,
    serving,
    subscribe,
)

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def viewer(database):
    return Visitor("viewer")


@pytest.fixture
def token(viewer):
    return token_create(owner=viewer.person, name="t", scopes=("read",))[1]


def by_token(served, token, path="/ws/live"):
    return served.open(path, authorization=f"Bearer {token}")


async def test_page_hears_what_happens_in_order_and_only_what_it_asked_for(viewer):
    coordinator = ScriptedCoordinator()
    async with serving(coordinator) as served, served.as_page(viewer.session_key) as line:
        hello = await subscribe(line, "block")
        assert (hello["epoch"], hello["seq"], hello["source"]["state"]) == ("e1", 0, "live")
        for topic in ("block", "activity", "block"):
            await coordinator.tell(topic)
        assert await hear_events(line, 3) == [1, 3]
        await line.send(json.dumps({"type": "unsubscribe", "topics": ["block"]}))
        await line.send(json.dumps({"type": "subscribe", "topics": ["job"]}))
        await come_true(lambda: {r.topics for r in served.hub._readers} == {frozenset({"job"})})
        await coordinator.tell("block")
        await coordinator.tell("job")
        assert await hear_events(line, 5) == [5]


async def test_page_gets_a_snapshot_of_states_and_then_what_changes(token):
    coordinator = ScriptedCoordinator()
    await coordinator.tell("node", "n1", height=1)
    await coordinator.tell("node", "n1", height=2)
    await coordinator.tell("node", "n2", height=2)
    async with serving(coordinator) as served, by_token(served, token) as line:
        await subscribe(line, "node")
        snapshot = await hear(line, "snapshot")
        assert [event["seq"] for event in snapshot["events"]] == [2, 3]
        await coordinator.tell("node", "n1", kind="removed")
        assert await hear_events(line, 4) == [4]
        async with by_token(served, token) as other:
            await subscribe(other, "node")
            snapshot = await hear(other, "snapshot")
            assert [event["key"] for event in snapshot["events"]] == ["n2"]


async def test_page_that_comes_back_gets_what_it_missed_and_nothing_twice(token):
    coordinator = ScriptedCoordinator()
    await coordinator.tell("block", count=5)
    async with serving(coordinator) as served:
        async with by_token(served, token) as line:
            await subscribe(line, "block", epoch="e1", since=2)
            assert await hear_events(line, 5) == [3, 4, 5]
        await coordinator.tell("block", count=3)
        async with by_token(served, token) as line:
            await subscribe(line, "block", epoch="e1", since=5)
            await coordinator.tell("block")
            assert await hear_events(line, 9) == [6, 7, 8, 9]


async def test_page_that_comes_back_after_a_restart_of_the_web_has_no_gap(token):
    coordinator = ScriptedCoordinator()
    await coordinator.tell("block", count=5)
    for _ in range(2):
        async with serving(coordinator) as served, by_token(served, token) as line:
            await line.send(
                json.dumps({"type": "subscribe", "topics": ["block"], "epoch": "e1", "since": 3})
            )
            assert (await hear(line))["type"] == "hello"
            assert [event["seq"] for event in (await hear(line))["events"]] == [4, 5]


@pytest.mark.parametrize(("epoch", "since"), [("e0", 3), ("e1", 99), ("e1", 0), ("e1", -5)])
async def test_place_that_nobody_knows_is_a_gap_with_a_snapshot(epoch, since, token):
    coordinator = ScriptedCoordinator()
    await coordinator.tell("node", "n1", count=5)
    await coordinator.forget()
    async with serving(coordinator) as served, by_token(served, token) as line:
        await subscribe(line, "node", "block", epoch=epoch, since=since)
        gap = await hear(line, "gap")
        assert (gap["topics"], gap["seq"]) == (["block", "node"], 5)
        assert (await hear(line))["type"] == "snapshot"


async def test_another_epoch_is_a_gap_for_who_listens(token):
    coordinator = ScriptedCoordinator()
    await coordinator.tell("block")
    async with serving(coordinator) as served, by_token(served, token) as line:
        await subscribe(line, "block", "node")
        await coordinator.begin_anew("e2")
        assert (await hear(line, "gap"))["seq"] == 0
        await coordinator.tell("block")
        assert await hear_events(line, 1) == [1]
        assert served.hub.epoch == "e2"


async def test_coordinator_that_leaves_and_returns_is_told_of_and_nothing_is_lost(token):
    coordinator = ScriptedCoordinator()
    async with serving(coordinator) as served, by_token(served, token) as line:
        await subscribe(line, "block")
        await coordinator.leave()
        away = await hear(line, "source")
        assert away["state"] == "away"
        assert away["since_ms"] == served.hub.heard_ms
        async with by_token(served, token) as late:
            assert (await subscribe(late, "block"))["source"]["state"] == "away"
        await coordinator.tell("block", count=3)
        await coordinator.come_back()
        assert (await hear(line, "source"))["state"] == "live"
        assert await hear_events(line, 3) == [1, 2, 3]


async def test_coordinator_is_away_since_its_last_word_and_not_since_the_web_asks(token):
    coordinator = ScriptedCoordinator()
    assert hub.LiveHub(coordinator).source() == {"state": "away", "since_ms": None}
    assert hub.LiveHub(coordinator, 55).source() == {"state": "away", "since_ms": 55}
    async with serving(coordinator) as served, by_token(served, token) as line:
        await subscribe(line, "block")
        before = served.hub.heard_ms
        await come_true(lambda: time.time_ns() // 1_000_000 > before)
        await coordinator.tell("block")
        await hear_events(line, 1)
        heard_ms = served.hub.heard_ms
        assert heard_ms > before
        await come_true(lambda: time.time_ns() // 1_000_000 > heard_ms)
        await coordinator.leave()
        assert await hear(line, "source") == {
            "type": "source",
            "state": "away",
            "since_ms": heard_ms,
        }


async def test_page_from_before_the_coordinator_first_answered_is_told_to_begin(token, monkeypatch):
    monkeypatch.setattr(channel, "LIVE_SETTLE_S", 0.01)
    coordinator = ScriptedCoordinator()
    await coordinator.tell("node", "n1")
    await coordinator.leave()
    async with serving(coordinator) as served, by_token(served, token) as line:
        hello = await subscribe(line, "node")
        assert (hello["epoch"], hello["source"]["state"]) == ("", "away")
        await coordinator.come_back()
        assert (await hear(line, "gap"))["seq"] == 1
        assert [e["seq"] for e in (await hear(line, "snapshot"))["events"]] == [1]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "frame-malformed"),
        ("[]", "frame-malformed"),
        ('{"a":' + "[" * 30_000, "frame-malformed"),
        (b"\xff\xfe", "frame-malformed"),
        ('{"type":"subscribe","topics":"block"}', "topic-unknown"),
        ('{"type":"subscribe","topics":[["block"]]}', "topic-unknown"),
        ('{"type":"subscribe","topics":["nothing"]}', "topic-unknown"),
        ('{"type":"subscribe","topics":[7]}', "topic-unknown"),
        ('{"type":"shout"}', "type-unknown"),
        ('{"type":["subscribe"]}', "type-unknown"),
    ],
)
async def test_malformed_frame_is_answered_and_the_line_stays(text, code, token):
    coordinator = ScriptedCoordinator()
    async with serving(coordinator) as served, by_token(served, token) as line:
        await line.send(text)
        assert (await hear(line, "error"))["code"] == code
        await subscribe(line, "block", epoch=7, since="x")
        await coordinator.tell("block")
        assert await hear_events(line, 1) == [1]


async def test_frame_that_is_too_large_ends_the_line_and_no_other(token):
    coordinator = ScriptedCoordinator()
    async with serving(coordinator) as served, by_token(served, token) as good:
        await subscribe(good, "block")
        async with by_token(served, token) as bad:
            await bad.send("x" * 100_000)
            assert await closed_with(bad) == 1009
        await coordinator.tell("block")
        assert await hear_events(good, 1) == [1]


async def test_flood_of_nonsense_is_answered_in_full_and_bounded(token):
    coordinator = ScriptedCoordinator()
    async with serving(coordinator) as served, by_token(served, token) as line:

        async def shout() -> None:
            for _ in range(2_000):
                await line.send("{")

        shouting = asyncio.create_task(shout())
        for _ in range(2_000):
            assert (await hear(line))["type"] == "error"
        await shouting


async def test_foreign_pages_are_refused_on_another_port_too(viewer):
    async with serving(ScriptedCoordinator()) as served:
        key = viewer.session_key
        async with served.as_page(key, port=served.port + 1) as line:
            assert await closed_with(line) == 4403
        cookie = f"chaindeck_session={key}"
        for origin in ("null", "https://127.0.0.1", f"https://127.0.0.1:{served.port}", None):
            async with served.open(origin=origin, cookie=cookie) as line:
                assert await closed_with(line) == 4403
        url = f"ws://127.0.0.1:{served.port}/ws/live"
        headers = {"cookie": cookie, "host": "evil.example"}
        async with connect(
            url, origin="http://evil.example", additional_headers=headers, compression=None
        ) as line:
            assert await closed_with(line) == 4403


@pytest.mark.parametrize("cookie", ["", "chaindeck_session=none", 'a="\\', "chaindeck_session="])
async def test_nobody_without_a_session_or_token_listens(cookie):
    async with serving(ScriptedCoordinator()) as served:
        origin = f"http://127.0.0.1:{served.port}"
        async with served.open(origin=origin, cookie=cookie) as line:
            assert await closed_with(line) == 4401
        async with by_token(served, "cdw_none") as line:
            assert await closed_with(line) == 4401


async def test_address_that_is_none_is_closed(token):
    async with serving(ScriptedCoordinator()) as served, by_token(served, token, "/ws/x") as line:
        assert await closed_with(line) == 4404


async def test_token_that_has_ended_opens_no_line(viewer, token):
    await sync_to_async(_change)("expired", viewer)
    async with serving(ScriptedCoordinator()) as served, by_token(served, token) as line:
        assert await closed_with(line) == 4401


async def test_first_password_opens_no_line(database):
    new = await sync_to_async(Visitor)("viewer", "new", must_change=True)
    key = new.client.cookies["chaindeck_session"].value
    async with serving(ScriptedCoordinator()) as served, served.as_page(key) as line:
        assert await closed_with(line) == 4403


async def test_too_many_lines_of_one_person_are_turned_away(token, monkeypatch):
    monkeypatch.setattr(sockets, "LIVE_MAX_LINES_OF_ONE", 1)
    async with serving(ScriptedCoordinator()) as served:
        async with by_token(served, token) as first:
            await subscribe(first, "block")
            async with by_token(served, token) as second:
                assert await closed_with(second) == 4429
        await come_true(lambda: served.sockets.lines == 0)
        async with by_token(served, token) as third:
            await subscribe(third, "block")


async def test_lines_end_within_a_second_of_what_the_same_process_does(viewer, token):
    key = viewer.client.cookies["chaindeck_session"].value
    async with (
        serving(ScriptedCoordinator()) as served,
        served.as_page(key) as page,
        by_token(served, token) as program,
    ):
        await subscribe(page, "block")
        await subscribe(program, "block")
        started_s = time.monotonic()
        served.sockets.end_lines(person_id=viewer.person.pk, session_key=key)
        assert await closed_with(page) == 4401
        assert time.monotonic() - started_s < 1
        assert served.sockets.lines == 1
        served.sockets.end_lines(person_id=viewer.person.pk)
        assert await closed_with(program) == 4401


@pytest.mark.parametrize(
    "what", ["logout", "password", "role", "disabled", "token", "expired", "session", "database"]
)
async def test_lines_end_by_themselves_after_what_another_process_does(
    what, viewer, token, monkeypatch
):
    monkeypatch.setattr(sockets, "LIVE_BEAT_S", 0.05)
    async with serving(ScriptedCoordinator()) as served:
        is_program = what in ("token", "expired", "role")
        line_of = (
            by_token(served, token)
            if is_program
            else served.as_page(viewer.client.cookies["chaindeck_session"].value)
        )
        async with line_of as line:
            await subscribe(line, "block")
            assert (await hear(line, "beat"))["seq"] == 0
            if what == "database":
                from django.db import OperationalError

                from chaindeck.records.models import Person

                def fail(**_):
                    raise OperationalError("it is away")

                monkeypatch.setattr(Person.objects, "filter", fail)
                assert await closed_with(line) == 1013
                return
            await sync_to_async(_change)(what, viewer)
            assert await closed_with(line) == 4401


def _change(what, viewer) -> None:
    match what:
        case "logout":
            viewer.client.post("/sign-out")
        case "password":
            people.person_set_password(username="viewer", password="another long password")
        case "role":
            people.person_create(username="boss", role="admin")
            people.person_set_role(username="viewer", role="operator")
        case "disabled":
            people.person_set_active(username="viewer", is_active=False)
        case "token":
            token_revoke(token_id=viewer.person.tokens.get().pk)
        case "expired":
            viewer.person.tokens.update(expires=moment(0))
        case "session":
            Session.objects.update(expire_date=moment(0))


async def test_stop_of_the_process_says_come_back_at_once(token):
    async with serving(ScriptedCoordinator()) as served:
        line = await by_token(served, token)
        await subscribe(line, "block")
    assert await closed_with(line) == 1012


async def test_reader_that_takes_nothing_is_cut_and_others_miss_nothing(token, monkeypatch):
    monkeypatch.setattr(line, "LIVE_SEND_LIMIT_S", 0.3)
    monkeypatch.setattr(line, "LIVE_CLOSE_S", 0.1)
    coordinator = ScriptedCoordinator()
    async with serving(coordinator) as served, by_token(served, token) as good:
        await subscribe(good, "activity")
        async with by_token(served, token) as slow:
            await subscribe(slow, "activity")
            slow.transport.pause_reading()
            heard = asyncio.create_task(hear_events(good, 400))
            for _ in range(400):
                await coordinator.tell("activity", text="x" * 60_000)
                await asyncio.sleep(0)
            assert await heard == list(range(1, 401))
            await come_true(lambda: served.sockets.lines == 1)
            slow.transport.resume_reading()


async def test_reader_too_far_behind_is_told_so(token, monkeypatch):
    from chaindeck.control.live import outbox

    monkeypatch.setattr(outbox, "LIVE_BEHIND_BYTES", 50_000)
    coordinator = ScriptedCoordinator()
    async with serving(coordinator) as served, by_token(served, token) as line:
        await subscribe(line, "activity")
        await coordinator.tell("activity", text="x" * 20_000, count=10)
        assert await closed_with(line) == 4408


async def test_states_of_many_keys_are_bounded(monkeypatch):
    monkeypatch.setattr(hub, "LIVE_STATE_KEYS", 2)
    coordinator = ScriptedCoordinator()
    async with serving(coordinator) as served:
        for key in "abc":
            await coordinator.tell("node", key)
        await come_true(lambda: served.hub.seq == 3)
        assert [packed.event.key for packed in served.hub.snapshot("node")] == ["b", "c"]


@pytest.mark.parametrize("path", sorted(ADDRESSES - {"/ws/live"}))
async def test_named_channel_tells_standing_answers_and_pushes(path, token, monkeypatch):
    monkeypatch.setattr(named, "STATUS_PERIOD_S", 0.2)
    coordinator = ScriptedCoordinator()
    async with serving(coordinator) as served, by_token(served, token, path) as line:
        for _ in range(2):
            update = await hear(line, "status_update")
            assert update["data"]["coordinator"]["running"] is True
            assert update["data"]["files"]["state"] == "not_set_up"
        for asked, answered in (("get_logs", "logs_update"), ("get_alerts", "alerts_update")):
            await line.send(json.dumps({"type": asked}))
            assert (await hear(line, answered))["data"] == []
        for bad in ("{", '{"type":"x"}', '{"type":["x"]}'):
            await line.send(bad)
            assert (await hear(line, "error"))["message"]
        await coordinator.tell("activity", action="sign-in", severity="info")
        assert (await hear(line, "activity_update"))["data"]["action"] == "sign-in"
        await coordinator.tell("activity", action="intrusion", severity="critical")
        assert (await hear(line, "security_alert"))["data"]["action"] == "intrusion"


async def test_named_channel_says_that_the_coordinator_is_away(token, monkeypatch):
    monkeypatch.setattr(named, "STANDING_FRESH_S", 0)
    coordinator = ScriptedCoordinator()
    await coordinator.leave()
    async with serving(coordinator) as served, by_token(served, token, "/ws/status/") as line:
        assert (await hear(line, "status_update"))["data"]["coordinator"]["running"] is False
