"""What a block changes: coins spent, coins made, fees. Judged by the kernel, explained slowly.

The kernel looks at a whole block at once, recovers signatures on several threads, and says either
yes or at which transaction it stumbled. It never says why: `slow_connect` does, by running the
rules of `transactions` and `blocks` one by one. So each rule has one wording and one error, and
the slow way is the oracle that tests hold the fast one against.
"""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from typing import cast

import msgspec

from chaindeck.kernel import BlockVerdict, check_block
from chaindeck.ledger.blocks import check_body
from chaindeck.ledger.codec import block_transactions
from chaindeck.ledger.coins import Coin, encode_coin
from chaindeck.ledger.genesis import Network
from chaindeck.ledger.limits import MAX_AMOUNT, MAX_TRANSACTION_BYTES
from chaindeck.ledger.money import subsidy_at
from chaindeck.ledger.ports import CoinView, Entry
from chaindeck.ledger.signatures import SignatureCache
from chaindeck.ledger.slow_connect import connect_block_slowly
from chaindeck.ledger.types import Amount, Block, FullId, Height, OutPoint, PackedCoin, Payment

_Coins = list[tuple[OutPoint, PackedCoin]]


class Change(msgspec.Struct, frozen=True):
    """What connecting a block does to the coins; undoing it does the opposite."""

    spent: list[tuple[OutPoint, PackedCoin]]
    """Coins from before the block, in the order in which it spends them."""

    created: list[tuple[OutPoint, PackedCoin]]
    """Coins that outlive the block; what it makes and spends itself is in neither list."""

    fees: Amount


class Question(msgspec.Struct, frozen=True):
    """A block and the coins it wants to spend, ready to be judged without any further look-up."""

    network: Network
    entry: Entry
    block: Block
    outpoints: list[OutPoint]
    coins: list[PackedCoin | None]
    full_ids: list[FullId]
    known: bytes

    def ask(self, threads: int = 2) -> BlockVerdict:
        """Let the kernel judge. This is the long part, and any thread may do it."""
        height = self.entry.header.height
        return check_block(
            self.block.index,
            self.coins,
            self.known,
            self.network.id,
            height,
            subsidy_at(self.network.genesis, height),
            self.network.genesis.maturity,
            MAX_AMOUNT,
            MAX_TRANSACTION_BYTES,
            threads,
        )


def connect_block(
    network: Network,
    entry: Entry,
    block: Block,
    view: CoinView,
    cache: SignatureCache,
    *,
    threads: int = 2,
) -> Change:
    """Return what a block with a checked header changes, or raise the rule that it breaks.

    Nothing is changed by looking: apply the result with `apply_change`. `prepare_question`, `ask`
    and `conclude` do the same in three steps.
    """
    question = prepare_question(network, entry, block, view, cache)
    return conclude(question, question.ask(threads), view, cache)


def prepare_question(
    network: Network, entry: Entry, block: Block, view: CoinView, cache: SignatureCache
) -> Question:
    """Check the body as far as it concerns no coins, and look up the coins it spends."""
    check_body(network.genesis, entry, block)
    outpoints = [OutPoint(key) for key in block.index.spent_outpoints]
    full_ids = [FullId(full_id) for full_id in block.index.full_ids]
    coins = view.coins(outpoints)
    return Question(network, entry, block, outpoints, coins, full_ids, cache.known(full_ids))


def conclude(
    question: Question, verdict: BlockVerdict, view: CoinView, cache: SignatureCache
) -> Change:
    """Turn the kernel's verdict into the change, or into the error that names the broken rule."""
    block = question.block
    if not verdict.is_valid:
        connect_block_slowly(
            question.network, question.entry, block, view, signed_before=verdict.suspect
        )
        message = f"the kernel suspects transaction {verdict.suspect} of {block.hash.hex()}"
        raise AssertionError(message)
    cache.add(question.full_ids)
    # A good verdict means that every coin was there, and the kernel makes keys and coins as we do.
    spent = cast("_Coins", list(zip(question.outpoints, question.coins, strict=True)))
    return Change(spent, cast("_Coins", verdict.created), Amount(verdict.fees))


def genesis_coins(network: Network) -> dict[OutPoint, PackedCoin]:
    """Return the coins that exist from the start: the allocations, which need not mature."""
    allocated = next(block_transactions(network.block))
    return {
        allocated.outpoint(index): encode_coin(
            Coin(output.key_hash, output.amount, Height(0), is_reward=False)
        )
        for index, output in enumerate(allocated.outputs)
        if isinstance(output, Payment)
    }


class CoinsInMemory:
    """A set of coins in a dictionary: a `CoinView` for tests, tools and second looks."""

    def __init__(self, held: MutableMapping[OutPoint, PackedCoin]) -> None:
        self.held = held

    def coins(self, outpoints: Sequence[OutPoint]) -> list[PackedCoin | None]:
        return [self.held.get(outpoint) for outpoint in outpoints]


class OtherCoins:
    """Coins as they are at another moment than a view's: some blocks ahead, or some back.

    A way is judged block by block before a keeper changes at all, and afterwards the pool takes
    blocks back one by one and asks for the coins after each.
    """

    def __init__(self, view: CoinView) -> None:
        self._view = view
        self._other: dict[OutPoint, PackedCoin | None] = {}

    def coins(self, outpoints: Sequence[OutPoint]) -> list[PackedCoin | None]:
        now = self._view.coins(outpoints)
        return [
            self._other.get(outpoint, coin) for outpoint, coin in zip(outpoints, now, strict=True)
        ]

    def rewind(self, undone: Sequence[Change], done: Sequence[Change]) -> None:
        """Go back to before blocks were undone, the highest first, and others done upwards."""
        for change in reversed(done):
            self.undo(change)
        for change in reversed(undone):
            self.apply(change)

    def apply(self, change: Change) -> None:
        self._other.update(dict.fromkeys([key for key, _ in change.spent]))
        self._other.update(change.created)

    def undo(self, change: Change) -> None:
        self._other.update(dict.fromkeys([key for key, _ in change.created]))
        self._other.update(change.spent)


def apply_change(coins: MutableMapping[OutPoint, PackedCoin], change: Change) -> None:
    """Change a set of coins as a block does."""
    for outpoint, _ in change.spent:
        del coins[outpoint]
    coins.update(change.created)


def undo_change(coins: MutableMapping[OutPoint, PackedCoin], change: Change) -> None:
    """Take back what `apply_change` did."""
    for outpoint, _ in change.created:
        del coins[outpoint]
    coins.update(change.spent)
