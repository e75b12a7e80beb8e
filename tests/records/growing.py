"""Chains that nobody mined: blocks whose bytes are right and whose seals and signatures are not.

Records believe the node, so that is all they look at.
"""

from __future__ import annotations

import random

from chaindeck.kernel import merkle_root
from chaindeck.ledger.addresses import encode_address
from chaindeck.ledger.codec import build_block, build_header, build_transaction
from chaindeck.ledger.genesis import build_network
from chaindeck.ledger.types import (
    ZERO_HASH,
    Amount,
    Data,
    KeyHash,
    Payment,
    Transaction,
    TxId,
    TxInput,
)
from chaindeck.node.dev import dev_genesis
from chaindeck.records.types import NewBlock

NETWORK = build_network(dev_genesis())
PREFIX = NETWORK.genesis.address_prefix
OWNERS = [KeyHash(bytes([number]) * 20) for number in range(1, 9)]
Coin = tuple[TxId, int, int, KeyHash]


def address(owner: KeyHash) -> str:
    return encode_address(owner, PREFIX)


class Grower:
    """A chain with the coins that are left to spend; `fork` goes another way from a height on."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.blocks = [NewBlock(NETWORK.block, "1", None, "test")]
        self.coins: list[list[Coin]] = [[]]

    @property
    def height(self) -> int:
        return len(self.blocks) - 1

    @property
    def tip(self) -> str:
        return self.blocks[-1].block.hash.hex()

    def grow(self, blocks: int = 1, payments: int = 3) -> list[NewBlock]:
        return [self._add(payments) for _ in range(blocks)]

    def fork(self, height: int) -> Grower:
        other = Grower(self.rng)
        other.blocks = self.blocks[: height + 1]
        other.coins = self.coins[: height + 1]
        return other

    def payment(self, coins: list[Coin]) -> Transaction:
        """Spend one or two coins: to somebody, something back, and at times some words."""
        taken = [coins.pop(self.rng.randrange(len(coins))) for _ in range(min(len(coins), 2))]
        total = sum(amount for _, _, amount, _ in taken)
        given = self.rng.randrange(1, total)
        outputs = [
            Payment(self.rng.choice(OWNERS), Amount(given)),
            Payment(taken[0][3], Amount((total - given) // 2 + 1)),
        ]
        if self.rng.random() < 0.2:
            outputs.append(Data(b"words"))
        made = build_transaction(
            [TxInput(tx_id, index) for tx_id, index, _, _ in taken], outputs, 5, bytes(65)
        )
        coins.extend(_coins(made))
        return made

    def _add(self, payments: int) -> NewBlock:
        coins = list(self.coins[-1])
        height = self.height + 1
        owner = self.rng.choice(OWNERS)
        words = Data(self.rng.randbytes(8))
        reward = build_transaction(
            [TxInput(TxId(ZERO_HASH), height)], [Payment(owner, Amount(5_000_000)), words], 1
        )
        coins += _coins(reward)
        transactions = [reward, *(self.payment(coins) for _ in range(payments))]
        previous = self.blocks[-1].block.header
        header = build_header(
            height=height,
            previous=previous.hash,
            merkle_root=merkle_root([item.raw for item in transactions]),
            time_ms=previous.time_ms + 10_000,
            target_bits=previous.target_bits,
            tx_count=len(transactions),
        )
        new = NewBlock(build_block(header, b"", transactions), str(height + 1), None, "test")
        self.blocks.append(new)
        self.coins.append(coins)
        return new


def _coins(made: Transaction) -> list[Coin]:
    return [
        (made.id, place, output.amount, output.key_hash)
        for place, output in enumerate(made.outputs)
        if isinstance(output, Payment) and output.amount > 1
    ]
