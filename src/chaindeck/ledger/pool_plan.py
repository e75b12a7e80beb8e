"""The first half of accepting: everything about a batch that can be said before its signatures.

A plan lists what is left to recover as two byte strings for the kernel, so that this, by far the
longest part, can run on other threads while the pool goes on. A plan outlives other admissions; a
block that comes or goes in between makes it stale, and `Planner.renew` brings it up to date without
recovering anything again: a coin's id commits to its owner and amount, so a signature that was
right stays right.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from chaindeck.ledger.codec import transaction_body
from chaindeck.ledger.coins import Coin, decode_coin
from chaindeck.ledger.errors import AlreadyPooled, CoinbaseAlone, MissingInput, RuleError
from chaindeck.ledger.genesis import Network
from chaindeck.ledger.pool_contents import PoolContents, payment_at
from chaindeck.ledger.pool_types import Rejected
from chaindeck.ledger.ports import CoinView
from chaindeck.ledger.signatures import SignatureCache, transaction_digest
from chaindeck.ledger.transactions import check_spend, check_transaction, signatures_of
from chaindeck.ledger.types import (
    ZERO_HASH,
    Amount,
    Height,
    OutPoint,
    PackedCoin,
    Transaction,
    TxId,
)


class Candidate(msgspec.Struct, gc=False):
    """A transaction of which all is right but perhaps its signatures and its welcome."""

    transaction: Transaction
    outpoints: tuple[OutPoint, ...]
    coins: list[Coin]
    fee: Amount
    parents: tuple[tuple[int, TxId], ...]
    """Inputs whose coin is an output of a transaction that waits or comes earlier in the batch."""

    matures_at: Height
    first_signature: int = 0
    signature_count: int = 0
    """Which of the plan's signatures are its own; none where they are known to be good."""


class Plan(msgspec.Struct, gc=False):
    """What a batch comes to, and the signatures that decide the rest."""

    items: list[Candidate | Rejected]
    digests: bytes
    signatures: bytes
    revision: int
    """Of the pool that made it: how many blocks had come and gone."""


class Planner:
    """Looks at batches of transactions from outside, with the pool and the chain in view."""

    def __init__(self, contents: PoolContents, network: Network, cache: SignatureCache) -> None:
        self._contents = contents
        self._network = network
        self._cache = cache

    def plan(
        self,
        transactions: Sequence[Transaction],
        view: CoinView,
        next_height: Height,
        revision: int,
    ) -> Plan:
        """Check what can be checked now and collect the signatures that nobody has seen yet."""
        items = self._resolve([self._screen(item) for item in transactions], view, next_height)
        digests: list[bytes] = []
        signatures: list[bytes] = []
        for item in items:
            if isinstance(item, Rejected) or item.transaction.full_id in self._cache:
                continue
            own = signatures_of(item.transaction)
            body = transaction_body(item.transaction)
            digest = transaction_digest(self._network.id, body, item.coins)
            item.first_signature, item.signature_count = len(signatures), len(own)
            signatures += own
            digests += [digest] * len(own)
        return Plan(items, b"".join(digests), b"".join(signatures), revision)

    def renew(self, plan: Plan, view: CoinView, next_height: Height, revision: int) -> Plan:
        """Look for the coins of a plan again; its signatures, and their order, stay."""
        before = plan.items
        items = self._resolve(
            [item if isinstance(item, Rejected) else item.transaction for item in before],
            view,
            next_height,
        )
        for old, new in zip(before, items, strict=True):
            if isinstance(new, Candidate) and isinstance(old, Candidate):
                new.first_signature = old.first_signature
                new.signature_count = old.signature_count
        return Plan(items, plan.digests, plan.signatures, revision)

    def _screen(self, transaction: Transaction) -> Transaction | Rejected:
        try:
            if is_coinbase(transaction):
                raise CoinbaseAlone(field="inputs")
            check_transaction(transaction)
        except RuleError as error:
            return reject(transaction, error)
        if transaction.id in self._contents:
            return reject(transaction, AlreadyPooled())
        return transaction

    def _resolve(
        self, screened: Sequence[Transaction | Rejected], view: CoinView, next_height: Height
    ) -> list[Candidate | Rejected]:
        makers: dict[TxId, Transaction] = {}
        asked: list[OutPoint] = []
        for item in screened:
            if isinstance(item, Transaction):
                asked += self._unknown_coins(item, makers)
                makers[item.id] = item
        found = dict(zip(asked, view.coins(asked), strict=True))
        return [
            item if isinstance(item, Rejected) else self._judge(item, makers, found, next_height)
            for item in screened
        ]

    def _unknown_coins(
        self, transaction: Transaction, makers: dict[TxId, Transaction]
    ) -> list[OutPoint]:
        """Return what to ask the chain for; add the waiting makers of the rest to `makers`."""
        asked = []
        for item in transaction.inputs:
            if item.tx_id in makers:
                continue
            waiting = self._contents.get(item.tx_id)
            if waiting is None:
                asked.append(item.outpoint)
            else:
                makers[item.tx_id] = waiting.transaction
        return asked

    def _judge(
        self,
        transaction: Transaction,
        makers: dict[TxId, Transaction],
        found: dict[OutPoint, PackedCoin | None],
        next_height: Height,
    ) -> Candidate | Rejected:
        coins: list[Coin] = []
        outpoints: list[OutPoint] = []
        parents: list[tuple[int, TxId]] = []
        maturity = self._network.genesis.maturity
        matures_at = 0
        for position, item in enumerate(transaction.inputs):
            outpoint = item.outpoint
            packed = found.get(outpoint)
            if packed is not None:
                coin = decode_coin(packed)
                if coin.is_reward:
                    matures_at = max(matures_at, coin.height + maturity)
            elif item.tx_id in makers:
                made = payment_at(makers[item.tx_id], outpoint)
                if made is None:
                    return reject(transaction, missing_input(position))
                coin = Coin(made.key_hash, made.amount, next_height, is_reward=False)
                parents.append((position, item.tx_id))
            else:
                return reject(transaction, missing_input(position))
            outpoints.append(outpoint)
            coins.append(coin)
        try:
            fee = check_spend(transaction, coins, next_height, maturity)
        except RuleError as error:
            return reject(transaction, error)
        return Candidate(
            transaction, tuple(outpoints), coins, fee, tuple(parents), Height(matures_at)
        )


def is_coinbase(transaction: Transaction) -> bool:
    """Whether it creates coins: its one input names the zero transaction."""
    return len(transaction.inputs) == 1 and transaction.inputs[0].tx_id == ZERO_HASH


def missing_input(position: int) -> MissingInput:
    return MissingInput(field=f"inputs[{position}]", input=position)


def reject(transaction: Transaction, error: RuleError) -> Rejected:
    """Say no. The traceback is cut, because it would keep the whole batch in memory."""
    return Rejected(transaction.id, error.with_traceback(None))
