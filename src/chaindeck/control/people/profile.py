"""One's own page: how pages look, where one is signed in, tokens for one's programs."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.contrib.auth import logout
from django.core.exceptions import BadRequest
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.crypto import salted_hmac
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST

from chaindeck.control import wiring
from chaindeck.control.pages.failures import not_found
from chaindeck.control.people.agents import agent_words
from chaindeck.control.people.reports import report
from chaindeck.control.people.signing import person_of
from chaindeck.records.bulk import time_ms_of
from chaindeck.records.errors import RecordUnknown
from chaindeck.records.models import Person
from chaindeck.records.selectors.people import visits_of
from chaindeck.records.services.people import DENSITIES, THEMES, person_set_look
from chaindeck.records.services.visits import visit_end, visits_end_others

ZONES = sorted(available_timezones())


class LookForm(forms.Form):
    """How somebody's pages look."""

    theme = forms.ChoiceField(choices=[(name, name) for name in THEMES])
    density = forms.ChoiceField(choices=[(name, name) for name in DENSITIES])
    time_zone = forms.ChoiceField(choices=[(name, name) for name in ZONES])
    reduces_motion = forms.BooleanField(required=False)


@require_http_methods(["GET", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    person = person_of(request)
    form = LookForm(request.POST if request.method == "POST" else _look(person))
    if request.method == "POST" and form.is_valid():
        person_set_look(username=person.username, **form.cleaned_data)
        return redirect("profile")
    context = {
        "form": form,
        "visits": _visits(request, person),
        "zones": ZONES,
        "themes": THEMES,
        "densities": DENSITIES,
    }
    return render(request, "people/profile.html", context)


@require_POST
def set_theme(request: HttpRequest) -> HttpResponse:
    """Take up another theme, from whatever page, and go back there."""
    person, theme = person_of(request), request.POST.get("theme", "")
    if theme not in THEMES:
        raise BadRequest(f"a theme is one of {', '.join(THEMES)}")
    look = {name: getattr(person, name) for name in ("density", "time_zone", "reduces_motion")}
    person_set_look(username=person.username, theme=theme, **look)
    back = request.POST.get("back", "")
    is_ours = back.startswith("/") and url_has_allowed_host_and_scheme(back, allowed_hosts=None)
    return redirect(back if is_ours else "overview")


@require_POST
def end_session(request: HttpRequest) -> HttpResponse:
    """Sign one browser out, which may be this one."""
    person = person_of(request)
    here = request.session.session_key
    key = next(
        (v.session_key for v in visits_of(person) if _name(v.session_key) == _asked(request)), ""
    )
    try:
        with transaction.atomic():
            visit_end(session_key=key, person=person)
            report(request, "session-ended", "signed a browser out", user=person.username)
    except RecordUnknown:
        return not_found(request)
    if key == here:
        logout(request)
    wiring.end_lines(person_id=person.pk, session_key=key)
    return redirect("profile")


@require_POST
def end_other_sessions(request: HttpRequest) -> HttpResponse:
    person = person_of(request)
    here = request.session.session_key or ""
    with transaction.atomic():
        count = visits_end_others(person=person, session_key=here)
        text = f"signed {count} other browsers out"
        report(request, "session-ended", text, user=person.username)
    # Its own lines come back at once.
    wiring.end_lines(person_id=person.pk)
    return redirect("profile")


def _look(person: Person) -> dict[str, Any]:
    names = ("theme", "density", "time_zone", "reduces_motion")
    return {name: getattr(person, name) for name in names}


def _visits(request: HttpRequest, person: Person) -> list[dict[str, Any]]:
    here = request.session.session_key
    return [
        {
            "name": _name(visit.session_key),
            "is_here": visit.session_key == here,
            "started_ms": time_ms_of(visit.started),
            "last_seen_ms": time_ms_of(visit.last_seen),
            "ip_address": visit.ip_address,
            "agent": visit.agent,
            "words": agent_words(visit.agent),
        }
        for visit in visits_of(person)
    ]


def _name(session_key: str) -> str:
    """What a page may know of a session: its key would open it."""
    return salted_hmac("chaindeck.visit", session_key).hexdigest()[:16]


def _asked(request: HttpRequest) -> str:
    return request.POST.get("session", "")
