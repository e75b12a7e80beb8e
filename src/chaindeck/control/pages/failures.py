"""What people read when something is not there or went wrong, and what to do next."""

from __future__ import annotations

import logging
import secrets
import sys
from http import HTTPStatus

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import BadRequest
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from chaindeck.control.rights import forbid, is_for_programs, problem
from chaindeck.node.logs import get_logger
from chaindeck.records.connecting import let_go
from chaindeck.records.models import Person

_log = get_logger("web")


def _without_traceback(record: logging.LogRecord) -> bool:
    """What somebody asks wrongly is one line: a traceback would only show our own way there."""
    if record.levelno < logging.ERROR:
        record.exc_info = None
    return True


logging.getLogger("django.request").addFilter(_without_traceback)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Only what our own pages say of it is shown; Django's words may name what a stranger sent."""
    why = f": {exception}" if isinstance(exception, BadRequest) else ""
    text = f"This request makes no sense{why}"
    return _fail(request, HTTPStatus.BAD_REQUEST, "request-malformed", text)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    del exception
    return forbid(request)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    del exception
    return _fail(request, HTTPStatus.NOT_FOUND, "not-found", "There is nothing at this address")


def form_expired(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The form was opened before a sign-in, or comes from another site."""
    del reason
    return _fail(
        request, HTTPStatus.FORBIDDEN, "form-expired", "This form is too old: go back and reload it"
    )


def broken(request: HttpRequest) -> HttpResponse:
    """Records that do not answer, or else a fault of ours; Django has logged where."""
    error = sys.exception()
    if isinstance(error, (OperationalError, InterfaceError)):
        let_go(error)
        # Asking who is signed in would fail again.
        request.user = AnonymousUser()
        text = "Records do not answer; try again in some seconds"
        return _fail(request, HTTPStatus.SERVICE_UNAVAILABLE, "records-away", text)
    number = secrets.token_hex(4)
    _log.warning("a page failed", path=request.path, number=number)
    return _fail(
        request,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "fault",
        f"Something broke here. It is in the log of the web under {number}",
    )


def unavailable(request: HttpRequest, text: str) -> HttpResponse:
    """Somebody who is asked for this does not answer now."""
    return _fail(request, HTTPStatus.SERVICE_UNAVAILABLE, "part-away", text)


def _fail(request: HttpRequest, status: HTTPStatus, code: str, message: str) -> HttpResponse:
    if is_for_programs(request):
        return problem(status, code, message)
    context = {"message": message, "status": status.value}
    name = "framed" if _has_frame(request, status) else "failure"
    return render(request, f"failures/{name}.html", context, status=status)


def _has_frame(request: HttpRequest, status: HTTPStatus) -> bool:
    """Whether rooms and search stand around it: not where drawing them may be what failed."""
    person = getattr(request, "user", None)
    return (
        isinstance(person, Person)
        and not person.must_change_password
        and status != HTTPStatus.INTERNAL_SERVER_ERROR
    )
