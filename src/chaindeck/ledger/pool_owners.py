"""Which waiting transactions pay an owner, found without looking at all that waits.

Most transactions have few outputs; they are listed under each owner that they pay. Those with more
than `POOL_LISTED_OUTPUTS` are not, because a pool full of them would have millions of owners: their
bytes are searched instead. An owner whom one transaction pays costs no container of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter

from chaindeck.ledger.limits import POOL_LISTED_OUTPUTS
from chaindeck.ledger.pool_types import Pooled
from chaindeck.ledger.types import KeyHash, OutPoint, Output, Payment, Transaction

_BY_AGE = attrgetter("sequence")
_Payers = dict[int, Pooled]
"""By sequence."""


class PoolOwners:
    """An index of what is in a pool; `add` and `remove` are told of each transaction once."""

    def __init__(self) -> None:
        self._payers: dict[KeyHash, Pooled | _Payers] = {}
        self._wide: _Payers = {}

    def add(self, entry: Pooled) -> None:
        payers = self._payers
        if not entry.outputs:
            self._wide[entry.sequence] = entry
        for output in entry.outputs:
            if type(output) is Payment:
                known = payers.get(output.key_hash)
                if known is None:
                    payers[output.key_hash] = entry
                elif isinstance(known, dict):
                    known[entry.sequence] = entry
                elif known is not entry:
                    payers[output.key_hash] = {known.sequence: known, entry.sequence: entry}

    def remove(self, entry: Pooled) -> None:
        payers = self._payers
        if not entry.outputs:
            del self._wide[entry.sequence]
        for output in entry.outputs:
            if type(output) is Payment:
                known = payers.get(output.key_hash)
                if known is entry:
                    del payers[output.key_hash]
                elif isinstance(known, dict):
                    known.pop(entry.sequence, None)
                    if not known:
                        del payers[output.key_hash]

    def listed(self, key_hash: KeyHash) -> list[Pooled]:
        """Return the transactions with few outputs that pay this owner, by sequence."""
        known = self._payers.get(key_hash)
        if known is None:
            return []
        return sorted(known.values(), key=_BY_AGE) if isinstance(known, dict) else [known]

    def unlisted(self) -> list[Pooled]:
        """Return the transactions with many outputs, of which any may pay anybody, by sequence."""
        return sorted(self._wide.values(), key=_BY_AGE)


def listed_outputs(transaction: Transaction) -> tuple[Output, ...]:
    """Return the outputs that a waiting transaction is listed under; none where they are many."""
    outputs = transaction.outputs
    return outputs if len(outputs) <= POOL_LISTED_OUTPUTS else ()


def payments_to(entry: Pooled, key_hash: KeyHash) -> Iterator[tuple[OutPoint, Payment]]:
    """Yield what a waiting transaction pays to an owner, with the keys of the coins to be."""
    if not entry.outputs and entry.raw.find(key_hash) < 0:
        return
    for index, output in enumerate(entry.outputs or entry.transaction.outputs):
        if isinstance(output, Payment) and output.key_hash == key_hash:
            yield OutPoint(entry.id + index.to_bytes(4, "big")), output
