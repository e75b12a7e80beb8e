"""What stands around every page: the rooms, the network and its height, who is signed in."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
from django.http import HttpRequest
from django.urls import reverse

from chaindeck.control import wiring
from chaindeck.control.middleware import PLACE
from chaindeck.control.rights import RIGHTS, may, role_of
from chaindeck.records.models import Person
from chaindeck.records.selectors.chain import chain_place


class Room(msgspec.Struct, frozen=True):
    """One entry of the navigation: an address by name, and the names that count as being there."""

    title: str
    name: str
    also: tuple[str, ...] = ()


class Group(msgspec.Struct, frozen=True):
    """Rooms that belong together."""

    title: str
    rooms: tuple[Room, ...]


GROUPS: Final = (
    Group("", (Room("Overview", "overview", ("dashboard",)),)),
    Group(
        "Chain",
        (
            Room("Blocks", "blocks", ("block", "transaction", "address", "search")),
            Room("Memory pool", "mempool"),
        ),
    ),
    Group("Network", (Room("Nodes", "network", ("node",)),)),
    Group(
        "Settings",
        (
            Room("Profile", "profile", ("new-password",)),
            Room("API tokens", "tokens", ("token-revoke",)),
            Room("API", "api-docs", ("chat",)),
            Room("People", "people", ("person-role", "person-active", "person-reset")),
        ),
    ),
    Group("Chaindeck", (Room("About", "about", ("design",)),)),
)
"""Only what is there: a room appears when its page works."""

_KNOWN: Final = "chaindeck_height"
"""The attribute of a request that has the height once somebody read it."""


_AFTER: Final = {"system": "dark", "dark": "light", "light": "system"}
"""Which theme the button in the bar leads to."""


def frame(request: HttpRequest) -> dict[str, Any]:
    """Give every template its surroundings; pages for people alone ask the database."""
    now_ms = time.time_ns() // 1_000_000
    person = getattr(request, "user", None)
    if not isinstance(person, Person):
        return {"now_ms": now_ms}
    return {
        "now_ms": now_ms,
        "frame": {
            "rooms": _rooms(request, person),
            "place": getattr(request, PLACE, ("", 0)),
            **_standing(now_ms, person.time_zone),
            "height": _height(request),
            "query": request.GET.get("q", "") if request.path == "/search" else "",
            "next_theme": _AFTER[person.theme],
            "initials": person.username[:2].upper(),
            "messages": (),
        },
    }


def know_height(request: HttpRequest, height: int | None) -> None:
    """Say what a view has read already, so that the frame need not ask for it again."""
    setattr(request, _KNOWN, height)


def _standing(now_ms: int, zone: str) -> dict[str, Any]:
    """Say of when a page is; scripts go on from there, and without them it stays said."""
    is_away = wiring.is_away()
    as_of_ms = wiring.heard_ms() if is_away else now_ms
    words = "Coordinator away"
    if is_away and as_of_ms is not None:
        at = datetime.fromtimestamp(as_of_ms / 1000, ZoneInfo(zone))
        words = f"{words}, as of {at:%H:%M:%S}"
    return {"is_away": is_away, "as_of_ms": as_of_ms, "away": words}


def _height(request: HttpRequest) -> int | None:
    """Return how high the index is, None where it has not begun."""
    if not hasattr(request, _KNOWN):
        place = chain_place()
        know_height(request, None if place is None else place.height)
    height: int | None = getattr(request, _KNOWN)
    return None if height is None or height < 0 else height


def _rooms(request: HttpRequest, person: Person) -> list[dict[str, Any]]:
    """Return the rooms that somebody may enter."""
    match = request.resolver_match
    here = match.view_name if match else ""
    return [
        {
            "title": group.title,
            "rooms": [
                {
                    "title": room.title,
                    "url": reverse(room.name),
                    "is_here": here == room.name or here in room.also,
                }
                for room in group.rooms
                if may(role_of(person), RIGHTS[room.name])
            ],
        }
        for group in GROUPS
    ]
