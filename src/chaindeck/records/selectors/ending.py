"""Where the index ends, for filters of Django's; `places.END_PLACE` is for statements."""

from __future__ import annotations

from django.db.models import F, Subquery

from chaindeck.records.models import FollowerCursor
from chaindeck.records.places import first_place


def index_end() -> Subquery:
    """Return the first place that is not of the chain: from there on rows come or go."""
    places = FollowerCursor.objects.annotate(end=(F("height") + 1) * first_place(1))
    return Subquery(places.values("end")[:1])
