"""Wallets that pay each other at any node, and what became of every single payment.

A wallet spends what it was paid before it is in a block, so that chains of payments wait. What a
node refuses is refused; what it takes has to be mined, or dropped with a reason, or lost with the
only node that had it. `Fate` says which.
"""

from __future__ import annotations

import enum
import random
from collections import deque
from collections.abc import Callable, Sequence

from chaindeck.ledger.codec import build_transaction, encode_body
from chaindeck.ledger.coins import Coin, decode_coin
from chaindeck.ledger.connect import genesis_coins
from chaindeck.ledger.genesis import Network
from chaindeck.ledger.pool_types import Rejected
from chaindeck.ledger.signatures import SigningKey, transaction_digest
from chaindeck.ledger.types import (
    Amount,
    BlockHash,
    Height,
    KeyHash,
    OutPoint,
    Output,
    PackedCoin,
    Payment,
    Transaction,
    TxId,
    TxInput,
)
from chaindeck.simulate.library import Library
from chaindeck.simulate.limits import (
    CHAINED_SHARE,
    JOINED_SHARE,
    LEAST_COIN,
    MAX_FEE,
    OUTPUT_BYTES,
    REFRESH_US,
    WIDE_PAYMENT_BYTES,
)
from chaindeck.simulate.node import SimulatedNode
from chaindeck.simulate.scenario import LoadPart
from chaindeck.simulate.world import SECOND, World

_Owned = tuple[OutPoint, Coin]


class Fate(enum.StrEnum):
    """What became of a payment."""

    MINED = "mined"
    REFUSED = "refused"
    """By the node it was handed to, which said why."""

    DROPPED = "dropped"
    """By a node that had taken it, which said why."""

    LOST = "lost"
    """With the only node that had it."""

    WAITING = "waiting"
    VANISHED = "vanished"
    """Nobody has it and nobody said why: never, in a network that works."""


class Submitted:
    """One payment that was handed to a node."""

    __slots__ = ("at_us", "is_lost", "is_taken", "node", "reason", "transaction")

    def __init__(self, transaction: Transaction, node: int, at_us: int) -> None:
        self.transaction = transaction
        self.node = node
        self.at_us = at_us
        self.reason = ""
        """The code with which it was refused or dropped, as far as it was."""
        self.is_taken = False
        """Whether the node took it."""
        self.is_lost = False


class Wallet:
    """One key and the coins that its owner believes to have."""

    def __init__(self, key: SigningKey, home: int) -> None:
        self.key = key
        self.home = home
        """The node it pays through."""
        self.coins: deque[_Owned] = deque()


class Load:
    """Makes payments while it runs."""

    def __init__(
        self,
        world: World,
        library: Library,
        part: LoadPart,
        keys: Sequence[SigningKey],
        dice: random.Random,
        up_nodes: Callable[[], Sequence[SimulatedNode]],
    ) -> None:
        self.submitted: dict[TxId, Submitted] = {}
        self.when_taken: Callable[[Submitted], None] | None = None
        self._world = world
        self._library = library
        self._part = part
        self._dice = dice
        self._up_nodes = up_nodes
        self._is_running = False
        self._refreshed_us = 0
        self._spending: dict[OutPoint, TxId] = {}
        self._wallets = [Wallet(key, number) for number, key in enumerate(keys)]
        self._by_owner = {wallet.key.key_hash: wallet for wallet in self._wallets}
        self._give(genesis_coins(library.network))

    # Pace

    def start(self, end_s: float) -> None:
        """Pay from the scenario's `from_s` to its `until_s`, or to the end given."""
        self._is_running = True
        until_s = self._part.until_s or end_s
        self._pace(self._part.payments_per_s, self._part.from_s, until_s)
        if self._part.waiting_kb:
            from_us = self._world.start_us + int(self._part.from_s * SECOND)
            self._world.at(from_us, self._fill)
        for burst in self._part.bursts:
            self._pace(burst.payments_per_s, burst.from_s, burst.until_s)

    def stop(self) -> None:
        self._is_running = False

    def _pace(self, rate_s: float, from_s: float, until_s: float) -> None:
        if rate_s > 0 and self._wallets:
            world = self._world
            until_us = world.start_us + int(until_s * SECOND)
            world.at(world.start_us + int(from_s * SECOND), self._wait, rate_s, until_us)

    def _wait(self, rate_s: float, until_us: int) -> None:
        wait_us = int(self._dice.expovariate(rate_s) * SECOND)
        self._world.after(wait_us, self._next, rate_s, until_us)

    def _next(self, rate_s: float, until_us: int) -> None:
        if self._is_running and self._world.now_us < until_us:
            self.pay_somebody()
            self._wait(rate_s, until_us)

    # Paying

    def pay_somebody(self) -> None:
        """Make one payment, or two of the same coin."""
        nodes = self._up_nodes()
        wallet = self._richest_of_some()
        if not nodes or wallet is None:
            self._refresh(nodes)
            return
        coins = self._take_coins(wallet)
        payment = self._make(wallet, coins)
        self._submit(payment, self._node_of(wallet, nodes))
        if self._dice.random() * 100 < self._part.conflict_percent:
            self._submit(self._make(wallet, coins), self._dice.choice(nodes))

    def _richest_of_some(self) -> Wallet | None:
        """Return one of a few wallets that has coins; None if none of them has any."""
        some = self._dice.sample(self._wallets, min(4, len(self._wallets)))
        wallet = max(some, key=lambda item: len(item.coins))
        return wallet if wallet.coins else None

    def _take_coins(self, wallet: Wallet) -> list[_Owned]:
        is_chained = self._dice.random() < CHAINED_SHARE
        taken = [wallet.coins.pop() if is_chained else wallet.coins.popleft()]
        if wallet.coins and self._dice.random() < JOINED_SHARE:
            taken.append(wallet.coins.popleft())
        return taken

    def _node_of(self, wallet: Wallet, nodes: Sequence[SimulatedNode]) -> SimulatedNode:
        is_roaming = self._dice.random() * 100 < self._part.roaming_percent
        return self._dice.choice(nodes) if is_roaming else nodes[wallet.home % len(nodes)]

    def _make(self, wallet: Wallet, coins: Sequence[_Owned]) -> Transaction:
        total = sum(coin.amount for _, coin in coins)
        fee = int(self._dice.random() * MAX_FEE)
        paid = int(total * self._dice.uniform(0.1, 0.6))
        payee = self._dice.choice(self._wallets)
        outputs: list[Output] = [
            Payment(payee.key.key_hash, Amount(paid)),
            Payment(wallet.key.key_hash, Amount(total - paid - fee)),
        ]
        return self._sign(wallet, coins, outputs)

    def _sign(
        self, wallet: Wallet, coins: Sequence[_Owned], outputs: Sequence[Output]
    ) -> Transaction:
        inputs = [
            TxInput(TxId(outpoint[:32]), int.from_bytes(outpoint[32:], "big"))
            for outpoint, _ in coins
        ]
        time_s = self._world.now_us // SECOND
        body = encode_body(inputs, outputs, time_s)
        digest = transaction_digest(self._library.network.id, body, [coin for _, coin in coins])
        return build_transaction(inputs, outputs, time_s, wallet.key.sign(digest))

    def _submit(self, transaction: Transaction, node: SimulatedNode) -> None:
        record = Submitted(transaction, node.number, self._world.now_us)
        self.submitted[transaction.id] = record
        if self.when_taken is not None:
            self.when_taken(record)
        self._world.acting = node
        result = node.take_payments([transaction])[0]
        if isinstance(result, Rejected):
            record.reason = result.error.code
            return
        record.is_taken = True
        for item in transaction.inputs:
            self._spending[item.outpoint] = transaction.id
        for position, output in enumerate(transaction.outputs):
            if isinstance(output, Payment) and output.amount >= LEAST_COIN:
                coin = Coin(output.key_hash, output.amount, Height(0), is_reward=False)
                self._hand(output.key_hash, (transaction.outpoint(position), coin))

    def _fill(self) -> None:
        self.fill_pools(self._up_nodes(), self._part.waiting_kb * 1000)

    def fill_pools(self, nodes: Sequence[SimulatedNode], size_bytes: int) -> None:
        """Let payments of a total size wait at all of these nodes, as long ones as are usual."""
        coins = [(wallet, owned) for wallet in self._wallets for owned in wallet.coins]
        coins = coins[: max(1, size_bytes // WIDE_PAYMENT_BYTES)]
        for wallet in self._wallets:
            wallet.coins.clear()
        count = max(1, size_bytes // len(coins) // OUTPUT_BYTES)
        payments = [self._make_wide(wallet, owned, count) for wallet, owned in coins]
        for payment in payments:
            record = Submitted(payment, nodes[0].number, self._world.now_us)
            record.is_taken = True
            self.submitted[payment.id] = record
        for node in nodes:
            node.fill_pool(payments)

    def _make_wide(self, wallet: Wallet, owned: _Owned, count: int) -> Transaction:
        """Split one coin into many."""
        each = Payment(wallet.key.key_hash, Amount((owned[1].amount - MAX_FEE) // count))
        return self._sign(wallet, [owned], [each] * count)

    # Coins

    def _give(self, coins: dict[OutPoint, PackedCoin]) -> None:
        for outpoint, packed in coins.items():
            coin = decode_coin(packed)
            self._hand(coin.key_hash, (outpoint, coin))

    def _hand(self, owner: KeyHash, owned: _Owned) -> None:
        wallet = self._by_owner.get(owner)
        if wallet is not None:
            wallet.coins.append(owned)

    def _refresh(self, nodes: Sequence[SimulatedNode]) -> None:
        """Look at a node's chain for coins that no payment on its way spends."""
        if not nodes or self._world.now_us - self._refreshed_us < REFRESH_US:
            return
        self._refreshed_us = self._world.now_us
        node = self._dice.choice(nodes)
        network, next_height = self._library.network, node.state.next_height
        for wallet in self._wallets:
            wallet.coins.clear()
        for outpoint, packed in self._library.coins_at(node.keeper.active).items():
            coin = decode_coin(packed)
            if coin.amount >= LEAST_COIN and _is_ripe(network, coin, next_height):
                spender = self._spending.get(outpoint)
                if spender is None or self.submitted[spender].reason:
                    self._hand(coin.key_hash, (outpoint, coin))

    # What became of them

    def note_drop(self, tx_id: TxId, code: str) -> None:
        """Note that a node let a payment go and said why."""
        record = self.submitted.get(tx_id)
        if record is not None and not record.reason:
            record.reason = code

    def note_lost(self, node: SimulatedNode, others: Sequence[SimulatedNode]) -> None:
        """Note what goes with a node that ends: payments that none of the others has."""
        for _, entry in node.state.pool.by_age():
            record = self.submitted.get(entry.id)
            if record is not None and not any(_waits(other, entry.id) for other in others):
                record.is_lost = True

    def note_lost_block(self, block_hash: BlockHash, others: Sequence[SimulatedNode]) -> None:
        """Note what goes with a block that only its maker's broken disk had."""
        if any(block_hash in other.keeper.bodies for other in others):
            return
        for tx_id in self._library.blocks[block_hash].index.txids:
            record = self.submitted.get(TxId(tx_id))
            if record is not None and not any(_waits(other, TxId(tx_id)) for other in others):
                record.is_lost = True

    def fates(self, nodes: Sequence[SimulatedNode]) -> dict[TxId, Fate]:
        """Return what became of every payment, as these nodes have it."""
        mined: set[bytes] = set()
        for node in nodes[:1]:
            for block_hash in node.keeper.active:
                mined.update(self._library.blocks[block_hash].index.txids)
        return {
            tx_id: self._fate(tx_id, record, mined, nodes)
            for tx_id, record in self.submitted.items()
        }

    @staticmethod
    def _fate(
        tx_id: TxId, record: Submitted, mined: set[bytes], nodes: Sequence[SimulatedNode]
    ) -> Fate:
        if tx_id in mined:
            return Fate.MINED
        if any(_waits(node, tx_id) for node in nodes):
            return Fate.WAITING
        if record.reason:
            return Fate.DROPPED if record.is_taken else Fate.REFUSED
        return Fate.LOST if record.is_lost else Fate.VANISHED


def _waits(node: SimulatedNode, tx_id: TxId) -> bool:
    return node.state.pool.get(tx_id) is not None


def _is_ripe(network: Network, coin: Coin, next_height: int) -> bool:
    return not coin.is_reward or next_height - coin.height >= network.genesis.maturity
