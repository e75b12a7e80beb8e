"""Names that people give to addresses, and which of them they want to hear of."""

from __future__ import annotations

from typing import Final

from django.db import transaction

from chaindeck.records.bulk import moment, now_ms
from chaindeck.records.models import AddressLabel

MAX_LABEL_CHARACTERS: Final = 120
"""As many as the column takes."""


def label_set(*, address: str, label: str, is_watched: bool) -> None:
    """Name an address, or take its name away; with neither name nor watch the row goes."""
    text = label.strip()
    assert len(text) <= MAX_LABEL_CHARACTERS, "callers refuse a longer one"
    with transaction.atomic():
        if not text and not is_watched:
            AddressLabel.objects.filter(address=address).delete()
            return
        AddressLabel.objects.update_or_create(
            address=address,
            defaults={"label": text, "is_watched": is_watched},
            create_defaults={
                "label": text,
                "is_watched": is_watched,
                "created": moment(now_ms()),
            },
        )
