"""A chain in memory with a pool on it, and payments that cost no signing.

Everything belongs to Alice unless a payment says otherwise. Payments carry 65 zero bytes for a
signature and are put into the signature cache as they are made, so that pool and blocks take them
as signed by the owners. What signatures decide is tested with real ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle

from chaindeck.ledger.codec import block_transactions, build_block, build_transaction
from chaindeck.ledger.coins import Coin, decode_coin, encode_coin
from chaindeck.ledger.connect import undo_change
from chaindeck.ledger.errors import RuleError
from chaindeck.ledger.pool import Pool
from chaindeck.ledger.pool_types import Accepted, DropCode, Dropped, PoolLimits, Rejected
from chaindeck.ledger.templates import Template, build_body
from chaindeck.ledger.types import (
    Amount,
    Block,
    Data,
    Height,
    KeyHash,
    OutPoint,
    Output,
    Payment,
    TimeMs,
    Transaction,
    TxId,
    TxInput,
)
from tests.ledger.forge import ALICE, Forge, dev_network, mine, pay

UNSIGNED = bytes(65)
GRANT = 1_000_000


class Waiting:
    """A forge, a pool that follows it, and a clock to turn by hand."""

    def __init__(self, limits: PoolLimits | None = None, **genesis: object) -> None:
        self.forge = Forge(dev_network(**{"maturity": 3, **genesis}), miner=ALICE)
        self.pool = Pool(self.forge.network, self.forge.cache, limits or PoolLimits())
        self.now_ms = 1_800_000_000_000
        self.blocks: list[Block] = []
        self._made = 0

    @property
    def next_height(self) -> Height:
        return Height(self.forge.tip.header.height + 1)

    def grant(self, amount: int = GRANT, *, reward_at: int | None = None) -> OutPoint:
        """Give Alice a new coin, an ordinary one or the reward of a block."""
        self._made += 1
        outpoint = OutPoint(b"\xcc" * 32 + self._made.to_bytes(4, "big"))
        height = Height(reward_at or 0)
        coin = Coin(ALICE.key_hash, Amount(amount), height, is_reward=reward_at is not None)
        self.forge.coins.held[outpoint] = encode_coin(coin)
        return outpoint

    def held(self, outpoint: OutPoint) -> int:
        """What a coin holds, confirmed or waiting."""
        packed = self.forge.coins.held.get(outpoint)
        if packed is not None:
            return decode_coin(packed).amount
        made = self.pool.coin(outpoint)
        assert made is not None
        return made.amount

    def payment(
        self,
        *sources: OutPoint | Transaction,
        fee: int = 0,
        parts: int = 1,
        size: int | None = None,
        signature: bytes = UNSIGNED,
    ) -> Transaction:
        """Spend coins (of a transaction: its first output) in equal parts, in `size` bytes."""
        outpoints = [
            item.outpoint(0) if isinstance(item, Transaction) else item for item in sources
        ]
        total = sum(
            amount_of(item) if isinstance(item, Transaction) else self.held(item)
            for item in sources
        )
        return self.spend(outpoints, total - fee, parts=parts, size=size, signature=signature)

    def spend(
        self,
        outpoints: Sequence[OutPoint],
        paid: int,
        *,
        parts: int = 1,
        size: int | None = None,
        signature: bytes = UNSIGNED,
        to: Sequence[KeyHash] = (ALICE.key_hash,),
    ) -> Transaction:
        """Spend coins whether they exist or not, in turns to these owners."""
        inputs = [
            TxInput(TxId(outpoint[:32]), int.from_bytes(outpoint[32:], "big"))
            for outpoint in outpoints
        ]
        amounts = [paid - paid // parts * (parts - 1), *[paid // parts] * (parts - 1)]
        outputs: list[Output] = [
            pay(owner, amount) for owner, amount in zip(cycle(to), amounts, strict=False)
        ]
        self._made += 1
        payment = build_transaction(inputs, outputs, self._made, signature)
        while size is not None and len(payment.raw) != size:
            missing = size - len(payment.raw)
            outputs.append(Data(bytes(missing - 2 if missing <= 129 else min(missing - 12, 118))))
            payment = build_transaction(inputs, outputs, self._made, signature)
        self.forge.cache.add([payment.full_id])
        return payment

    def accept(self, *payments: Transaction, dry_run: bool = False) -> list[Accepted | Rejected]:
        return self.pool.accept(
            payments, self.forge.coins, self.next_height, self.now_ms, dry_run=dry_run
        )

    def wait(self, *payments: Transaction) -> Transaction:
        """Let payments in, all of which must be welcome; return the last."""
        for result in self.accept(*payments):
            assert isinstance(result, Accepted), result
        return payments[-1]

    def refusal(self, *payments: Transaction) -> Exception:
        """Let payments in, of which the last must be refused; return why."""
        result = self.accept(*payments)[-1]
        assert isinstance(result, Rejected), result
        return result.error

    def mine(self, *payments: Transaction) -> list[Dropped]:
        """Mine a block of just these payments and tell the pool."""
        block = self.forge.extend(payments)
        self.blocks.append(block)
        return self.pool.block_connected(block)

    def mine_template(self, template: Template) -> list[Dropped]:
        """Give a template the work it needs, check the block as any node would, tell the pool."""
        tip = self.forge.tip.header
        body = build_body(
            template,
            self.forge.miner.key_hash,
            previous=tip.hash,
            time_ms=TimeMs(tip.time_ms + 10_000),
            target_bits=self.forge.network.genesis.easiest_bits,
        )
        transactions = [body.coinbase, *[member.transaction for member in template.members]]
        block = build_block(mine(body.header), b"", transactions)
        assert len(block.raw) <= template.size
        coinbase, *others = block_transactions(block)
        extended = self.forge.extend(others, reward=coinbase)
        assert extended.header.merkle_root == body.header.merkle_root
        self.blocks.append(extended)
        return self.pool.block_connected(extended)

    def unmine(self) -> list[Dropped]:
        """Disconnect the last block and tell the pool."""
        block = self.blocks.pop()
        self.forge.tip = self.forge.tree.entry(block.header.previous)
        undo_change(self.forge.coins.held, self.forge.changes.pop())
        return self.pool.block_disconnected(block, self.forge.coins, self.next_height, self.now_ms)

    def snapshot(self) -> tuple[object, ...]:
        """All that can be seen of the pool."""
        pool = self.pool
        return (
            list(pool.dump()),
            [(chunk.sort_key, chunk.members) for chunk in pool.chunks()],
            list(pool.by_size()),
            list(pool.by_fee()),
            {key: entry.id for key, entry in pool._spenders.items()},
            {key: cluster.chunks for key, cluster in pool._clusters.items()},
            pool.total_bytes,
            pool.floor_per_kb(self.now_ms),
            pool._floor,
            pool._next_sequence,
            len(self.forge.cache),
        )


def amount_of(transaction: Transaction) -> int:
    """What the first output pays."""
    output = transaction.outputs[0]
    assert isinstance(output, Payment)
    return output.amount


def ids(*transactions: Transaction) -> list[TxId]:
    return [transaction.id for transaction in transactions]


def codes(dropped: Sequence[Dropped]) -> list[tuple[TxId, DropCode]]:
    return [(lost.tx_id, lost.code) for lost in dropped]


def refused(result: Accepted | Rejected) -> RuleError:
    assert isinstance(result, Rejected)
    return result.error


def welcomed(result: Accepted | Rejected) -> Accepted:
    assert isinstance(result, Accepted)
    return result


def grow(world: Waiting, count: int) -> list[Transaction]:
    """Let a chain of payments wait, each spending the one before."""
    chain = [world.wait(world.payment(world.grant()))]
    while len(chain) < count:
        chain.append(world.wait(world.payment(chain[-1])))
    return chain
