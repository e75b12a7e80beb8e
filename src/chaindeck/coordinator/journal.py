"""The journal that records keep, and how their database is used from threads."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from django.db import Error, InterfaceError, OperationalError

from chaindeck.coordinator.errors import RecordsAway
from chaindeck.coordinator.limits import LEAST_ROOM_MB
from chaindeck.coordinator.ports import Bounds
from chaindeck.records import setup
from chaindeck.records.connecting import connected
from chaindeck.records.selectors import events
from chaindeck.records.services import events as events_write
from chaindeck.records.types import EventRow
from chaindeck.rpc.forms import Event

_READ_ONLY = "readonly database"
"""How SQLite calls its own file on a disk that became read-only."""


class RecordsJournal:
    """Reads what is committed."""

    def bounds(self) -> Bounds:
        found = events.events_bounds()
        return Bounds(found.epoch, found.first, found.last)

    def after(self, since: int, limit: int) -> list[Event]:
        return [_event(row) for row in events.events_after(since=since, limit=limit)]

    @contextlib.contextmanager
    def session(self) -> Iterator[None]:
        try:
            with connected():
                yield
        except (OperationalError, InterfaceError) as error:
            raise RecordsAway(reason=_reason(error)) from error


def try_records() -> None:
    """See in the writer's thread that records take something; raise `RecordsAway` or an error.

    A small write may find a place on a disk on which nothing else does.
    """
    events_write.journal_try()
    room = setup.room_bytes()
    if room is not None and room < LEAST_ROOM_MB * 1_000_000:
        raise RecordsAway(reason=f"the disk is full: it has less than {LEAST_ROOM_MB} MB left")


def _reason(error: Error) -> str:
    """Return the database's words, and where SQLite speaks of itself, those for a person."""
    text = str(error).strip()
    return f"their disk is read-only ({text})" if _READ_ONLY in text else text


def _event(row: EventRow) -> Event:
    return Event(
        seq=row.seq,
        time_ms=row.time_ms,
        topic=row.topic,
        kind=row.kind,
        key=row.key,
        data=row.data,
    )
