"""Who may what: one line for each address. An address without a line is refused, whoever asks.

A right is a role at least. People come with a session, programs with a token; what a token may is
the less of its scopes and its owner's role. Pages stand here by name and are for sessions alone;
what programs ask stands by method and address, and sockets by address.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode

from chaindeck.node.logs import get_logger
from chaindeck.records.models import ApiToken, Person
from chaindeck.records.models.people import Role

ANYBODY: Final = None
VIEWER: Final = Role.VIEWER
OPERATOR: Final = Role.OPERATOR
ADMIN: Final = Role.ADMIN
Right = Role | None

RIGHTS: Final[dict[str, Right]] = {
    "sign-in": ANYBODY,
    "sign-out": ANYBODY,
    "new-password": VIEWER,
    "profile": VIEWER,
    "theme": VIEWER,
    "session-end": VIEWER,
    "sessions-end": VIEWER,
    "tokens": VIEWER,
    "token-revoke": VIEWER,
    "people": ADMIN,
    "person-role": ADMIN,
    "person-active": ADMIN,
    "person-reset": ADMIN,
    "api-docs": VIEWER,
    "chat": VIEWER,
    "GET /health": ANYBODY,
    "GET /api/openapi.json": VIEWER,
    "GET /api/status/": VIEWER,
    "GET /api/stats/": VIEWER,
    "GET /api/activities/": VIEWER,
    "GET /api/nodes": VIEWER,
    "GET /api/nodes/{name}": VIEWER,
    "POST /api/nodes/{name}": OPERATOR,
    "GET /api/tokens": VIEWER,
    "POST /api/tokens": OPERATOR,
    "DELETE /api/tokens/{id}": OPERATOR,
    "WS /ws/live": VIEWER,
    "WS /ws/status/": VIEWER,
    "WS /ws/dashboard/": VIEWER,
    "overview": VIEWER,
    "dashboard": VIEWER,
    "blocks": VIEWER,
    "block": VIEWER,
    "transaction": VIEWER,
    "transaction-raw": VIEWER,
    "transaction-proof": VIEWER,
    "address": VIEWER,
    "address-csv": VIEWER,
    "address-label": OPERATOR,
    "mempool": VIEWER,
    "network": VIEWER,
    "node": VIEWER,
    "search": VIEWER,
    "about": VIEWER,
    "design": ADMIN,
}
ROLE_OF_SCOPE: Final = {"read": VIEWER, "operate": OPERATOR, "admin": ADMIN}
"""Scopes that open something here; `submit` is for nodes."""

_PAGES_FOR_PROGRAMS: Final = frozenset({"/api/docs"})
_OPEN_TO_OLD_PASSWORDS: Final = frozenset({"new-password"})
_log = get_logger("web")
Answer = Callable[[HttpRequest], HttpResponseBase]


class rights_middleware:  # noqa: N801 - named like the function that Django takes it for
    """Ask the table before any view runs."""

    def __init__(self, get_response: Answer) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self._get_response(request)

    def process_view(
        self, request: HttpRequest, view: object, args: object, kwargs: object
    ) -> HttpResponseBase | None:
        """Return what is answered instead of the view, if anything."""
        del view, args, kwargs
        assert request.resolver_match is not None, "Django has resolved the address"
        name = request.resolver_match.view_name
        if name.startswith("/"):
            allowed = methods_of(name)
            method = "GET" if request.method == "HEAD" else request.method
            if allowed and method not in allowed:
                return wrong_method(allowed)
            name = f"{method} {name}"
        if name not in RIGHTS:
            _log.warning("an address without a right was asked for", name=name)
            return forbid(request)
        return _refusal(request, name)


def _refusal(request: HttpRequest, name: str) -> HttpResponseBase | None:
    right = RIGHTS[name]
    if right is ANYBODY:
        return None
    person = request.user
    if not isinstance(person, Person) or not person.is_active:
        return ask_to_sign_in(request)
    if person.must_change_password and name not in _OPEN_TO_OLD_PASSWORDS:
        return ask_for_new_password(request)
    token = token_of(request)
    role = role_of(person) if token is None else role_of_token(token)
    return None if may(role, right) else forbid(request)


def may(role: Role | None, right: Right) -> bool:
    """Whether a role includes a right. Each role may all that stands before it."""
    order = list(Role)
    return right is ANYBODY or (role is not None and order.index(role) >= order.index(right))


def role_of(person: Person) -> Role:
    return Role(person.role)


def role_of_token(token: ApiToken) -> Role | None:
    """Return the less of a token's scopes and its owner's role; None where it opens nothing."""
    order = list(Role)
    scopes = [ROLE_OF_SCOPE[scope] for scope in token.scopes.split() if scope in ROLE_OF_SCOPE]
    if not scopes:
        return None
    return min(max(scopes, key=order.index), role_of(token.owner), key=order.index)


def token_of(request: HttpRequest) -> ApiToken | None:
    """Return the token that a request came with; `bearer` has put it there."""
    return getattr(request, "token", None)


def methods_of(name: str) -> list[str]:
    """Return what may be done at an address of the API."""
    return sorted(line.split()[0] for line in RIGHTS if line.endswith(f" {name}"))


def is_for_programs(request: HttpRequest) -> bool:
    path = request.path
    return path.startswith("/api/") and path not in _PAGES_FOR_PROGRAMS


def wrong_method(allowed: list[str]) -> HttpResponse:
    names = ", ".join([*allowed, *(["HEAD"] if "GET" in allowed else [])])
    answer = problem(HTTPStatus.METHOD_NOT_ALLOWED, "method-unknown", f"here one can only {names}")
    answer.headers["Allow"] = names
    return answer


def ask_for_new_password(request: HttpRequest) -> HttpResponse:
    if is_for_programs(request):
        message = "sign in with a browser and choose a password of your own first"
        return problem(HTTPStatus.FORBIDDEN, "password-is-first", message)
    return redirect("new-password")


def ask_to_sign_in(request: HttpRequest) -> HttpResponse:
    if is_for_programs(request):
        message = "sign in, or send a token: Authorization: Bearer ..."
        answer = problem(HTTPStatus.UNAUTHORIZED, "sign-in-needed", message)
        answer.headers["WWW-Authenticate"] = "Bearer"
        return answer
    here = request.get_full_path()
    query = f"?{urlencode({'next': here})}" if here != "/" else ""
    return redirect(reverse("sign-in") + query)


def forbid(request: HttpRequest) -> HttpResponse:
    if is_for_programs(request):
        return problem(HTTPStatus.FORBIDDEN, "right-missing", "your role does not allow this")
    return render(request, "failures/forbidden.html", status=HTTPStatus.FORBIDDEN)


def problem(status: HTTPStatus, code: str, message: str, field: str | None = None) -> JsonResponse:
    """Return an error in the form that every API here has."""
    return JsonResponse(
        {"error": {"code": code, "message": message, "field": field}}, status=status
    )
