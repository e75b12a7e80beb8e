"""Peers are shown, added, dropped, barred and recorded as an operator orders."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from chaindeck.node.limits import CAPTURE_MAX_S
from chaindeck.protocol.recording import replay
from chaindeck.protocol.records import read_records
from tests.node.api.serving import WAIT_S, Api, serving

FAR = "192.0.2.7:9000"
"""An address that is nobody's."""


@pytest.fixture
def two(tmp_path):
    with serving(tmp_path / "one") as one, serving(tmp_path / "two") as other:
        yield one, other


def until(condition) -> None:
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline, "it never came to pass"
        time.sleep(0.005)


def peers(api: Api):
    return api.get("/api/peers").json


def linked(api: Api) -> int:
    count: int = api.get("/api/status").json["peers"]["linked"]
    return count


def test_peer_is_linked_shown_and_dropped(two):
    one, other = two
    where = peers(other)["listens_at"]
    assert one.command("/api/peers", {"address": where}) == {"address": where, "done": "added"}
    until(lambda: linked(one) == linked(other) == 1)
    (seen,) = peers(one)["peers"]
    assert (seen["address"], seen["direction"], seen["source"]) == (where, "outbound", "static")
    assert seen["key"] == peers(other)["node_key"]
    path = f"/api/peers?address={where}&bar_s=600"
    assert one.ask("DELETE", path, token=one.cookie).json["done"] == "barred"
    until(lambda: linked(one) == 0)
    until_ms = peers(one)["barred"][where]
    assert abs(until_ms - time.time() * 1_000 - 600_000) < 60_000
    path = f"/api/peers?address={where}"
    assert one.ask("DELETE", path, token=one.cookie).json["done"] == "dropped"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"address": "10.0.0.7:99999"}, 422, "config-peer"),
        ({"address": "no such host!"}, 422, "config-peer"),
        ({"address": "nowhere.invalid"}, 422, "peer-name-unknown"),
        ({"address": ""}, 422, "json-shape"),
        ({"address": "a" * 301}, 422, "json-shape"),
        ({"address": FAR, "port": 1}, 422, "json-shape"),
        ({}, 422, "json-shape"),
    ],
)
def test_what_is_no_peer_is_refused(api, body, status, code):
    answer = api.post("/api/peers", body, token=api.cookie)
    assert (answer.status, answer.code) == (status, code)


@pytest.mark.parametrize("bar_s", [-1, 31_536_001, "long"])
def test_bar_has_a_length(api, bar_s):
    answer = api.ask("DELETE", f"/api/peers?address={FAR}&bar_s={bar_s}", token=api.cookie)
    assert (answer.status, answer.code) == (400, "api-parameter")


@pytest.mark.parametrize("bar_s", [0, 31_536_000])
def test_bar_may_have_any_length_up_to_a_year(fresh, bar_s):
    path = f"/api/peers?address={FAR}&bar_s={bar_s}"
    assert fresh.ask("DELETE", path, token=fresh.cookie).status == 200
    assert len(peers(fresh)["barred"]) == bool(bar_s)


def test_capture_is_started_told_of_and_ended(fresh):
    started = fresh.command("/api/admin/capture", {"seconds": 60})
    assert started["is_running"]
    assert started["steps"] >= 1
    again = fresh.post("/api/admin/capture", {"seconds": 60}, token=fresh.cookie)
    assert (again.status, again.code) == (409, "capture-running")
    ended = fresh.ask("DELETE", "/api/admin/capture", token=fresh.cookie).json
    path = Path(ended["path"])
    assert (ended["is_running"], ended["path"]) == (False, started["path"])
    assert ended["bytes"] == path.stat().st_size
    with path.open("rb") as file:
        result = replay(read_records(file.read))
    assert (result.steps, result.difference) == (ended["steps"], None)


def test_capture_of_no_length_ends_the_one_that_runs(fresh):
    fresh.command("/api/admin/capture", {"seconds": CAPTURE_MAX_S})
    assert not fresh.command("/api/admin/capture", {"seconds": 0})["is_running"]
    for answer in (
        fresh.post("/api/admin/capture", {"seconds": 0}, token=fresh.cookie),
        fresh.ask("DELETE", "/api/admin/capture", token=fresh.cookie),
    ):
        assert (answer.status, answer.code) == (404, "capture-missing")


@pytest.mark.parametrize("seconds", [-1, CAPTURE_MAX_S + 1, 0.5, "1", None])
def test_capture_has_a_length(api, seconds):
    answer = api.post("/api/admin/capture", {"seconds": seconds}, token=api.cookie)
    assert (answer.status, answer.code) == (422, "json-shape")


def test_peers_are_events_of_the_feed(two):
    one, other = two
    with one.follow("?topics=peer") as reader:
        assert '"hello"' in reader.recv(WAIT_S)
        one.command("/api/peers", {"address": peers(other)["listens_at"]})
        assert '"peer ready"' in reader.recv(WAIT_S)
