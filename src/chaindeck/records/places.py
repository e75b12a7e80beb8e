"""Keys of the chain's tables: where a transaction, an output or an input stands, in one integer.

    place  = height << 20 | number within the block
    slot   = place << 16 | number within the transaction

Outputs, inputs and entries of addresses have slots. Rows of one block, and of one transaction, are
thus a range of keys, and the end of the chain is the end of each table.
"""

from __future__ import annotations

from typing import Final

from chaindeck.records.limits import OUTPUT_INDEX_BITS, TX_INDEX_BITS

END_PLACE: Final = f"(SELECT (height + 1) * {1 << TX_INDEX_BITS} FROM follower_cursors)"
END_SLOT: Final = (
    f"(SELECT (height + 1) * {1 << (TX_INDEX_BITS + OUTPUT_INDEX_BITS)} FROM follower_cursors)"
)
"""In a statement, where the index ends. Rows from there on are not of the chain: they are being
written or removed, and whoever reads passes over them."""

_TX_MASK: Final = (1 << TX_INDEX_BITS) - 1
_OUTPUT_MASK: Final = (1 << OUTPUT_INDEX_BITS) - 1


def first_place(height: int) -> int:
    """Return the place of a block's coinbase."""
    return height << TX_INDEX_BITS


def first_slot(place: int) -> int:
    return place << OUTPUT_INDEX_BITS


def height_of(place: int) -> int:
    return place >> TX_INDEX_BITS


def number_of(place: int) -> int:
    """Return which transaction of its block this is; 0 is the coinbase."""
    return place & _TX_MASK


def place_of(slot: int) -> int:
    return slot >> OUTPUT_INDEX_BITS


def index_of(slot: int) -> int:
    """Return which output, input or entry of its transaction this is."""
    return slot & _OUTPUT_MASK
