"""What only development chains can do: money from a faucet, a clock, snapshots, and starting over.

The faucet's key is public on purpose: it is derived from the words below, and every development
chain made by `dev_genesis` allots it coins. What it owns is worth nothing anywhere else.
"""

from __future__ import annotations

import hashlib
import secrets

import msgspec

from chaindeck.ledger import profiles
from chaindeck.ledger.addresses import encode_address
from chaindeck.ledger.codec import build_transaction, encode_body
from chaindeck.ledger.coins import Coin, decode_coin
from chaindeck.ledger.genesis import Allocation, Genesis
from chaindeck.ledger.limits import COIN
from chaindeck.ledger.pool_types import Rejected
from chaindeck.ledger.signatures import SigningKey, transaction_digest
from chaindeck.ledger.types import (
    Amount,
    KeyHash,
    OutPoint,
    Output,
    Payment,
    Transaction,
    TxId,
    TxInput,
)
from chaindeck.node.clock import DevClock, Setting
from chaindeck.node.errors import FaucetEmpty, UnknownSnapshot
from chaindeck.node.service import NodeService, Past

FAUCET_KEY = SigningKey(hashlib.sha256(b"chaindeck development faucet, a public key").digest())
_FAUCET_COINS = 100
_FAUCET_COIN = 10_000 * COIN


def dev_genesis(name: str = "dev") -> Genesis:
    """Return a development document whose faucet is full."""
    allocation = Allocation(encode_address(FAUCET_KEY.key_hash, "tdeck"), _FAUCET_COIN)
    return profiles.dev(name=name, allocations=[allocation] * _FAUCET_COINS)


class _Snapshot(msgspec.Struct, frozen=True):
    past: Past
    clock: Setting


class DevTools:
    """The development commands of one service, whose clock is a `DevClock`."""

    def __init__(self, service: NodeService, clock: DevClock) -> None:
        self._service = service
        self.clock = clock
        self._snapshots: dict[str, _Snapshot] = {}

    async def snapshot(self) -> str:
        """Remember chain, payments and clock as they are; return the name to revert to."""
        name = secrets.token_hex(4)
        self._snapshots[name] = _Snapshot(self._service.remember(), self.clock.setting)
        return name

    async def revert(self, name: str) -> None:
        """Go back to a snapshot. It and those before it stay, those after it are gone.

        What came after it is forgotten as if it had never come.
        """
        if name not in self._snapshots:
            raise UnknownSnapshot(field="id", id=name)
        snapshot = self._snapshots[name]
        self.clock.adopt(snapshot.clock)
        await self._service.rewind(snapshot.past)
        names = list(self._snapshots)
        for later in names[names.index(name) + 1 :]:
            del self._snapshots[later]

    async def reset(self) -> None:
        """Start over: nothing but the genesis block is known, and the time is the machine's."""
        self._snapshots.clear()
        self.clock.adopt(Setting())
        await self._service.start_over()

    async def faucet(self, key_hash: KeyHash, amount: Amount) -> TxId:
        """Pay somebody from the faucet; the payment waits for a block like any other."""
        outpoint, coin = self._faucet_coin(amount)
        payment = self._faucet_payment(outpoint, coin, key_hash, amount)
        (result,) = await self._service.submit_transactions([payment])
        if isinstance(result, Rejected):
            raise result.error
        return payment.id

    def _faucet_coin(self, amount: int) -> tuple[OutPoint, Coin]:
        """Find a coin that is large enough and that nothing in the pool spends."""
        cursor: bytes | None = None
        while True:
            page = self._service.store.coins_of(FAUCET_KEY.key_hash, cursor=cursor)
            for outpoint, packed in page.coins:
                coin = decode_coin(packed)
                if coin.amount >= amount and self._service.state.pool.spender(outpoint) is None:
                    return outpoint, coin
            if page.cursor is None:
                raise FaucetEmpty(field="amount", amount=amount)
            cursor = page.cursor

    def _faucet_payment(
        self, outpoint: OutPoint, coin: Coin, key_hash: KeyHash, amount: Amount
    ) -> Transaction:
        network = self._service.network
        inputs = [TxInput(TxId(outpoint[:32]), int.from_bytes(outpoint[32:], "big"))]
        outputs: list[Output] = [Payment(key_hash, amount)]
        if coin.amount > amount:
            outputs.append(Payment(FAUCET_KEY.key_hash, Amount(coin.amount - amount)))
        timestamp = self.clock.now_ms() // 1000
        digest = transaction_digest(network.id, encode_body(inputs, outputs, timestamp), [coin])
        return build_transaction(inputs, outputs, timestamp, FAUCET_KEY.sign(digest))
