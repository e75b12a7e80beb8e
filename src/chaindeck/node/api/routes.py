"""What a route is, and how an address finds one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from chaindeck.node.api.context import Context
from chaindeck.node.api.forms import NoQuery
from chaindeck.node.api.requests import Request, Response, Stream
from chaindeck.node.errors import MethodUnknown, PathUnknown

Handler = Callable[[Context, Request], Awaitable[Response | Stream]]
ScopeName = Literal["read", "submit", "mine", "admin"]


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that can be asked, with all that is said about it anywhere."""

    method: str
    path: str
    """May end in one `{name}`, which takes the place of a single segment."""

    scope: ScopeName | None
    """What a token must have; None is open to everybody."""

    cost: int
    handler: Handler
    summary: str
    answers: Any
    """The shape of the answer, or a text that describes one that is not JSON."""

    media: str = "application/json"
    query: type = NoQuery
    argument: str = ""
    """What the last segment is, where it is a parameter."""

    argument_pattern: str = ""

    body: Any = None
    """The shape of a JSON body."""

    takes_bytes: bool = False
    """Whether packed bytes may come in place of JSON."""

    also: tuple[str, ...] = ()
    """Other media types that it answers."""

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"


class Found(NamedTuple):
    """A route and the last segment of its address."""

    route: Route
    argument: str


class RouteMap:
    """Finds routes by two look-ups: the whole address, then all but its last segment."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self.routes = tuple(routes)
        self._fixed: dict[str, dict[str, Found]] = {}
        self._open: dict[str, dict[str, Route]] = {}
        for route in routes:
            stem, _, last = route.path.rpartition("/")
            if last.startswith("{"):
                self._open.setdefault(stem, {})[route.method] = route
            else:
                self._fixed.setdefault(route.path, {})[route.method] = Found(route, "")

    def find(self, method: str, path: str) -> Found:
        """Return what answers; raise `PathUnknown` or `MethodUnknown`. HEAD is a GET."""
        wanted = "GET" if method == "HEAD" else method
        fixed = self._fixed.get(path)
        if fixed is not None:
            found = fixed.get(wanted)
            if found is None:
                raise MethodUnknown(allowed=_allowed(fixed))
            return found
        stem, _, argument = path.rpartition("/")
        routes = self._open.get(stem) if argument else None
        if routes is None:
            raise PathUnknown
        route = routes.get(wanted)
        if route is None:
            raise MethodUnknown(allowed=_allowed(routes))
        return Found(route, argument)

    def allowed(self, path: str) -> str:
        """Return the methods of an address; raise `PathUnknown`."""
        stem, _, argument = path.rpartition("/")
        methods = self._fixed.get(path) or (self._open.get(stem) if argument else None)
        if not methods:
            raise PathUnknown
        return _allowed(methods)


def _allowed(methods: Mapping[str, object]) -> str:
    names = {*methods, "OPTIONS", *(["HEAD"] if "GET" in methods else [])}
    return ", ".join(sorted(names))
