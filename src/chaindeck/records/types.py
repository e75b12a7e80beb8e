"""Values that go in and out of records. They know no table.

Amounts are integers of base units, hashes lower-case hexadecimal, times Unix milliseconds.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from chaindeck.ledger.types import Block

KINDS: Final[dict[str, frozenset[str]]] = {
    "block": frozenset({"connected", "disconnected"}),
    "chain": frozenset({"tip", "reorganised", "indexing"}),
    "pool": frozenset({"changed"}),
    "transaction": frozenset({"pooled", "confirmed", "dropped"}),
    "node": frozenset({"changed", "added", "removed"}),
    "network": frozenset({"stats"}),
    "system": frozenset({"metrics"}),
    "status": frozenset({"changed"}),
    "activity": frozenset({"logged"}),
    "job": frozenset({"started", "progressed", "ended"}),
}
"""Topics of the journal, and what can be told under each."""


class EventDraft(msgspec.Struct, frozen=True):
    """An event before it has a number."""

    topic: str
    kind: str
    key: str
    data: dict[str, Any]


class EventRow(msgspec.Struct, frozen=True):
    """One event of the journal; `data_json` is its data as it is kept."""

    seq: int
    time_ms: int
    topic: str
    kind: str
    key: str
    data_json: str

    @property
    def data(self) -> dict[str, Any]:
        decoded: dict[str, Any] = msgspec.json.decode(self.data_json)
        return decoded


class JournalBounds(msgspec.Struct, frozen=True):
    """Which events are kept: none where `first` is above `last`."""

    epoch: str
    first: int
    last: int


class NewBlock(msgspec.Struct, frozen=True):
    """A decoded block with what its node adds: work, who sealed it, and which node that was."""

    block: Block
    work: str
    sealer: str | None = None
    source: str = ""


class ChainPlace(msgspec.Struct, frozen=True):
    """How far the index has come. Height -1 and an empty hash: nothing is indexed."""

    network_id: str
    genesis_hash: str
    address_prefix: str
    start_height: int
    height: int
    hash: str
    is_forgotten: bool = False
    """It is being removed: what is seen of it gets less and less."""


class Page(msgspec.Struct, frozen=True):
    """Rows of a list, and what to ask with for the next; None at the end."""

    rows: list[dict[str, Any]]
    cursor: str | None = None
