"""Figures of the native kernel: search, trees, recovering, decoding, judging, short ids.

Rows that compare two things measure both in the same repetition, so that a noisy machine disturbs
them alike.
"""

import random
import time
from collections.abc import Callable
from hashlib import sha256

from coincurve import PrivateKey
from coincurve._libsecp256k1 import ffi, lib

from bench.harness import Benchmark
from chaindeck import kernel

HEADER, IMPOSSIBLE = bytes(96), bytes(32)
LEAVES = 65_536
SIGNATURES = 4_000
PAYMENTS = 7_000
POOLED, WANTED = 100_000, 10_000
AMOUNT = 5_000_000
HEIGHT = 10
MAX_AMOUNT = 9_000_000_000_000_000

KEY = PrivateKey(b"\x01" * 32)
OWNER = kernel.hash256(KEY.public_key.format())[:20]
NETWORK = bytes(32)
TAG = sha256(b"chaindeck/tx").digest() * 2
RANDOM = random.Random(1)


def benchmarks() -> list[Benchmark]:
    """The bars of the kernel in docs/benchmarks.md, and what they are made of."""
    return [*search_rows(), *hashing_rows(), *signature_rows(), *block_rows(), *short_id_rows()]


def search_rows() -> list[Benchmark]:
    def rate(threads: int) -> float:
        hashes = 4_000_000 * threads
        return hashes / seconds(lambda: search(hashes, threads)) / 1e6

    def search(hashes: int, threads: int) -> None:
        kernel.search_nonce(HEADER, IMPOSSIBLE, 0, hashes, threads)

    return [
        Benchmark("proof-of-work search, one thread", "MH/s", lambda: rate(1), 12, 15),
        Benchmark("proof-of-work search, two threads", "MH/s", lambda: rate(2), None, None),
        Benchmark("two threads over one", "x", lambda: rate(2) / rate(1), None, 1.95),
    ]


def hashing_rows() -> list[Benchmark]:
    leaves = [RANDOM.randbytes(32) for _ in range(LEAVES)]

    def root_ms() -> float:
        return 1e3 * seconds(lambda: kernel.merkle_root(leaves))

    name = f"Merkle root, {LEAVES:,} leaves"
    return [Benchmark(name, "ms", root_ms, 10, 6, higher_is_better=False)]


def signature_rows() -> list[Benchmark]:
    digests = [RANDOM.randbytes(32) for _ in range(SIGNATURES)]
    signatures = [KEY.sign_recoverable(digest, hasher=None) for digest in digests]
    joined = b"".join(digests), b"".join(signatures)
    recover_in_c = bare_library_loop(digests, signatures)

    def rate() -> float:
        return SIGNATURES / seconds(lambda: kernel.recover_many(*joined, 2))

    def limit() -> float:
        return 2 * SIGNATURES / seconds(recover_in_c)

    return [
        Benchmark("signatures recovered, two threads", "/s", rate, 45_000, None, limit),
        Benchmark("share of libsecp256k1 x 2", "%", lambda: 100 * rate() / limit(), None, 95),
    ]


def bare_library_loop(digests: list[bytes], signatures: list[bytes]) -> Callable[[], None]:
    """Return a loop of nothing but secp256k1_ecdsa_recover on one thread."""
    context = ffi.gc(lib.secp256k1_context_create(1), lib.secp256k1_context_destroy)
    key = ffi.new("secp256k1_pubkey *")
    parsed = []
    for signature in signatures:
        opaque = ffi.new("secp256k1_ecdsa_recoverable_signature *")
        lib.secp256k1_ecdsa_recoverable_signature_parse_compact(
            context, opaque, signature[:64], signature[64]
        )
        parsed.append(opaque)

    def loop() -> None:
        for digest, opaque in zip(digests, parsed, strict=True):
            lib.secp256k1_ecdsa_recover(context, key, opaque, digest)

    return loop


def block_rows() -> list[Benchmark]:
    transactions = [encode_coinbase(), *(encode_payment() for _ in range(PAYMENTS))]
    data = b"".join(transactions)
    coin = OWNER + AMOUNT.to_bytes(8, "little") + (1).to_bytes(4, "little") + b"\x00"
    coins: list[bytes | None] = [coin] * PAYMENTS

    def connect(known: bytes) -> None:
        index = kernel.index_block(data, 0, len(transactions))
        verdict = kernel.check_block(
            index, coins, known, NETWORK, HEIGHT, 0, 1, MAX_AMOUNT, 100_000, 2
        )
        assert verdict.is_valid

    def rate(known: int) -> Callable[[], float]:
        flags = bytes([known]) * len(transactions)
        return lambda: PAYMENTS / seconds(lambda: connect(flags))

    def decode_us() -> float:
        repeats = 20_000
        return 1e6 / repeats * seconds(lambda: decode(transactions[1], repeats))

    return [
        Benchmark("decode a transaction", "us", decode_us, 4, 1.2, higher_is_better=False),
        Benchmark(f"judge a block, {PAYMENTS:,} unseen", "tx/s", rate(0), 12_000, 33_000),
        Benchmark(f"judge a block, {PAYMENTS:,} seen", "tx/s", rate(1), 100_000, 500_000),
    ]


def short_id_rows() -> list[Benchmark]:
    key, pool = RANDOM.randbytes(16), RANDOM.randbytes(32 * POOLED)
    wanted = kernel.short_ids(key, pool)[-6 * WANTED :]

    def match_ms() -> float:
        return 1e3 * seconds(lambda: kernel.match_short_ids(key, pool, wanted))

    name = f"{WANTED:,} short ids among {POOLED:,}"
    return [Benchmark(name, "ms", match_ms, 10, 4, higher_is_better=False)]


def decode(transaction: bytes, repeats: int) -> None:
    for _ in range(repeats):
        kernel.parse_transaction(transaction)


def encode_coinbase() -> bytes:
    head = b"\x01" + bytes(8) + b"\x01" + bytes(32) + bytes([HEIGHT])
    return head + b"\x01\x00" + OWNER + b"\x01" + b"\x00\x00"


def encode_payment() -> bytes:
    """One signed payment of one input and two outputs."""
    spent = b"\x01" + RANDOM.randbytes(32) + b"\x00"
    change = b"\x00" + OWNER + varint(AMOUNT - 1_000)
    paid = b"\x00" + RANDOM.randbytes(20) + varint(900)
    body = b"\x01" + bytes(8) + spent + b"\x02" + change + paid
    digest = sha256(TAG + NETWORK + body + OWNER + AMOUNT.to_bytes(8, "little")).digest()
    return body + b"\x41" + KEY.sign_recoverable(digest, hasher=None) + b"\x00"


def varint(value: int) -> bytes:
    digits = bytearray()
    while value > 0x7F:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*digits, value])


def seconds(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began
