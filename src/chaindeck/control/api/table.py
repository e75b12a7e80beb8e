"""Every route of the API. Addresses and the document are made of it; rights stand in `rights`."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Final

import msgspec
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path
from django.views.decorators.http import require_safe

from chaindeck.control.api import forms, handlers
from chaindeck.control.api.routes import Asked, Route, make_view
from chaindeck.node.api.openapi import Subject, build_document

_ABOUT = """The HTTP API of a Chaindeck control room.

Programs send a token: `Authorization: Bearer ...`; it may do what its scope and its owner's role
both allow. Pages of the control room itself come with a session. Amounts are integers of base units
(10**8 to a coin), times are Unix milliseconds. Every error is
`{"error": {"code", "message", "field"}}` with a code that never changes its meaning.
"""
SUBJECT: Final = Subject(
    title="Chaindeck control room",
    about=_ABOUT,
    server="The control room",
    schemes={
        "token": {"type": "http", "scheme": "bearer"},
        "session": {"type": "apiKey", "in": "cookie", "name": "chaindeck_session"},
    },
    ways=({"token": []}, {"session": []}),
)


def get_document(_: Asked) -> dict[str, Any]:
    return build_document(ROUTES, SUBJECT)


ROUTES: Final = (
    Route(
        method="GET",
        path="/health",
        handler=handlers.health,
        summary="Whether this process answers, and which one it is",
        answers=forms.HealthAnswer,
    ),
    Route(
        method="GET",
        path="/api/openapi.json",
        handler=get_document,
        summary="This document",
        answers=dict[str, Any],
    ),
    Route(
        method="GET",
        path="/api/status/",
        handler=handlers.get_status,
        summary="How everything stands: nodes, coordinator, chains, and what is not set up",
        answers=forms.StatusAnswer,
    ),
    Route(
        method="GET",
        path="/api/stats/",
        handler=handlers.get_stats,
        summary="Counts and loads of the whole, and the newest executions",
        answers=forms.StatsAnswer,
    ),
    Route(
        method="GET",
        path="/api/activities/",
        handler=handlers.get_activities,
        summary="The activity log, filtered, page by page, the newest first",
        answers=forms.ActivityAnswer,
        query=forms.ActivityQuestion,
    ),
    Route(
        method="GET",
        path="/api/nodes",
        handler=handlers.get_nodes,
        summary="All nodes that are watched",
        answers=forms.NodesAnswer,
    ),
    Route(
        method="GET",
        path="/api/nodes/{name}",
        handler=handlers.get_node,
        summary="One node",
        answers=forms.NodeRow,
        argument="its name",
        argument_pattern="^[^/]{1,80}$",
    ),
    Route(
        method="POST",
        path="/api/nodes/{name}",
        handler=handlers.order_node,
        summary="Give an order about a node or its peers, and wait for what comes of it",
        answers=forms.OrderAnswer,
        body=forms.NodeOrder,
        argument="its name",
        argument_pattern="^[^/]{1,80}$",
    ),
    Route(
        method="GET",
        path="/api/tokens",
        handler=handlers.get_tokens,
        summary="One's own tokens; those of all, for an admin",
        answers=forms.TokensAnswer,
    ),
    Route(
        method="POST",
        path="/api/tokens",
        handler=handlers.make_token,
        summary="Make a token, no mightier than what asks for it; it is shown only now",
        answers=forms.TokenMade,
        body=forms.NewToken,
    ),
    Route(
        method="DELETE",
        path="/api/tokens/{id}",
        handler=handlers.revoke_token,
        summary="Revoke a token; its lines end at once",
        answers=forms.Done,
        argument="its number",
        argument_pattern="^[0-9]{1,18}$",
    ),
)


def url_patterns() -> list[URLPattern]:
    """Return one address for each path of the table, named by it."""
    by_path: dict[str, list[Route]] = defaultdict(list)
    for route in ROUTES:
        by_path[route.path].append(route)
    return [path(_pattern(name), make_view(routes), name=name) for name, routes in by_path.items()]


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """The same for people."""
    return render(request, "api/docs.html", {"routes": [_row(route) for route in ROUTES]})


def _row(route: Route) -> dict[str, Any]:
    shapes = (route.query, route.body) if route.body is not None else (route.query,)
    return {
        "method": route.method,
        "path": route.path,
        "summary": route.summary,
        "scope": route.scope or "open to all",
        "parameters": [
            field.encode_name for shape in shapes for field in msgspec.structs.fields(shape)
        ],
        "answers": [field.encode_name for field in _fields(route.answers)],
    }


def _fields(shape: Any) -> tuple[msgspec.structs.FieldInfo, ...]:  # noqa: ANN401 - of any route
    is_struct = isinstance(shape, type) and issubclass(shape, msgspec.Struct)
    return msgspec.structs.fields(shape) if is_struct else ()


def _pattern(name: str) -> str:
    stem, _, last = name.removeprefix("/").rpartition("/")
    return f"{stem}/<str:argument>" if last.startswith("{") else name.removeprefix("/")
