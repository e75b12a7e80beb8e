"""Who may do what: every route against every kind of caller, and pages of other origins."""

import pytest

from chaindeck.node.api import TokenBook
from chaindeck.node.api.gate import Gate, _is_local_name
from chaindeck.node.api.rates import Rates
from chaindeck.node.api.requests import Identity
from chaindeck.node.api.table import list_routes
from chaindeck.node.api.tokens import SCOPES
from chaindeck.node.errors import (
    OriginRefused,
    RateExceeded,
    ScopeMissing,
    TokenMissing,
    TokenUnknown,
)
from tests.ledger.forge import ALICE, address
from tests.node.api.serving import serving

LISTED = "https://panel.example"
ROUTES = list_routes(has_miner=True, has_dev_tools=True, has_peers=True)
REFUSALS = {TokenMissing.code, TokenUnknown.code, ScopeMissing.code}


@pytest.fixture(scope="module")
def locked(tmp_path_factory):
    """A node that opens nothing to programs on its machine, and a page that it lists."""
    folder = tmp_path_factory.mktemp("locked")
    with serving(folder, open_loopback=False, origins=[LISTED]) as api:
        yield api


@pytest.fixture(scope="module")
def scoped(locked):
    """A token of each scope."""
    return {scope: locked.tokens.create_token([scope], scope) for scope in SCOPES}


def path_of(route):
    return route.path.format(block="0", id="0" * 64, address=address(ALICE))


def code_of(answer):
    return answer.code if answer.status >= 400 else None


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
@pytest.mark.parametrize("caller", [None, "bad", *SCOPES, "cookie"])
def test_route_lets_in_exactly_who_has_its_scope(locked, scoped, route, caller):
    tokens = {None: None, "bad": "cd_0123456789abcdef_x", "cookie": locked.cookie, **scoped}
    answer = locked.ask(route.method, path_of(route), token=tokens[caller])
    code = code_of(answer)
    if caller == "bad":
        assert (answer.status, code) == (401, TokenUnknown.code)
    elif route.scope is None or caller in ("cookie", route.scope):
        assert code not in REFUSALS
    elif caller is None:
        assert (answer.status, code) == (401, TokenMissing.code)
        assert answer.headers["www-authenticate"].startswith("Bearer")
    else:
        assert (answer.status, code) == (403, ScopeMissing.code)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_program_on_this_machine_may_read_and_submit(api, route):
    code = code_of(api.ask(route.method, path_of(route)))
    if route.scope in ("mine", "admin"):
        assert code == "api-token-missing"
    else:
        assert code not in REFUSALS


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:8080"},
        {"X_Forwarded_For": "127.0.0.1"},
        {"Forwarded": "for=127.0.0.1"},
        {"X_Real_IP": "127.0.0.1"},
    ],
)
def test_caller_by_another_name_or_through_a_proxy_is_a_stranger(api, headers):
    assert api.get("/api/status", **headers).code == "api-token-missing"
    assert api.get("/api/status", token=api.cookie, **headers).status == 200


@pytest.mark.parametrize(
    ("host", "is_local"),
    [
        (b"", True), (b"localhost", True), (b"LOCALHOST:8080", True), (b"a.localhost", True),
        (b"127.0.0.1:80", True), (b"[::1]:80", True), (b"[::1]", True), (b"192.168.0.7", True),
        (b"localhost.", True), (b"localhost.evil.example", False), (b"evil", False),
        (b"127.0.0.1.evil.example:80", False), (b"\xff", False),
    ],
)  # fmt: skip
def test_local_names_are_told_from_others(host, is_local):
    assert _is_local_name(host) is is_local


@pytest.mark.parametrize(
    "authorization",
    ["Basic YTpi", "Bearer", "Bearer ", "Bearer cd_", "Bearer cd_cookie_", "Bearer xx_cookie_x",
     "Bearer \xe9", "Token x"],
)  # fmt: skip
def test_malformed_authorization_is_not_taken_for_none(api, authorization):
    answer = api.get("/api/status", Authorization=authorization.encode("latin-1"))
    assert (answer.status, answer.code) == (401, TokenUnknown.code)


def test_page_of_another_origin_may_not_change_anything(api):
    answer = api.post("/api/transactions", [], Origin="https://evil.example")
    assert (answer.status, answer.code) == (403, OriginRefused.code)
    assert api.get("/api/status", Origin="https://evil.example").status == 200
    assert "access-control-allow-origin" not in answer.headers


def test_listed_page_may_use_the_api_and_read_the_answer(locked):
    answer = locked.post("/api/transactions", [], token=locked.cookie, Origin=LISTED)
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == LISTED
    assert answer.headers["vary"] == "origin"
    refused = locked.get("/api/status", Origin=LISTED)
    assert (refused.status, refused.headers["access-control-allow-origin"]) == (401, LISTED)


def test_preflight_of_a_listed_page_is_answered_without_a_token(locked):
    answer = locked.ask("OPTIONS", "/api/transactions", Origin=LISTED)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == LISTED
    assert "authorization" in answer.headers["access-control-allow-headers"]
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST"


def test_token_is_never_taken_from_the_address(locked):
    answer = locked.get(f"/api/status?token={locked.cookie}")
    assert answer.code == "api-token-missing"


def test_client_that_asks_too_much_is_told_when_to_come_back(tmp_path):
    with serving(tmp_path, rates=Rates(1, 3)) as api:
        assert [api.get("/health").status for _ in range(3)] == [200] * 3
        answer = api.get("/health")
        assert (answer.status, answer.code) == (429, RateExceeded.code)
        assert answer.headers["retry-after"] == "1"
        assert api.get("/health", token=api.cookie).status == 200, "local tools are not counted"
        token = api.tokens.create_token(["read"], "other")
        assert api.get("/health", token=token).status == 200, "a token has a bucket of its own"


def test_batch_is_charged_by_its_length(tmp_path):
    with serving(tmp_path, rates=Rates(1, 101)) as api:
        assert api.post("/api/transactions", [0] * 400).status == 200
        assert api.post("/api/transactions", [0] * 4).status == 429


def test_cookie_is_counted_where_it_comes_from_afar(tmp_path):
    gate = make_gate(tmp_path)
    token = (tmp_path / "api.cookie").read_text().strip()
    headers = {b"authorization": f"Bearer {token}".encode()}
    assert gate.identify({"client": ("127.0.0.1", 1)}, headers).is_unmetered
    assert gate.identify({"client": None}, headers).is_unmetered
    assert not gate.identify({"client": ("10.0.0.7", 1)}, headers).is_unmetered


def test_strangers_of_one_ipv6_network_share_a_bucket(tmp_path):
    gate = make_gate(tmp_path)
    names = {
        gate.identify({"client": (host, 1)}, {}).name
        for host in ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1")
    }
    assert names == {"address 2001:db8::/64", "address 2001:db8:0:1::/64"}
    assert gate.identify({"client": ("fe80::1%eth0", 1)}, {}) == Identity(
        "address fe80::/64", frozenset()
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_every_loopback_address_is_this_machine(tmp_path, host):
    assert make_gate(tmp_path).identify({"client": (host, 1)}, {}).scopes == {"read", "submit"}


def make_gate(folder):
    tokens = TokenBook(folder)
    tokens.write_cookie()
    return Gate(tokens, (), Rates(), is_loopback_open=True)
