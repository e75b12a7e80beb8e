"""People and tokens: made, changed, checked."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from functools import cache
from typing import Final
from zoneinfo import available_timezones

from django.contrib.auth.hashers import check_password, make_password
from django.contrib.sessions.models import Session
from django.db import DatabaseError, IntegrityError, transaction

from chaindeck.node.logs import get_logger
from chaindeck.records.bulk import moment, now_ms, time_ms_of
from chaindeck.records.errors import (
    ChoiceUnknown,
    LastAdmin,
    NameTaken,
    RecordUnknown,
    TokenRefused,
)
from chaindeck.records.limits import RANDOM_PASSWORD_BYTES, TOKEN_BYTES, TOKEN_USE_NOTED_S
from chaindeck.records.models import ApiToken, Person
from chaindeck.records.models.people import Role

THEMES: Final = ("system", "light", "dark")
DENSITIES: Final = ("comfortable", "compact")
SCOPES: Final = ("read", "submit", "operate", "admin")
TOKEN_PREFIX: Final = "cdw_"  # noqa: S105 - the beginning of every token is no secret
_log = get_logger("records")


def person_create(
    *,
    username: str,
    password: str | None = None,
    role: str = Role.VIEWER.value,
    must_change_password: bool = False,
) -> tuple[Person, str]:
    """Make somebody who can sign in; return them and their password, a random one if none is given.

    Raises `NameTaken` and `ChoiceUnknown`.
    """
    chosen = password or secrets.token_urlsafe(RANDOM_PASSWORD_BYTES)
    person = Person(
        username=username,
        role=_role(role),
        must_change_password=must_change_password,
        is_staff=role == Role.ADMIN,
        password=make_password(chosen),
    )
    try:
        with transaction.atomic():
            person.save(force_insert=True)
    except IntegrityError:
        raise NameTaken(kind="person", name=username) from None
    return person, chosen


def admin_ensure(*, username: str = "admin") -> str | None:
    """Make the first administrator; return the password to show once, None if there is one."""
    with transaction.atomic():
        if Person.objects.filter(role=Role.ADMIN).exists():
            return None
        _, password = person_create(username=username, role=Role.ADMIN, must_change_password=True)
        return password


def person_verify(*, username: str, password: str) -> Person | None:
    """Return who signs in, None where name or password is wrong; both take as long."""
    person = Person.objects.filter(username=username).first()
    if person is None:
        check_password(password, _nobody())
        return None
    return person if person.check_password(password) and person.is_active else None


def person_set_role(*, username: str, role: str) -> Person:
    """Change what somebody may do, and sign them out.

    Raises `RecordUnknown`, `ChoiceUnknown` and `LastAdmin`.
    """
    with transaction.atomic():
        person = _find(username)
        if _role(role) != Role.ADMIN:
            _check_not_last(person)
        person.role = _role(role)
        _end_visits(person)
        person.is_staff = role == Role.ADMIN
        person.save(update_fields=["role", "is_staff"])
        return person


def person_set_active(*, username: str, is_active: bool) -> Person:
    """Let somebody in, or out at once. Raises `RecordUnknown` and `LastAdmin`."""
    with transaction.atomic():
        person = _find(username)
        if not is_active:
            _check_not_last(person)
            _end_visits(person)
        person.is_active = is_active
        person.save(update_fields=["is_active"])
        return person


def person_reset_password(*, username: str) -> tuple[Person, str]:
    """Give somebody a password for one time, and sign them out. Raises `RecordUnknown`."""
    chosen = secrets.token_urlsafe(RANDOM_PASSWORD_BYTES)
    with transaction.atomic():
        person = _find(username)
        person.password = make_password(chosen)
        person.must_change_password = True
        _end_visits(person)
        person.save(update_fields=["password", "must_change_password"])
        return person, chosen


def person_set_look(
    *, username: str, theme: str, density: str, time_zone: str, reduces_motion: bool
) -> Person:
    """Keep how somebody's pages look. Raises `RecordUnknown` and `ChoiceUnknown`."""
    for field, text, choices in (("theme", theme, THEMES), ("density", density, DENSITIES)):
        if text not in choices:
            raise ChoiceUnknown(field=field, text=text, kind=field, choices=", ".join(choices))
    if time_zone not in available_timezones():
        raise ChoiceUnknown(
            field="time_zone", text=time_zone, kind="time zone", choices="UTC, Europe/Berlin, ..."
        )
    with transaction.atomic():
        person = _find(username)
        person.theme, person.density = theme, density
        person.time_zone, person.reduces_motion = time_zone, reduces_motion
        person.save(update_fields=["theme", "density", "time_zone", "reduces_motion"])
        return person


def person_set_password(*, username: str, password: str) -> None:
    """Raises `RecordUnknown`."""
    with transaction.atomic():
        person = _find(username)
        person.password = make_password(password)
        person.must_change_password = False
        person.save(update_fields=["password", "must_change_password"])


def token_create(
    *, owner: Person, name: str, scopes: Iterable[str], lasts_s: int | None = None
) -> tuple[ApiToken, str]:
    """Make a token; return it and its text, which nobody can read again. Raises `ChoiceUnknown`."""
    wanted = list(scopes)
    for scope in wanted:
        if scope not in SCOPES:
            raise ChoiceUnknown(field="scopes", text=scope, kind="scope", choices=", ".join(SCOPES))
    text = TOKEN_PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
    now = now_ms()
    token = ApiToken.objects.create(
        name=name[:80],
        token_hash=_hash(text),
        scopes=" ".join(scope for scope in SCOPES if scope in wanted),
        owner=owner,
        created=moment(now),
        expires=None if lasts_s is None else moment(now + lasts_s * 1000),
    )
    return token, text


def token_verify(*, text: str) -> ApiToken:
    """Return the token of a text, with its owner, and note that it was used. `TokenRefused`."""
    token = ApiToken.objects.select_related("owner").filter(token_hash=_hash(text)).first()
    now = now_ms()
    if token is None or not token.owner.is_active:
        raise TokenRefused
    if token.expires is not None and time_ms_of(token.expires) <= now:
        raise TokenRefused
    used_ms = 0 if token.last_used is None else time_ms_of(token.last_used)
    if now - used_ms >= TOKEN_USE_NOTED_S * 1000:
        _note_use(token, now)
    return token


def _note_use(token: ApiToken, time_ms: int) -> None:
    token.last_used = moment(time_ms)
    try:
        token.save(update_fields=["last_used"])
    except DatabaseError as error:
        # Who may read may do so where nothing can be written, as on a full disk.
        _log.warning("the use of a token was not noted", reason=str(error).strip())


def token_revoke(*, token_id: int, owner: Person | None = None) -> ApiToken:
    """Make a token useless and return what it was, of one owner or any. `RecordUnknown`."""
    found = ApiToken.objects.filter(pk=token_id)
    with transaction.atomic():
        token = (found if owner is None else found.filter(owner=owner)).first()
        if token is None:
            raise RecordUnknown(kind="token", name=str(token_id))
        ApiToken.objects.filter(pk=token_id).delete()
        return token


@cache
def _nobody() -> str:
    """A password checked where there is no such person, so that both answers take as long."""
    return make_password(secrets.token_urlsafe(RANDOM_PASSWORD_BYTES))


def _find(username: str) -> Person:
    person = Person.objects.select_for_update().filter(username=username).first()
    if person is None:
        raise RecordUnknown(kind="person", name=username)
    return person


def _check_not_last(person: Person) -> None:
    admins = Person.objects.select_for_update().filter(role=Role.ADMIN, is_active=True)
    if person.pk in {admin.pk for admin in admins} and len(admins) == 1:
        raise LastAdmin(name=person.username)


def _end_visits(person: Person) -> None:
    keys = list(person.visits.values_list("session_key", flat=True))
    Session.objects.filter(session_key__in=keys).delete()
    person.visits.all().delete()


def _role(text: str) -> Role:
    if text not in Role.values:
        raise ChoiceUnknown(field="role", text=text, kind="role", choices=", ".join(Role.values))
    return Role(text)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
