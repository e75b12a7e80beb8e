"""What the beginning of a hash, a day, or a part of a name may mean."""

from __future__ import annotations

from chaindeck.records.bulk import moment
from chaindeck.records.models import AddressLabel, Block, Transaction
from chaindeck.records.selectors.ending import index_end
from chaindeck.records.selectors.paging import check_limit

_AFTER_HEX = "g"
"""Above every hexadecimal digit: a range finds by index what LIKE would read the table for."""


def height_before(time_ms: int) -> int | None:
    """Return the height of the last block of the chain before a moment."""
    found = Block.objects.filter(is_on_chain=True, timestamp__lt=moment(time_ms))
    return found.order_by("-timestamp").values_list("block_index", flat=True).first()


def blocks_beginning(text: str, *, limit: int = 5) -> list[tuple[str, int]]:
    """Return hash and height of blocks whose hash begins so."""
    check_limit(limit)
    found = Block.objects.filter(hash__gte=text, hash__lt=text + _AFTER_HEX).order_by("hash")
    return list(found.values_list("hash", "block_index")[:limit])


def transactions_beginning(text: str, *, limit: int = 5) -> list[str]:
    """Return ids of transactions that begin so."""
    check_limit(limit)
    found = Transaction.objects.filter(tx_hash__gte=text, tx_hash__lt=text + _AFTER_HEX)
    found = found.filter(id__lt=index_end())
    return list(found.order_by("tx_hash").values_list("tx_hash", flat=True)[:limit])


def labels_containing(text: str, *, limit: int = 5) -> list[tuple[str, str]]:
    """Return address and label of those whose label has the text in it."""
    check_limit(limit)
    found = AddressLabel.objects.filter(label__icontains=text).order_by("label", "address")
    return list(found.values_list("address", "label")[:limit])
