"""Programs come with a token: `Authorization: Bearer ...`. It counts for the API alone.

A token stands in no cookie, so no other site can send it, and its requests need no form's secret. A
request with both is its token's; a token that opens nothing is refused even beside a good session.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponseBase

from chaindeck.control.rights import is_for_programs, problem
from chaindeck.records.errors import TokenRefused
from chaindeck.records.services.people import token_verify

_KIND = "bearer "
_NO_CSRF = "_dont_enforce_csrf_checks"
Answer = Callable[[HttpRequest], HttpResponseBase]


def bearer_middleware(get_response: Answer) -> Answer:
    """Put the token of a request, and its owner, where the table of rights looks for them."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        given = request.headers.get("Authorization", "")
        if not given.lower().startswith(_KIND) or not is_for_programs(request):
            return get_response(request)
        try:
            token = token_verify(text=given[len(_KIND) :].strip())
        except TokenRefused as error:
            refusal = problem(HTTPStatus.UNAUTHORIZED, error.code, str(error))
            refusal.headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
            return refusal
        request.token = token  # type: ignore[attr-defined]  # where `rights.token_of` finds it
        request.user = token.owner
        # Django's own way of saying that no cookie speaks for this request.
        setattr(request, _NO_CSRF, True)
        return get_response(request)

    return answer
