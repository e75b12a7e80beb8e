"""Addresses and methods that are not there, and those that every address has."""

import pytest

from chaindeck.node.api.table import list_routes
from chaindeck.node.errors import MethodUnknown, PathUnknown
from tests.node.api.serving import serving


@pytest.mark.parametrize(
    "path", ["/", "/api", "/api/", "/api/statu", "/api/status/", "/API/STATUS", "//"]
)
def test_unknown_address_is_not_found(api, path):
    answer = api.get(path)
    assert (answer.status, answer.code) == (404, PathUnknown.code)
    assert api.ask("OPTIONS", path).status == 404


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/api/status", "GET, HEAD, OPTIONS"),
        ("DELETE", "/api/transactions", "GET, HEAD, OPTIONS, POST"),
        ("GET", "/api/mine", "OPTIONS, POST"),
        ("HEAD", "/api/mine", "OPTIONS, POST"),
        ("PUT", "/api/block/1", "GET, HEAD, OPTIONS"),
        ("TRACE", "/health", "GET, HEAD, OPTIONS"),
    ],
)
def test_wrong_method_names_the_right_ones(api, method, path, allowed):
    answer = api.ask(method, path)
    assert (answer.status, answer.headers["allow"]) == (405, allowed)
    if method != "HEAD":
        assert answer.code == MethodUnknown.code


@pytest.mark.parametrize("path", ["/health", "/api/status", "/api/block/0", "/nothing"])
def test_head_is_get_without_a_body(api, path):
    head, got = api.ask("HEAD", path), api.get(path)
    assert (head.status, head.body) == (got.status, b"")
    assert head.headers["content-type"] == got.headers["content-type"]


def test_answers_are_not_kept_by_caches_nor_guessed_at(api):
    headers = api.get("/api/status").headers
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"


def test_node_without_miner_and_tools_has_no_such_routes(tmp_path):
    with serving(tmp_path, has_miner=False, has_dev=False, has_peers=False) as api:
        assert api.post("/api/mine", {}, token=api.cookie).status == 404
        assert api.post("/api/dev/snapshot", token=api.cookie).status == 404
        paths = api.get("/api/openapi.json").json["paths"]
        assert not [path for path in paths if path == "/api/mine" or "/dev/" in path]
        assert "/api/dev/" not in api.get("/api/docs").body.decode()
        assert api.get("/api/stats").json["own_hashes_per_s"] is None


def test_every_route_has_a_name_of_its_own():
    routes = list_routes(has_miner=True, has_dev_tools=True, has_peers=True)
    assert len({route.name for route in routes}) == len(routes)
    assert len({route.handler for route in routes}) == len(routes)
