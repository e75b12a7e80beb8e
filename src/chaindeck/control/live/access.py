"""Who is at the other end of a socket, and whether they still may listen.

A page brings its session and its origin, which must be one of ours in full, port included. A
program brings a token and no origin. Both are looked at again while the line lives.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Coroutine
from http.cookies import CookieError, SimpleCookie
from typing import ParamSpec

import msgspec
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.db import DatabaseError
from django.http.request import split_domain_port, validate_host
from django.utils.crypto import constant_time_compare

from chaindeck.control.asgi import Scope
from chaindeck.control.rights import RIGHTS, Right, may, role_of, role_of_token
from chaindeck.control.threads import with_database
from chaindeck.records.errors import TokenRefused
from chaindeck.records.models import Person
from chaindeck.records.models.people import Role
from chaindeck.records.services.people import token_verify

P = ParamSpec("P")
_KIND = "bearer "
NOT_SIGNED_IN = 4401
NOT_ALLOWED = 4403
TRY_LATER = 1013


class Listener(msgspec.Struct, frozen=True):
    """Somebody who may listen, and by what right."""

    person_id: int
    username: str
    role: str
    right: Right
    session_key: str = ""
    token: str = ""

    def __repr__(self) -> str:
        return f"Listener({self.username!r})"


class Refused(Exception):  # noqa: N818 - it says what happened
    """This line is not wanted; `code` is what it is closed with."""

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(code)


async def admit(scope: Scope, origins: Collection[str]) -> Listener:
    """Return who opens a line at an address of the table of rights; raise `Refused`."""
    right = RIGHTS[f"WS {scope['path']}"]
    headers = dict(scope["headers"])
    bearer = headers.get(b"authorization", b"").decode("latin-1")
    origin = headers.get(b"origin", b"").decode("latin-1")
    if origin and not is_ours(origin, headers.get(b"host", b"").decode("latin-1"), scope, origins):
        raise Refused(NOT_ALLOWED)
    if bearer[: len(_KIND)].lower() == _KIND:
        return await identify_token(bearer[len(_KIND) :].strip(), right)
    if not origin:
        # A browser always sends one: without it a session may be somebody else's page's.
        raise Refused(NOT_ALLOWED)
    cookies = headers.get(b"cookie", b"").decode("latin-1")
    return await identify_session(_session_key(cookies), right)


def is_ours(origin: str, host: str, scope: Scope, origins: Collection[str]) -> bool:
    """Whether a page of this origin may listen: the one it asks, or one that settings list."""
    scheme = "https" if scope.get("scheme") == "wss" else "http"
    return origin in origins or (origin == f"{scheme}://{host}" and _is_known(host))


async def check_again(listener: Listener) -> Listener:
    """Return the same person as they are now; raise `Refused` once they may no longer."""
    if listener.token:
        return await identify_token(listener.token, listener.right)
    return await identify_session(listener.session_key, listener.right)


def asking_records(ask: Callable[P, Listener]) -> Callable[P, Coroutine[object, object, Listener]]:
    """Ask in a thread; a database that does not answer refuses for now."""
    put = sync_to_async(with_database(ask))

    @functools.wraps(ask)
    async def asked(*args: P.args, **kwargs: P.kwargs) -> Listener:
        try:
            return await put(*args, **kwargs)
        except DatabaseError:
            raise Refused(TRY_LATER) from None

    return asked


@asking_records
def identify_token(text: str, right: Right) -> Listener:
    try:
        token = token_verify(text=text)
    except TokenRefused:
        raise Refused(NOT_SIGNED_IN) from None
    return _listener(token.owner, role_of_token(token), right, token=text)


@asking_records
def identify_session(session_key: str, right: Right) -> Listener:
    """As Django's own middleware does it: the session, the person, and the password's mark."""
    session = SessionStore(session_key or None)
    person_id = session.get(SESSION_KEY) if session_key else None
    if person_id is None or BACKEND_SESSION_KEY not in session:
        raise Refused(NOT_SIGNED_IN)
    person = Person.objects.filter(pk=person_id, is_active=True).first()
    if person is None or not constant_time_compare(
        session.get(HASH_SESSION_KEY, ""), person.get_session_auth_hash()
    ):
        raise Refused(NOT_SIGNED_IN)
    return _listener(person, role_of(person), right, session_key=session_key)


def _listener(
    person: Person, role: Role | None, right: Right, *, session_key: str = "", token: str = ""
) -> Listener:
    if person.must_change_password or not may(role, right):
        raise Refused(NOT_ALLOWED)
    return Listener(person.pk, person.username, person.role, right, session_key, token)


def _is_known(host: str) -> bool:
    name, _ = split_domain_port(host)
    return bool(name) and validate_host(name, settings.ALLOWED_HOSTS)


def _session_key(cookies: str) -> str:
    jar: SimpleCookie = SimpleCookie()
    try:
        jar.load(cookies)
    except CookieError:
        return ""
    morsel = jar.get(settings.SESSION_COOKIE_NAME)
    return morsel.value if morsel else ""
