"""Notes now and then that a signed-in browser was here, so that its person sees where they are."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponseBase

from chaindeck.control.limits import VISITS_REMEMBERED
from chaindeck.control.rights import token_of
from chaindeck.node.logs import get_logger
from chaindeck.records.limits import VISIT_NOTED_S
from chaindeck.records.services.visits import visit_seen

Answer = Callable[[HttpRequest], HttpResponseBase]
_log = get_logger("web")
_noted_s: OrderedDict[str, float] = OrderedDict()
"""When each was noted last: most requests need not ask the database."""


def visit_middleware(get_response: Answer) -> Answer:
    def answer(request: HttpRequest) -> HttpResponseBase:
        key = request.session.session_key
        response = get_response(request)
        if key and token_of(request) is None and _is_due(key):
            _note(request, key)
        return response

    return answer


def _note(request: HttpRequest, key: str) -> None:
    try:
        if request.user.is_authenticated:
            visit_seen(session_key=key)
    except DatabaseError as error:
        # What was answered stands, whether it can be written down or not.
        _log.warning("a visit was not noted", reason=str(error).strip())


def _is_due(key: str) -> bool:
    now_s = time.monotonic()
    noted_s = _noted_s.get(key)
    if noted_s is not None and now_s - noted_s < VISIT_NOTED_S:
        return False
    _noted_s[key] = now_s
    while len(_noted_s) > VISITS_REMEMBERED:
        # Another thread may have taken the last one.
        _noted_s.pop(next(iter(_noted_s), ""), None)
    return True
