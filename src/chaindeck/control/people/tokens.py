"""Tokens for programs: made and shown once, listed, revoked. An admin sees those of all."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from chaindeck.control import wiring
from chaindeck.control.errors import ScopeTooHigh, TooManyTokens
from chaindeck.control.limits import MAX_TOKENS_OF_ONE
from chaindeck.control.pages.failures import not_found
from chaindeck.control.people.reports import report
from chaindeck.control.people.signing import person_of
from chaindeck.control.rights import ROLE_OF_SCOPE, may, role_of
from chaindeck.records.bulk import time_ms_of
from chaindeck.records.errors import RecordUnknown
from chaindeck.records.models import ApiToken, Person
from chaindeck.records.models.people import Role
from chaindeck.records.selectors.people import tokens_of
from chaindeck.records.services.people import token_create, token_revoke

_DAY_S = 86_400
LASTS = (("7", "7 days"), ("90", "90 days"), ("365", "a year"), ("", "for ever"))


class TokenForm(forms.Form):
    """A token's name, what it may, and for how long."""

    name = forms.CharField(max_length=80)
    scope = forms.ChoiceField(choices=[(name, name) for name in ROLE_OF_SCOPE])
    days = forms.ChoiceField(choices=LASTS, required=False)


@require_http_methods(["GET", "POST"])
def tokens(request: HttpRequest) -> HttpResponse:
    person = person_of(request)
    form = TokenForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        lasts_s = int(given["days"]) * _DAY_S if given["days"] else None
        try:
            _, text = make(request, role_of(person), given["name"], given["scope"], lasts_s)
        except (TooManyTokens, ScopeTooHigh) as error:
            form.add_error(None, f"{error}.")
        else:
            return _show(request, person, made=given["name"], text=text)
    return _show(request, person, form=form)


@require_POST
def revoke(request: HttpRequest, token_id: int) -> HttpResponse:
    try:
        take_away(request, role_of(person_of(request)), token_id)
    except RecordUnknown:
        return not_found(request)
    return redirect("tokens")


def make(
    request: HttpRequest, role: Role, name: str, scope: str, lasts_s: int | None
) -> tuple[ApiToken, str]:
    """Make a token for who asks in a role, and no mightier. `TooManyTokens`, `ScopeTooHigh`."""
    person = person_of(request)
    if not may(role, ROLE_OF_SCOPE[scope]):
        raise ScopeTooHigh(field="scope", scope=scope, role=role.value)
    if tokens_of(person).count() >= MAX_TOKENS_OF_ONE:
        raise TooManyTokens(limit=MAX_TOKENS_OF_ONE)
    with transaction.atomic():
        made = token_create(owner=person, name=name, scopes=(scope,), lasts_s=lasts_s)
        report(request, "token-made", f"made the token {name}: {scope}", user=person.username)
    return made


def take_away(request: HttpRequest, role: Role, token_id: int) -> None:
    """Revoke a token of one's own; an admin may anybody's. Raises `RecordUnknown`."""
    person = person_of(request)
    with transaction.atomic():
        owner = None if may(role, Role.ADMIN) else person
        token = token_revoke(token_id=token_id, owner=owner)
        report(request, "token-revoked", f"revoked the token {token.name}", user=person.username)
    wiring.end_lines(person_id=token.owner_id)


def seen_by(person: Person, role: Role) -> list[dict[str, Any]]:
    """Return the tokens that somebody may see in a role, as rows."""
    found = tokens_of(None if may(role, Role.ADMIN) else person)
    return [
        {
            "id": token.pk,
            "name": token.name,
            "owner": token.owner.username,
            "scopes": token.scopes.split(),
            "created_ms": time_ms_of(token.created),
            "last_used_ms": None if token.last_used is None else time_ms_of(token.last_used),
            "expires_ms": None if token.expires is None else time_ms_of(token.expires),
        }
        for token in found
    ]


def _show(request: HttpRequest, person: Person, **context: object) -> HttpResponse:
    context.setdefault("form", TokenForm())
    context |= {
        "tokens": seen_by(person, role_of(person)),
        "scopes": _scopes(role_of(person)),
        "lasts": LASTS,
    }
    return render(request, "people/tokens.html", context)


def _scopes(role: Role) -> list[str]:
    return [scope for scope, needed in ROLE_OF_SCOPE.items() if may(role, needed)]
