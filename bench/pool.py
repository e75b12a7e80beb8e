"""The memory pool: letting payments in, and choosing the next block.

Signatures are made up and the kernel's answer with them: what recovering costs is measured with
the kernel. Everything else is what a node does.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from functools import cache

from bench.harness import Benchmark
from chaindeck.ledger.codec import build_transaction
from chaindeck.ledger.coins import Coin, encode_coin
from chaindeck.ledger.genesis import build_network
from chaindeck.ledger.pool import Pool
from chaindeck.ledger.pool_types import Accepted
from chaindeck.ledger.profiles import local
from chaindeck.ledger.signatures import SignatureCache
from chaindeck.ledger.templates import build_body, build_template
from chaindeck.ledger.types import (
    Amount,
    BlockHash,
    Height,
    KeyHash,
    OutPoint,
    PackedCoin,
    Payment,
    Transaction,
    TxId,
    TxInput,
)

POOLED = 100_000
BATCH = 100
BATCHES = 200
BLOCK_TRANSACTIONS = 10_000
NEXT_HEIGHT = Height(1_000)
NOW_MS = 1_800_000_000_000
HELD = 10**9
OWNER = KeyHash(bytes(range(20)))
NETWORK = build_network(local())


class SameCoin:
    """A chain on which every coin that is asked for exists, and all are alike."""

    def __init__(self) -> None:
        self._coin = encode_coin(Coin(OWNER, Amount(HELD), Height(1), is_reward=False))

    def coins(self, outpoints: Sequence[OutPoint]) -> list[PackedCoin | None]:
        return [self._coin] * len(outpoints)


def benchmarks() -> list[Benchmark]:
    """Floors and goals hold for one core of the reference machine."""
    return [
        Benchmark(
            "template of 10,000 from 100,000",
            "ms",
            run=time_template,
            floor=150,
            goal=40,
            higher_is_better=False,
        ),
        Benchmark(
            "accept in batches of 100, pool only",
            "tx/s",
            run=time_batches,
            floor=20_000,
            goal=40_000,
        ),
        Benchmark(
            "accept one by one, pool only", "tx/s", run=time_singles, floor=14_000, goal=28_000
        ),
    ]


def time_template() -> float:
    """Milliseconds to choose a block, make its coinbase, and compute the Merkle root."""
    pool, max_bytes = full_pool()
    started = time.perf_counter()
    template = build_template(pool, NETWORK, NEXT_HEIGHT, max_bytes=max_bytes)
    build_body(
        template, OWNER, previous=BlockHash(bytes(32)), time_ms=NOW_MS, target_bits=0x1E0FFFFF
    )
    elapsed = time.perf_counter() - started
    assert abs(len(template.members) - BLOCK_TRANSACTIONS) < BLOCK_TRANSACTIONS // 20
    return 1_000 * elapsed


def time_batches() -> float:
    """Payments a second in batches."""
    return time_accepting(BATCH, BATCHES)


def time_singles() -> float:
    """Payments a second, each by itself."""
    return time_accepting(1, 5_000)


def time_accepting(batch_size: int, batches: int) -> float:
    """Fill a new pool and return payments a second."""
    pool, view = Pool(NETWORK, SignatureCache()), SameCoin()
    payments = make_payments(batch_size * batches)
    started = time.perf_counter()
    for first in range(0, len(payments), batch_size):
        accept(pool, payments[first : first + batch_size], view)
    elapsed = time.perf_counter() - started
    assert len(pool) == len(payments)
    return len(payments) / elapsed


def accept(pool: Pool, payments: Sequence[Transaction], view: SameCoin) -> None:
    """Let payments in as a node does, with the answer that the kernel would give."""
    plan = pool.prepare(payments, view, NEXT_HEIGHT)
    count = len(plan.signatures) // 65
    results = pool.admit(plan, OWNER * count, bytes(count), NOW_MS)
    assert all(isinstance(result, Accepted) for result in results)


@cache
def full_pool() -> tuple[Pool, int]:
    """A pool of 100,000, and the bytes of a block that holds 10,000 of them."""
    pool, view = Pool(NETWORK, SignatureCache()), SameCoin()
    payments = make_payments(POOLED)
    for first in range(0, POOLED, BATCH):
        accept(pool, payments[first : first + BATCH], view)
    return pool, pool.total_bytes * BLOCK_TRANSACTIONS // POOLED


@cache
def make_payments(count: int) -> list[Transaction]:
    """Payments with one input and two outputs; one in ten spends the change of the one before."""
    chance = random.Random(count)
    payments: list[Transaction] = []
    while len(payments) < count:
        payments.append(make_payment(chance, TxId(chance.randbytes(32)), HELD, fee=HELD // 4))
        if len(payments) < count and not chance.randrange(10):
            payments.append(make_payment(chance, payments[-1].id, HELD // 2, fee=HELD // 8))
    return payments


def make_payment(chance: random.Random, source: TxId, held: int, fee: int) -> Transaction:
    """Spend the second output of `source`: half returns to the owner, at most `fee` is the fee."""
    change = Payment(OWNER, Amount(held // 2))
    paid = Amount(held - held // 2 - chance.randrange(1, fee))
    outputs = [Payment(KeyHash(chance.randbytes(20)), paid), change]
    return build_transaction([TxInput(source, 1)], outputs, NOW_MS // 1_000, chance.randbytes(65))
