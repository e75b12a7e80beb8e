"""Signed-in browsers: noted when they come, seen now and then, ended by their person."""

from __future__ import annotations

from django.contrib.sessions.models import Session
from django.db import transaction

from chaindeck.records.bulk import moment, now_ms
from chaindeck.records.errors import RecordUnknown
from chaindeck.records.limits import VISIT_NOTED_S
from chaindeck.records.models import Person, Visit

_AGENT_CHARACTERS = 200


def visit_begin(*, session_key: str, person: Person, ip_address: str, agent: str) -> Visit:
    """Note that somebody signed in; what ended by itself meanwhile is forgotten."""
    now = moment(now_ms())
    with transaction.atomic():
        alive = Session.objects.filter(expire_date__gt=now).values("session_key")
        person.visits.exclude(session_key__in=alive).delete()
        return Visit.objects.update_or_create(
            session_key=session_key,
            defaults={
                "person": person,
                "started": now,
                "last_seen": now,
                "ip_address": ip_address[:45],
                "agent": agent[:_AGENT_CHARACTERS],
            },
        )[0]


def visit_move(*, old_key: str, new_key: str) -> None:
    """A session got another key, as it does when its person changes the password."""
    Visit.objects.filter(session_key=old_key).update(session_key=new_key)


def visit_seen(*, session_key: str) -> None:
    """Note that a browser was here; most calls find that it was noted a moment ago."""
    now = now_ms()
    Visit.objects.filter(
        session_key=session_key, last_seen__lt=moment(now - VISIT_NOTED_S * 1000)
    ).update(last_seen=moment(now))


def visit_end(*, session_key: str, person: Person) -> None:
    """Sign one browser of a person out. Raises `RecordUnknown`."""
    with transaction.atomic():
        if not person.visits.filter(session_key=session_key).delete()[0]:
            raise RecordUnknown(kind="session", name=f"{session_key[:6]}...")
        Session.objects.filter(session_key=session_key).delete()


def visits_end_others(*, person: Person, session_key: str) -> int:
    """Sign a person out everywhere but here; return how many browsers that were."""
    with transaction.atomic():
        others = person.visits.exclude(session_key=session_key)
        keys = list(others.values_list("session_key", flat=True))
        Session.objects.filter(session_key__in=keys).delete()
        others.delete()
        return len(keys)
