"""The names that people give to addresses, for everybody here to see."""

from __future__ import annotations

from django.core.exceptions import BadRequest
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from chaindeck.control.pages import shown
from chaindeck.control.people.reports import report
from chaindeck.control.people.signing import person_of
from chaindeck.records.selectors.chain import chain_place
from chaindeck.records.services.labels import MAX_LABEL_CHARACTERS, label_set


@require_POST
def name_address(request: HttpRequest, address: str) -> HttpResponse:
    """Name an address and watch it, or stop. All see the name, so the log has who gave it."""
    shown.owner_of(address, chain_place())
    address, name = address.lower(), request.POST.get("label", "").strip()
    is_watched = request.POST.get("watch") == "on"
    if len(name) > MAX_LABEL_CHARACTERS:
        raise BadRequest(f"a name has at most {MAX_LABEL_CHARACTERS} characters")
    with transaction.atomic():
        label_set(address=address, label=name, is_watched=is_watched)
        called = f"is called {name!r}" if name else "has no name"
        watched = ", and is watched" if is_watched else ""
        text = f"{address} {called}{watched}"
        report(request, "address-labelled", text, user=person_of(request).username)
    return redirect("address", address=address)
