"""Wallets, coins and a node in memory for tests, the cheap kind of everything."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from chaindeck.ledger.coins import Coin
from chaindeck.ledger.errors import RuleError
from chaindeck.ledger.pool_types import FeeBucket
from chaindeck.ledger.signatures import SigningKey
from chaindeck.ledger.transactions import check_signatures, check_spend, check_transaction
from chaindeck.ledger.types import Height, KeyHash, NetworkId, OutPoint, Payment, Transaction
from chaindeck.wallet.keys import key_secret, phrase_secret
from chaindeck.wallet.mnemonics import encode_phrase
from chaindeck.wallet.ports import ChainStatus
from chaindeck.wallet.sealing import Cost
from chaindeck.wallet.types import NetworkIdentity, WalletCoin
from chaindeck.wallet.wallet import Wallet

NETWORK = NetworkIdentity(NetworkId(b"\x07" * 32), "tdeck")
OTHER_NETWORK = NetworkIdentity(NetworkId(b"\x08" * 32), "tdeck")
PHRASE = phrase_secret(encode_phrase(bytes(range(16))))
KEY = key_secret(b"\x11" * 32)
PASSWORD = "correct horse"
CHEAP = Cost(n=2, r=1, p=1)
KEYS = [SigningKey(bytes([number]) * 32) for number in range(1, 7)]


def vectors(name: str) -> Any:
    return json.loads((Path(__file__).parent / "vectors" / name).read_text(encoding="utf-8"))


def coin(
    number: int, amount: int, key_hash: KeyHash = KEYS[0].key_hash, **changes: Any
) -> WalletCoin:
    fields = {"height": Height(1), "is_reward": False, **changes}
    outpoint = OutPoint(number.to_bytes(32, "big") + bytes(4))
    return WalletCoin(outpoint, Coin(key_hash, amount, **fields))


def pay(amount: int, key: SigningKey = KEYS[-1]) -> Payment:
    return Payment(key.key_hash, amount)


def signer_of(*keys: SigningKey):
    return {key.key_hash: key for key in keys}.get


def signing_hash(wallet: Wallet, key_hash: KeyHash) -> KeyHash | None:
    """Return whom a wallet's key for this owner signs as."""
    signer = wallet.signer(key_hash)
    return signer.key_hash if signer else None


def attempt(function, *arguments):
    """Return what a function returns and None, or None and the rule that it says is broken."""
    try:
        return function(*arguments), None
    except RuleError as error:
        return None, error


class Node:
    """A node that applies each transaction at once, by the ledger's rules."""

    def __init__(self, coins: Sequence[WalletCoin] = (), *, height: int = 100, network=NETWORK):
        self.coins = {item.outpoint: item for item in coins}
        self.used = {item.coin.key_hash for item in coins}
        self.histogram: list[FeeBucket] = []
        self.answer = ChainStatus(network, Height(height), 10, 8_000_000, 0)

    def status(self):
        return self.answer

    def coins_of(self, key_hashes):
        owners = set(key_hashes)
        return [item for item in self.coins.values() if item.coin.key_hash in owners]

    def is_used(self, key_hash):
        return key_hash in self.used

    def fee_histogram(self):
        return self.histogram

    def submit(self, transaction: Transaction):
        spent = [self.coins[item.outpoint].coin for item in transaction.inputs]
        check_transaction(transaction)
        check_spend(transaction, spent, Height(self.answer.height + 1), self.answer.maturity)
        check_signatures(transaction, spent, self.answer.network.id)
        for item in transaction.inputs:
            del self.coins[item.outpoint]
        for index, output in enumerate(transaction.outputs):
            if isinstance(output, Payment):
                made = Coin(output.key_hash, output.amount, self.answer.height, is_reward=False)
                outpoint = transaction.outpoint(index)
                self.coins[outpoint] = WalletCoin(outpoint, made)
                self.used.add(output.key_hash)
