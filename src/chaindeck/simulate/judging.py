"""The chain of one simulated node: the ledger's own, but for work that another has done already."""

from __future__ import annotations

from chaindeck.ledger.connect import Change
from chaindeck.ledger.errors import RuleError
from chaindeck.ledger.headers import check_not_held
from chaindeck.ledger.ports import CoinView, Entry
from chaindeck.ledger.state import ChainState, Steps
from chaindeck.ledger.types import Block, Header
from chaindeck.simulate.keeping import Keeper
from chaindeck.simulate.library import Library


class SharedChainState(ChainState):
    """Looks verdicts up before it judges: they do not depend on who asks."""

    def __init__(self, library: Library, keeper: Keeper) -> None:
        super().__init__(library.network, keeper, threads=1, cache=library.cache)
        self._library = library

    def judge_header(self, header: Header, seal: bytes, now_ms: int) -> Entry:
        known = self._library.entries.get(header.hash)
        if known is None:
            known = super().judge_header(header, seal, now_ms)
            self._library.entries[header.hash] = known
            return known
        # What does depend on who asks: whether the parent is known and stands, and the clock.
        self.tree.parent_of(header.previous)
        check_not_held(header, now_ms)
        return known

    def judge_body(self, entry: Entry, block: Block, view: CoinView) -> Steps[Change]:
        verdict = self._library.verdicts.get(block.hash)
        if isinstance(verdict, Change):
            return verdict
        if verdict is not None:
            # Raised many times, one error would carry all the ways that it came.
            raise verdict.with_traceback(None)
        try:
            change = yield from super().judge_body(entry, block, view)
        except RuleError as error:
            self._library.verdicts[block.hash] = error
            raise
        return change
