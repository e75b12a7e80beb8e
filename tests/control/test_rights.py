"""Who may what: every address, socket and method, for everybody, one by one."""

import asyncio

import pytest
from django.test import Client
from django.urls import URLPattern, get_resolver

from chaindeck.control import rights
from chaindeck.control.live.access import Refused, admit
from chaindeck.control.live.sockets import ADDRESSES
from chaindeck.control.rights import RIGHTS, may, methods_of, role_of_token
from chaindeck.records.models.people import Role
from chaindeck.records.services.people import SCOPES, token_verify
from chaindeck.rpc import contract
from chaindeck.rpc.generated import chaindeck_pb2
from tests.control.house import PASSWORD, Visitor, bearer, token_for

PATTERNS = [pattern for pattern in get_resolver().url_patterns if isinstance(pattern, URLPattern)]
ARGUMENTS = {"int": "1", "str": "none"}
ROLES = (None, "viewer", "operator", "admin")
TOKENS = [(role, scope) for role in Role.values for scope in SCOPES]
REFUSED = {401, 403}


def address_of(pattern: URLPattern) -> str:
    route = str(pattern.pattern)
    for kind, text in ARGUMENTS.items():
        while f"<{kind}:" in route:
            head, _, rest = route.partition(f"<{kind}:")
            route = head + text + rest.partition(">")[2]
    return f"/{route}"


def lines() -> list[tuple[str, str, str]]:
    """Line of the table, method and address, for every address that Django knows."""
    found = []
    for pattern in PATTERNS:
        name = str(pattern.name)
        if name.startswith("/"):
            found += [(f"{m} {name}", m, address_of(pattern)) for m in methods_of(name)]
        else:
            found.append((name, "GET", address_of(pattern)))
    return found


def ask(client: Client, method: str, address: str, **extra: str):
    return client.generic(method, address, b"{}", "application/json", **extra)


def is_let_in(response) -> bool:
    goes_to_door = response.status_code == 302 and response.headers["Location"].startswith(
        ("/sign-in", "/new-password")
    )
    return response.status_code not in REFUSED and not goes_to_door


def test_every_address_has_a_line_and_every_line_an_address():
    known = {line for line, _, _ in lines()} | {f"WS {address}" for address in ADDRESSES}
    for pattern in PATTERNS:
        name = str(pattern.name)
        assert methods_of(name) or name in RIGHTS, f"{pattern.pattern} has no line in RIGHTS"
    assert known == set(RIGHTS)


@pytest.mark.parametrize("role", ROLES)
def test_sessions_reach_what_their_role_includes_and_nothing_else(role, database, coordinator):
    visitor = Visitor(role)
    # Some addresses end the session; each is asked with one that is good.
    session = {cookie: morsel.value for cookie, morsel in visitor.client.cookies.items()}
    for line, method, address in lines():
        if line in ("sign-out", "session-end", "sessions-end"):
            continue
        client = Client(raise_request_exception=True)
        client.cookies.load(session)
        expected = may(None if role is None else Role(role), RIGHTS[line])
        assert is_let_in(ask(client, method, address)) == expected, (role, line)


@pytest.mark.parametrize(("role", "scope"), TOKENS)
def test_tokens_reach_the_less_of_scope_and_role(role, scope, database, coordinator):
    text = token_for(role, scope)
    effective = role_of_token(token_verify(text=text))
    for line, method, address in lines():
        response = ask(Client(), method, address, **bearer(text))
        is_open = RIGHTS[line] is rights.ANYBODY
        is_api = line.partition(" ")[2].startswith("/api/")
        expected = is_open or (is_api and may(effective, RIGHTS[line]))
        if line == "POST /api/tokens" and expected:
            assert response.status_code == 400
        assert is_let_in(response) == expected, (role, scope, line)


def test_role_of_a_token_is_the_less_of_both(database):
    expected = {
        ("viewer", "admin"): Role.VIEWER,
        ("operator", "admin"): Role.OPERATOR,
        ("admin", "read"): Role.VIEWER,
        ("admin", "operate"): Role.OPERATOR,
        ("admin", "admin"): Role.ADMIN,
        ("admin", "submit"): None,
    }
    for (role, scope), least in expected.items():
        assert role_of_token(token_verify(text=token_for(role, scope))) == least


@pytest.mark.parametrize("address", sorted(ADDRESSES))
def test_sockets_let_in_by_the_same_table(address, tmp_path, database):
    def outcome(headers: dict[str, str]) -> int:
        scope = {
            "type": "websocket",
            "path": address,
            "scheme": "ws",
            "headers": [(k.encode(), v.encode()) for k, v in headers.items()],
        }
        try:
            asyncio.run(admit(scope, ()))
        except Refused as refused:
            return refused.code
        return 0

    ours = {"host": "localhost", "origin": "http://localhost"}
    assert outcome(ours) == 4401
    for role in Role.values:
        cookie = f"chaindeck_session={Visitor(role, f'page-{role}').session_key}"
        assert outcome(ours | {"cookie": cookie}) == 0, role
        for scope in SCOPES:
            text = token_for(role, scope, address.strip("/"))
            expected = 4403 if scope == "submit" else 0
            assert outcome({"host": "localhost", "authorization": f"Bearer {text}"}) == expected


def test_every_method_of_the_contract_has_a_right():
    methods = {
        f"/{service.full_name}/{method.name}"
        for service in chaindeck_pb2.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    }
    assert methods == set(contract.METHODS)
    assert methods <= set(contract.RIGHTS)
    assert set(contract.RIGHTS.values()) <= contract.ALL_RIGHTS


def test_orders_of_the_contract_are_for_operators_alone():
    # The one address here that leads to a method with the right `control`.
    assert contract.RIGHTS["/chaindeck.v1.Coordinator/ControlNode"] == "control"
    assert RIGHTS["POST /api/nodes/{name}"] == Role.OPERATOR


def test_address_without_a_line_is_refused_even_to_admins(database, coordinator, monkeypatch):
    admin = Visitor("admin")
    monkeypatch.delitem(RIGHTS, "chat")
    assert admin.client.get("/chat").status_code == 403
    monkeypatch.delitem(RIGHTS, "GET /api/nodes")
    assert admin.client.get("/api/nodes").json()["error"]["code"] == "right-missing"


def test_method_that_an_address_has_not_is_named(database, coordinator):
    response = Client().delete("/api/nodes")
    assert response.status_code == 405
    assert response.headers["Allow"] == "GET, HEAD"
    assert response.json()["error"]["code"] == "method-unknown"


def test_session_needs_the_secret_of_its_form_and_a_token_does_not(database, coordinator):
    admin = Visitor("admin")
    strict = Client(enforce_csrf_checks=True)
    strict.cookies.load({name: m.value for name, m in admin.client.cookies.items()})
    body = {"name": "x", "scope": "read"}
    refused = strict.post("/api/tokens", body, content_type="application/json")
    assert refused.json()["error"]["code"] == "form-expired"
    text = token_for("admin", "admin")
    taken = strict.post("/api/tokens", body, content_type="application/json", **bearer(text))
    assert taken.status_code == 200


def test_bad_token_is_refused_even_beside_a_good_session(database, coordinator):
    admin = Visitor("admin")
    response = admin.client.get("/api/nodes", **bearer("cdw_none"))
    assert response.status_code == 401
    assert response.json()["error"]["code"] == "records-token"
    assert "Bearer" in response.headers["WWW-Authenticate"]


def test_token_of_somebody_with_a_first_password_opens_nothing(database, coordinator):
    text = token_for("admin", "admin")
    owner = token_verify(text=text).owner
    owner.must_change_password = True
    owner.save()
    response = Client().get("/api/nodes", **bearer(text))
    assert response.json()["error"]["code"] == "password-is-first"


def test_first_sign_in_leads_to_a_new_password_and_nowhere_else(database, coordinator):
    visitor = Visitor("admin", must_change=True)
    assert visitor.client.get("/").headers["Location"] == "/new-password"
    assert visitor.client.get("/people").headers["Location"] == "/new-password"
    given = {"password": PASSWORD, "again": PASSWORD}
    same = visitor.client.post("/new-password", given)
    assert "This is the password you have now" in same.content.decode()
    given = {"password": "another long password", "again": "another long password"}
    assert visitor.client.post("/new-password", given).headers["Location"] == "/"
    assert visitor.client.get("/").status_code == 200
