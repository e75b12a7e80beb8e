"""The last entries of one branch: all that the rules of headers look back at in a replay."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import islice

from chaindeck.ledger.ports import Entry
from chaindeck.store.limits import TREE_BLOCKS


class Recent:
    """A chain that only grows (`ledger.ports.Ancestry`)."""

    def __init__(self, genesis: Entry) -> None:
        self._entries: deque[Entry] = deque([genesis], maxlen=TREE_BLOCKS)

    @property
    def tip(self) -> Entry:
        return self._entries[-1]

    def add(self, entry: Entry) -> None:
        assert entry.header.previous == self.tip.header.hash, "a replay follows one branch"
        self._entries.append(entry)

    def window(self, entry: Entry, count: int) -> Sequence[Entry]:
        assert entry is self.tip, "a replay looks back from its end"
        entries = self._entries
        assert count <= TREE_BLOCKS, "no rule looks back further"
        return list(islice(entries, max(0, len(entries) - count), None))
