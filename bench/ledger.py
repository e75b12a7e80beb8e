"""Figures of the ledger: reading a payment, and connecting blocks of payments in memory."""

from __future__ import annotations

import time
from collections.abc import Callable

from bench.harness import Benchmark
from chaindeck.kernel import merkle_root
from chaindeck.ledger import profiles
from chaindeck.ledger.codec import (
    build_block,
    build_header,
    build_transaction,
    decode_block,
    decode_transaction,
    encode_body,
)
from chaindeck.ledger.coins import Coin, encode_coin
from chaindeck.ledger.connect import CoinsInMemory, apply_change, connect_block
from chaindeck.ledger.genesis import build_network
from chaindeck.ledger.ports import Entry
from chaindeck.ledger.signatures import SignatureCache, SigningKey, transaction_digest
from chaindeck.ledger.transactions import check_transaction
from chaindeck.ledger.types import (
    ZERO_HASH,
    Amount,
    Block,
    FullId,
    Height,
    OutPoint,
    PackedCoin,
    Payment,
    Transaction,
    TxId,
    TxInput,
)

NETWORK = build_network(profiles.dev())
KEY = SigningKey(b"\x01" * 32)
PAYMENTS = 7_000
READS = 20_000
HEIGHT = Height(1)


def benchmarks() -> list[Benchmark]:
    """The bars of the ledger in docs/benchmarks.md."""
    payments, coins = _payments()
    block = _block(payments)
    return [
        Benchmark(
            "decode, id and check a payment",
            "us",
            lambda: _read_us(payments[0].raw),
            12,
            4,
            higher_is_better=False,
        ),
        Benchmark(
            f"connect a block of {PAYMENTS:,} unseen payments",
            "tx/s",
            lambda: _connect_rate(block, coins, SignatureCache()),
            12_000,
            33_000,
        ),
        Benchmark(
            f"connect a block of {PAYMENTS:,} seen payments",
            "tx/s",
            lambda: _connect_rate(block, coins, _cache(payments)),
            40_000,
            70_000,
        ),
    ]


def _payments() -> tuple[list[Transaction], dict[OutPoint, PackedCoin]]:
    coin = Coin(KEY.key_hash, Amount(10_000), Height(0), is_reward=False)
    payments, coins = [], {}
    for number in range(PAYMENTS):
        source = TxInput(TxId((number + 1).to_bytes(32, "big")), 0)
        outputs = [Payment(KEY.key_hash, Amount(6_000)), Payment(KEY.key_hash, Amount(3_900))]
        digest = transaction_digest(NETWORK.id, encode_body([source], outputs, number), [coin])
        payments.append(build_transaction([source], outputs, number, KEY.sign(digest)))
        coins[source.outpoint] = encode_coin(coin)
    return payments, coins


def _block(payments: list[Transaction]) -> Block:
    reward = build_transaction(
        [TxInput(TxId(ZERO_HASH), HEIGHT)], [Payment(KEY.key_hash, Amount(1))], 0
    )
    body = [reward, *payments]
    header = build_header(
        height=HEIGHT,
        previous=NETWORK.block.hash,
        merkle_root=merkle_root([transaction.raw for transaction in body]),
        time_ms=1,
        target_bits=NETWORK.genesis.easiest_bits,
        tx_count=len(body),
    )
    return build_block(header, b"", body)


def _cache(payments: list[Transaction]) -> SignatureCache:
    cache = SignatureCache()
    cache.add([FullId(payment.full_id) for payment in payments])
    return cache


def _read_us(raw: bytes) -> float:
    def read_all() -> None:
        for _ in range(READS):
            check_transaction(decode_transaction(raw))

    return _seconds(read_all) * 1e6 / READS


def _connect_rate(block: Block, coins: dict[OutPoint, PackedCoin], cache: SignatureCache) -> float:
    """From the block's bytes to changed coins, Merkle root and ids included."""
    view = CoinsInMemory(dict(coins))
    entry = Entry(block.header, 1, block.header.target_bits, None)

    def connect() -> None:
        change = connect_block(NETWORK, entry, decode_block(block.raw), view, cache)
        apply_change(view.held, change)

    return PAYMENTS / _seconds(connect)


def _seconds(run: Callable[[], None]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start
