"""All people, for admins: made, given roles, let in and out, given a new password for one time."""

from __future__ import annotations

from collections.abc import Callable

from django import forms
from django.contrib.auth.validators import ASCIIUsernameValidator
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_POST

from chaindeck.control import wiring
from chaindeck.control.limits import MAX_PEOPLE
from chaindeck.control.pages.failures import not_found
from chaindeck.control.people.reports import report
from chaindeck.control.people.signing import person_of
from chaindeck.records.errors import ChoiceUnknown, LastAdmin, NameTaken
from chaindeck.records.models import Person
from chaindeck.records.models.people import Role
from chaindeck.records.selectors.people import people_all
from chaindeck.records.services import people as services

_Change = Callable[[Person], str]


class PersonForm(forms.Form):
    """Somebody new."""

    username = forms.CharField(max_length=150, validators=[ASCIIUsernameValidator()])
    role = forms.ChoiceField(choices=Role.choices)


@require_http_methods(["GET", "POST"])
def people(request: HttpRequest) -> HttpResponse:
    form = PersonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        return _create(request, form)
    return _show(request, form=form)


@require_POST
def set_role(request: HttpRequest, person_id: int) -> HttpResponse:
    role = request.POST.get("role", "")

    def change(person: Person) -> str:
        services.person_set_role(username=person.username, role=role)
        report(request, "role-changed", f"{person.username} is {role} now", user=_me(request))
        return f"{person.username} is {role} now, and has to sign in again."

    return _change(request, person_id, change)


@require_POST
def set_active(request: HttpRequest, person_id: int) -> HttpResponse:
    is_active = request.POST.get("is_active") == "1"
    word = "may sign in again" if is_active else "may sign in no longer"

    def change(person: Person) -> str:
        services.person_set_active(username=person.username, is_active=is_active)
        action = "person-enabled" if is_active else "person-disabled"
        report(request, action, f"{person.username} {word}", user=_me(request))
        return f"{person.username} {word}."

    return _change(request, person_id, change)


@require_POST
def reset(request: HttpRequest, person_id: int) -> HttpResponse:
    person = Person.objects.filter(pk=person_id).first()
    if person is None:
        return not_found(request)
    with transaction.atomic():
        _, password = services.person_reset_password(username=person.username)
        text = f"{person.username} got a password for one time"
        report(request, "password-reset", text, user=_me(request))
    wiring.end_lines(person_id=person.pk)
    return _show(request, made=person.username, password=password)


def _create(request: HttpRequest, form: PersonForm) -> HttpResponse:
    name, role = form.cleaned_data["username"], form.cleaned_data["role"]
    if people_all().count() >= MAX_PEOPLE:
        form.add_error(None, f"There are {MAX_PEOPLE} people already.")
        return _show(request, form=form)
    try:
        with transaction.atomic():
            _, password = services.person_create(
                username=name, role=role, must_change_password=True
            )
            report(request, "person-created", f"made {name}, {role}", user=_me(request))
    except NameTaken:
        form.add_error("username", "There is somebody of this name already.")
        return _show(request, form=form)
    return _show(request, made=name, password=password)


def _change(request: HttpRequest, person_id: int, change: _Change) -> HttpResponse:
    person = Person.objects.filter(pk=person_id).first()
    if person is None:
        return not_found(request)
    try:
        with transaction.atomic():
            said = change(person)
    except (LastAdmin, ChoiceUnknown) as error:
        return _show(request, problem=f"{error}.")
    wiring.end_lines(person_id=person.pk)
    return _show(request, said=said)


def _show(request: HttpRequest, **context: object) -> HttpResponse:
    context.setdefault("form", PersonForm())
    found = {"people": people_all(), "roles": Role.values, "me": request.user}
    return render(request, "people/people.html", context | found)


def _me(request: HttpRequest) -> str:
    return person_of(request).username
