"""The OpenAPI 3.1 document, made of a table of routes and the shapes that it names.

Any table will do: `Described` is what a route tells of itself, `Subject` what is told of the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

import msgspec

from chaindeck.node.api.failures import ErrorAnswer
from chaindeck.node.api.requests import BYTES
from chaindeck.node.api.standing import program_version

_REFERENCE = "#/components/schemas/{name}"
_OPEN_SCOPES = ("read", "submit")
_TOKEN: Final[dict[str, list[str]]] = {"token": []}
_ABOUT = """The HTTP API of a Chaindeck node.

Bytes are lower-case hexadecimal, amounts are integers of base units (10**8 to a coin), times are
Unix milliseconds. Every error is `{"error": {"code", "message", "field"}}` with a code that never
changes its meaning. Programs on the node's own machine may read and submit without a token.
"""


class Described(Protocol):
    """What a route tells of itself."""

    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def scope(self) -> str | None: ...
    @property
    def handler(self) -> Callable[..., Any]: ...
    @property
    def summary(self) -> str: ...
    @property
    def answers(self) -> object: ...
    @property
    def media(self) -> str: ...
    @property
    def query(self) -> type: ...
    @property
    def argument(self) -> str: ...
    @property
    def argument_pattern(self) -> str: ...
    @property
    def body(self) -> object: ...
    @property
    def takes_bytes(self) -> bool: ...
    @property
    def also(self) -> tuple[str, ...]: ...


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What a document is about, and how one shows there who one is."""

    title: str
    about: str
    server: str
    """In words: who may be at fault or busy."""

    schemes: dict[str, dict[str, str]]
    ways: tuple[dict[str, list[str]], ...]
    """Each opens what a route's scope needs."""

    open_scopes: tuple[str, ...] = ()
    """What needs nothing of these for some callers."""


NODE: Final = Subject(
    title="Chaindeck node",
    about=_ABOUT,
    server="The node",
    schemes={"token": {"type": "http", "scheme": "bearer"}},
    ways=(_TOKEN,),
    open_scopes=_OPEN_SCOPES,
)


def build_document(routes: Sequence[Described], subject: Subject = NODE) -> dict[str, Any]:
    shapes = [
        shape for route in routes for shape in (route.answers, route.body) if _is_shape(shape)
    ]
    shapes.append(ErrorAnswer)
    schemas, components = msgspec.json.schema_components(shapes, ref_template=_REFERENCE)
    by_shape = {_key(shape): schema for shape, schema in zip(shapes, schemas, strict=True)}
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(
            route, by_shape, subject
        )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": subject.title,
            "version": program_version(),
            "description": subject.about,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": subject.schemes,
        },
    }


def _operation(route: Described, by_shape: Mapping[str, Any], subject: Subject) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.handler.__name__,
        "summary": route.summary,
        "tags": [_tag(route)],
        "responses": {
            "200": {"description": "Done", "content": _answer_content(route, by_shape)},
            "4XX": _error("The request is at fault", by_shape),
            "5XX": _error(f"{subject.server} is at fault, or busy", by_shape),
        },
    }
    parameters = [*_path_parameters(route), *_query_parameters(route)]
    if parameters:
        operation["parameters"] = parameters
    if route.body is not None:
        operation["requestBody"] = {"required": True, "content": _body_content(route, by_shape)}
    if route.scope is not None:
        is_open = route.scope in subject.open_scopes
        operation["security"] = [*([{}] if is_open else []), *subject.ways]
        operation["x-scope"] = route.scope
    if (cost := getattr(route, "cost", None)) is not None:
        operation["x-cost"] = cost
    return operation


def _answer_content(route: Described, by_shape: Mapping[str, Any]) -> dict[str, Any]:
    schema = by_shape[_key(route.answers)] if _is_shape(route.answers) else {}
    return {route.media: {"schema": schema}, **{media: {} for media in route.also}}


def _body_content(route: Described, by_shape: Mapping[str, Any]) -> dict[str, Any]:
    content: dict[str, Any] = {"application/json": {"schema": by_shape[_key(route.body)]}}
    if route.takes_bytes:
        content[BYTES.decode()] = {}
    return content


def _error(about: str, by_shape: Mapping[str, Any]) -> dict[str, Any]:
    schema = by_shape[_key(ErrorAnswer)]
    return {"description": about, "content": {"application/json": {"schema": schema}}}


def _path_parameters(route: Described) -> list[dict[str, Any]]:
    last = route.path.rpartition("/")[2]
    if not last.startswith("{"):
        return []
    return [
        {
            "name": last.strip("{}"),
            "in": "path",
            "required": True,
            "description": route.argument,
            "schema": {"type": "string", "pattern": route.argument_pattern},
        }
    ]


def _query_parameters(route: Described) -> list[dict[str, Any]]:
    reference = msgspec.json.schema(route.query)
    shape = next(iter(reference["$defs"].values()))
    required = shape.get("required", ())
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "schema": _without_null(schema),
        }
        for name, schema in shape["properties"].items()
    ]


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter is left out rather than null."""
    options = [option for option in schema.get("anyOf", ()) if option != {"type": "null"}]
    if len(options) != 1:
        return schema
    kept = {name: value for name, value in schema.items() if name not in ("anyOf", "default")}
    return {**kept, **options[0]}


def _tag(route: Described) -> str:
    if route.path.startswith("/api/dev/"):
        return "development"
    return route.scope or "open"


def _is_shape(shape: object) -> bool:
    return shape is not None and not isinstance(shape, str)


def _key(shape: object) -> str:
    """Name a shape; unions of the same parts are equal but not always the same object."""
    return repr(shape)
