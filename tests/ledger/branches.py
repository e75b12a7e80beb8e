"""Grows branches of bare headers with names, for tests of which branch holds."""

from __future__ import annotations

from collections.abc import Sequence

from chaindeck.ledger.chain import BlockTree, Choice
from chaindeck.ledger.codec import build_header
from chaindeck.ledger.ports import Entry
from chaindeck.ledger.types import BlockHash


def entry_on(parent: Entry, work: int = 1, salt: int = 0) -> Entry:
    header = build_header(
        height=parent.header.height + 1,
        previous=parent.header.hash,
        merkle_root=salt.to_bytes(32, "big"),
        time_ms=parent.header.time_ms + 1,
        target_bits=0,
        tx_count=1,
    )
    return Entry(header, parent.work + work, 0, None)


GENESIS = Entry(
    build_header(
        height=0, previous=bytes(32), merkle_root=bytes(32), time_ms=0, target_bits=0, tx_count=1
    ),
    0,
    0,
    None,
)


class Tree:
    """A tree whose blocks have names and whose active tip moves where it chooses."""

    def __init__(self) -> None:
        self.tree = BlockTree(GENESIS)
        self.entries = {"g": GENESIS}
        self.active = "g"

    def add(self, names: str, on: str = "g", *, work: int = 1, bodies: bool = True) -> None:
        """Add a branch of blocks, one letter each."""
        for name in names:
            self.entries[name] = entry_on(self.entries[on], work, ord(name))
            self.tree.add_header(self.entries[name])
            if bodies:
                self.body(name)
            on = name

    def line(self, name: str, count: int, on: str = "g") -> str:
        """Add a long branch; its blocks are called name0, name1, ...; return the last."""
        for number in range(count):
            self.entries[f"{name}{number}"] = entry_on(self.entries[on], 1, ord(name[0]))
            on = f"{name}{number}"
            self.tree.add_header(self.entries[on])
            self.body(on)
        return on

    def body(self, name: str) -> None:
        self.tree.add_body(self.hash(name))

    def hash(self, name: str) -> BlockHash:
        return self.entries[name].header.hash

    def names(self, hashes: Sequence[BlockHash]) -> str:
        by_hash = {entry.header.hash: name for name, entry in self.entries.items()}
        return " ".join(by_hash[item] for item in hashes)

    def choose(self, *, is_syncing: bool = False) -> Choice:
        choice = self.tree.choose(self.hash(self.active), is_syncing=is_syncing)
        self.active = self.names([choice.tip.header.hash])
        return choice

    def statuses(self) -> dict[str, str]:
        return {
            self.names([tip.entry.header.hash]): tip.status
            for tip in self.tree.tips(self.hash(self.active))
        }
