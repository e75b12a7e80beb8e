"""What people read when something is not there or went wrong, and what to do next."""

from __future__ import annotations

import secrets
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from chaindeck.control.rights import forbid, is_for_programs, problem
from chaindeck.node.logs import get_logger

_log = get_logger("web")


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    del exception
    return _fail(
        request, HTTPStatus.BAD_REQUEST, "request-malformed", "This request makes no sense"
    )


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
    """A fault of ours; Django has logged where."""
    number = secrets.token_hex(4)
    _log.warning("a page failed", path=request.path, number=number)
    return _fail(
        request,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "fault",
        f"Something broke here. It is in the log of the web under {number}",
    )


def _fail(request: HttpRequest, status: HTTPStatus, code: str, message: str) -> HttpResponse:
    if is_for_programs(request):
        return problem(status, code, message)
    context = {"message": message, "status": status.value}
    return render(request, "failures/failure.html", context, status=status)
