"""Signing in and out, and the password that is asked for at the first time."""

from __future__ import annotations

import time
from http import HTTPStatus

from django import forms
from django.contrib.auth import login, logout, password_validation, update_session_auth_hash
from django.db import transaction
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST

from chaindeck.control import wiring
from chaindeck.control.people.reports import address_of, report
from chaindeck.control.templatetags.deck import span
from chaindeck.records.models import Person
from chaindeck.records.services.people import person_set_password, person_verify
from chaindeck.records.services.trials import trial_begin, trial_forgive
from chaindeck.records.services.visits import visit_begin, visit_end, visits_end_others

_BACKEND = "django.contrib.auth.backends.ModelBackend"
_WRONG = "Name and password do not fit together."


class SignInForm(forms.Form):
    """Who, and what they know."""

    username = forms.CharField(max_length=150)
    password = forms.CharField(max_length=200, strip=False, widget=forms.PasswordInput)


class NewPasswordForm(forms.Form):
    """A password twice."""

    password = forms.CharField(max_length=200, strip=False, widget=forms.PasswordInput)
    again = forms.CharField(max_length=200, strip=False, widget=forms.PasswordInput)

    def __init__(self, person: Person, data: QueryDict | None) -> None:
        super().__init__(data)
        self._person = person

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        password_validation.validate_password(password, self._person)
        if self._person.check_password(password):
            raise forms.ValidationError("This is the password you have now.")
        return password

    def clean(self) -> None:
        given = self.cleaned_data
        if "password" in given and given["password"] != given.get("again"):
            self.add_error("again", "The two are not the same.")


class ChangePasswordForm(NewPasswordForm):
    """A new password, from somebody who knows the old one."""

    old = forms.CharField(max_length=200, strip=False, widget=forms.PasswordInput)

    def clean_old(self) -> str:
        old: str = self.cleaned_data["old"]
        if not self._person.check_password(old):
            raise forms.ValidationError("This is not your password.")
        return old


@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        return redirect(_next(request))
    form = SignInForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        return _try(request, form)
    return _show(request, form)


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    person, key = request.user, request.session.session_key
    if isinstance(person, Person) and key:
        with transaction.atomic():
            person.visits.filter(session_key=key).delete()
            report(request, "sign-out", "signed out", user=person.username)
        logout(request)
        wiring.end_lines(person_id=person.pk, session_key=key)
    return redirect("sign-in")


@require_http_methods(["GET", "POST"])
def new_password(request: HttpRequest) -> HttpResponse:
    person = person_of(request)
    kind = NewPasswordForm if person.must_change_password else ChangePasswordForm
    form = kind(person, request.POST or None)
    if request.method == "POST" and form.is_valid():
        _change_password(request, person, form.cleaned_data["password"])
        return redirect("overview")
    return render(request, "people/new_password.html", {"form": form})


def person_of(request: HttpRequest) -> Person:
    person = request.user
    assert isinstance(person, Person), "the table of rights lets only people in"
    return person


def _try(request: HttpRequest, form: SignInForm) -> HttpResponse:
    """Look at a password, unless this name has to wait after too many wrong ones."""
    name, address = form.cleaned_data["username"], address_of(request)
    trial = trial_begin(username=name, ip_address=address)
    if not trial.is_allowed:
        return _show(request, form, wait_until_ms=trial.next_ms)
    person = person_verify(**form.cleaned_data)
    if person is None:
        _report_failure(request, name, trial.next_ms)
        if trial.next_ms:
            return _show(request, form, wait_until_ms=trial.next_ms)
        form.add_error(None, _WRONG)
        return _show(request, form)
    trial_forgive(username=name, ip_address=address)
    _enter(request, person)
    return redirect(_next(request))


def _enter(request: HttpRequest, person: Person) -> None:
    agent = request.headers.get("User-Agent", "")
    with transaction.atomic():
        login(request, person, backend=_BACKEND)
        key = request.session.session_key
        assert key, "signing in makes a session"
        visit_begin(session_key=key, person=person, ip_address=address_of(request), agent=agent)
        report(request, "sign-in", "signed in", user=person.username)


def _report_failure(request: HttpRequest, name: str, blocked_until_ms: int) -> None:
    # What was typed may be a password in the wrong field: only names that exist are written down.
    known = name if Person.objects.filter(username=name).exists() else ""
    who = f"as {known}" if known else "with an unknown name"
    report(request, "sign-in-failed", f"could not sign in {who}", user=known, severity="warning")
    if blocked_until_ms:
        wait = span(max(blocked_until_ms - _now_ms(), 1_000))
        text = f"too many failures {who}: locked for {wait}"
        report(request, "sign-in-locked", text, user=known, severity="warning")


def _change_password(request: HttpRequest, person: Person, password: str) -> None:
    """Keep it; whoever else is signed in under this name has to sign in again."""
    old_key = request.session.session_key or ""
    with transaction.atomic():
        person_set_password(username=person.username, password=password)
        person.refresh_from_db()
        update_session_auth_hash(request, person)
        key = request.session.session_key
        assert key, "a session that goes on has a key"
        _move_visit(request, person, old_key, key)
        visits_end_others(person=person, session_key=key)
        report(request, "password-changed", "chose a new password", user=person.username)
    wiring.end_lines(person_id=person.pk)


def _move_visit(request: HttpRequest, person: Person, old_key: str, key: str) -> None:
    agent = request.headers.get("User-Agent", "")
    if person.visits.filter(session_key=old_key).exists():
        visit_end(session_key=old_key, person=person)
    visit_begin(session_key=key, person=person, ip_address=address_of(request), agent=agent)


def _show(request: HttpRequest, form: SignInForm, wait_until_ms: int = 0) -> HttpResponse:
    context: dict[str, object] = {"form": form, "next": _next(request)}
    if not wait_until_ms:
        return render(request, "people/sign_in.html", context)
    wait_ms = max(wait_until_ms - _now_ms(), 1_000)
    until = time.strftime("%H:%M:%S", time.gmtime(wait_until_ms / 1000))
    context["locked"] = f"Too many failures. Try again in {span(wait_ms)}, at {until} UTC."
    status = HTTPStatus.TOO_MANY_REQUESTS
    answer = render(request, "people/sign_in.html", context, status=status)
    answer.headers["Retry-After"] = str(-(-wait_ms // 1000))
    return answer


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _next(request: HttpRequest) -> str:
    """Where somebody wanted to go; never to another site."""
    wanted = request.POST.get("next") or request.GET.get("next") or "/"
    hosts = {request.get_host()}
    is_ours = url_has_allowed_host_and_scheme(wanted, hosts, require_https=request.is_secure())
    return wanted if is_ours else "/"
