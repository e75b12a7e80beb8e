"""What every answer says to the browser: load nothing from elsewhere, keep nothing personal.

Pages and JSON leave compressed. A form's secret changes with every answer, and the length of the
compressed text is blurred, so that it tells nothing about it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import patch_vary_headers
from django.utils.text import compress_string

from chaindeck.control import wiring
from chaindeck.control.limits import BLUR_BYTES, MIN_COMPRESSED_BYTES

_PACKED_KINDS: Final = ("text/html", "application/json")
POLICY: Final = (
    "default-src 'self'; connect-src 'self'; img-src 'self' data:; object-src 'none';"
    " base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}
PLACE: Final = "chaindeck_place"
"""The attribute of a request with epoch and number of the last event before it."""

Answer = Callable[[HttpRequest], HttpResponseBase]


def answer_headers(get_response: Answer) -> Answer:
    """Add them where a view has not said otherwise."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        if isinstance(response, HttpResponse):
            response.headers["Content-Length"] = str(len(response.content))
        return response

    return answer


def note_place(get_response: Answer) -> Answer:
    """Note where the stream of events stands before anything is read for a page.

    The page takes it along and listens from there on, so that it misses nothing that happens while
    it is on its way.
    """

    def answer(request: HttpRequest) -> HttpResponseBase:
        setattr(request, PLACE, wiring.place())
        return get_response(request)

    return answer


def pack_answers(get_response: Answer) -> Answer:
    """Compress what is whole, long enough, and text."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if isinstance(response, HttpResponse) and _is_worth_packing(response):
            patch_vary_headers(response, ("Accept-Encoding",))
            if takes_gzip(request.headers.get("Accept-Encoding", "")):
                response.content = compress_string(response.content, max_random_bytes=BLUR_BYTES)
                response.headers["Content-Encoding"] = "gzip"
                response.headers["Content-Length"] = str(len(response.content))
        return response

    return answer


def takes_gzip(accepted: str) -> bool:
    """Whether a header Accept-Encoding names gzip, and does not rule it out with `q=0`."""
    for part in accepted.lower().split(","):
        name, _, quality = part.partition(";")
        if name.strip() == "gzip":
            return quality.replace(" ", "").rstrip("0.") != "q="
    return False


def _is_worth_packing(response: HttpResponse) -> bool:
    kind = response.headers.get("Content-Type", "").partition(";")[0]
    return (
        kind in _PACKED_KINDS
        and len(response.content) >= MIN_COMPRESSED_BYTES
        and not response.has_header("Content-Encoding")
    )
