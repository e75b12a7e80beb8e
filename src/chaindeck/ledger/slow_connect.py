"""Connecting a block rule by rule: the oracle of `connect`, and the one that names the error.

Slow, and meant to be read. It follows the transactions in order with the coins in a dictionary,
and checks signatures last, when everything that costs less is known to be right: a block that
cheats elsewhere does not buy the time of recovering its signatures.
"""

from __future__ import annotations

from chaindeck.ledger.blocks import check_coinbase_value
from chaindeck.ledger.codec import block_transactions
from chaindeck.ledger.coins import Coin, decode_coin, encode_coin
from chaindeck.ledger.errors import DuplicateTransaction, MissingInput, SpentInBlock
from chaindeck.ledger.genesis import Network
from chaindeck.ledger.money import check_total
from chaindeck.ledger.ports import CoinView, Entry
from chaindeck.ledger.transactions import check_signatures, check_spend, check_transaction
from chaindeck.ledger.types import Amount, Block, Height, OutPoint, PackedCoin, Payment, Transaction

_Coins = dict[OutPoint, Coin]


def connect_block_slowly(
    network: Network, entry: Entry, block: Block, view: CoinView, *, signed_before: int = 0
) -> tuple[list[tuple[OutPoint, PackedCoin]], list[tuple[OutPoint, PackedCoin]], Amount]:
    """Return coins spent, coins made and fees, or raise the first broken rule.

    Transactions before `signed_before` are taken to be signed rightly: the kernel has seen them.
    """
    height = entry.header.height
    run = _Run(network, view, height)
    coinbase, *others = block_transactions(block)
    run.make(coinbase, is_reward=True)
    for position, transaction in enumerate(others, 1):
        run.connect(transaction, position)
    check_coinbase_value(network.genesis, coinbase, height, run.fees)
    for transaction, coins in run.connected[max(0, signed_before - 1) :]:
        check_signatures(transaction, coins, network.id)
    return run.spent, [(key, encode_coin(coin)) for key, coin in run.made.items()], run.fees


class _Run:
    """The coins while one block is followed from its first transaction to its last."""

    def __init__(self, network: Network, view: CoinView, height: Height) -> None:
        self._network = network
        self._view = view
        self._height = height
        self._ids: set[bytes] = set()
        self._gone: set[OutPoint] = set()
        self.made: _Coins = {}
        self.spent: list[tuple[OutPoint, PackedCoin]] = []
        self.connected: list[tuple[Transaction, list[Coin]]] = []
        self.fees = Amount(0)

    def connect(self, transaction: Transaction, position: int) -> None:
        if transaction.id in self._ids:
            raise DuplicateTransaction(field=f"transactions[{position}]", position=position)
        check_transaction(transaction)
        coins = [
            self._take(item.outpoint, position, place)
            for place, item in enumerate(transaction.inputs)
        ]
        fee = check_spend(transaction, coins, self._height, self._network.genesis.maturity)
        self.fees = check_total((self.fees, fee), field=f"transactions[{position}]")
        self.connected.append((transaction, coins))
        self.make(transaction, is_reward=False)

    def make(self, transaction: Transaction, *, is_reward: bool) -> None:
        self._ids.add(transaction.id)
        for index, output in enumerate(transaction.outputs):
            if isinstance(output, Payment):
                coin = Coin(output.key_hash, output.amount, self._height, is_reward)
                self.made[transaction.outpoint(index)] = coin

    def _take(self, outpoint: OutPoint, position: int, place: int) -> Coin:
        field = f"transactions[{position}].inputs[{place}]"
        if outpoint in self._gone:
            raise SpentInBlock(field=field, position=position, input=place)
        self._gone.add(outpoint)
        made = self.made.pop(outpoint, None)
        if made is not None:
            return made
        (packed,) = self._view.coins([outpoint])
        if packed is None:
            raise MissingInput(field=field, input=place)
        self.spent.append((outpoint, packed))
        return decode_coin(packed)
