"""Compares the compiled kernel with its twin at import, in a few milliseconds.

Catches what tests elsewhere cannot: a miscompiled or stale extension module, or a processor whose
special instructions give other answers. A disagreement raises KernelMismatchError.
"""

from types import ModuleType

from chaindeck.kernel import _native, twin
from chaindeck.kernel.errors import KernelMismatchError, MalformedError

_SIZES = (0, 1, 55, 56, 63, 64, 65, 119, 120, 250)
_HEADER = bytes(range(96))
_EASY_TARGET = bytes([7]) + bytes([255]) * 31  # one nonce in 32
_DIGEST = bytes(range(32))
# s = 1 with r = 1 and with r = the x of the generator, then a high s.
_GENERATOR_X = bytes.fromhex("79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798")
_SIGNATURES = (
    bytes(31) + b"\x01" + bytes(31) + b"\x01" + b"\x00",
    _GENERATOR_X + bytes(31) + b"\x01" + b"\x01",
    _GENERATOR_X + b"\x80" + bytes(31) + b"\x00",
)
_SIP_KEY = bytes(range(16))
_IDS = bytes(range(96)) + bytes(range(64))  # five, two of them twice
_TRANSACTION = b"".join(
    (
        b"\x01" + bytes(range(8)),
        b"\x02" + bytes(range(32)) + b"\x01" + bytes(range(100, 132)) + b"\x80\x01",
        b"\x02" + b"\x00" + bytes(range(20)) + b"\xff\x7f" + b"\x01\x03abc",
        b"\x41" + bytes(65) + b"\x00" + b"\x41" + bytes(65),
    )
)


def run_selftest() -> None:
    """Raise KernelMismatchError unless native and twin agree on a handful of known inputs."""
    messages = [bytes(range(size)) for size in _SIZES]
    _expect("hash256", [_native.hash256(m) for m in messages], twin.hash256_many(messages))
    _expect("hash256_many", _native.hash256_many(messages), twin.hash256_many(messages))
    for count in (0, 1, 2, 7):
        leaves = messages[:count]
        _expect("merkle_root", _native.merkle_root(leaves), twin.merkle_root(leaves))
    _expect("merkle_branch", _native.merkle_branch(messages, 8), twin.merkle_branch(messages, 8))
    found, _ = _native.search_nonce(_HEADER, _EASY_TARGET, 2**64 - 4, 1000)
    _expect("search_nonce", found, twin.search_nonce(_HEADER, _EASY_TARGET, 2**64 - 4, 1000)[0])
    digests, signatures = _DIGEST * len(_SIGNATURES), b"".join(_SIGNATURES)
    recovered = _native.recover_many(digests, signatures)
    _expect("recover_many", recovered, twin.recover_many(digests, signatures))
    _check_short_ids()
    _check_decoding()


def _check_short_ids() -> None:
    named = twin.short_ids(_SIP_KEY, _IDS)
    _expect("short_ids", _native.short_ids(_SIP_KEY, _IDS), named)
    for pool, wanted in ((_IDS[:96], named[:18]), (_IDS, named[6:18]), (_IDS[:64], named)):
        matches = _native.match_short_ids(_SIP_KEY, pool, wanted)
        _expect("match_short_ids", matches, twin.match_short_ids(_SIP_KEY, pool, wanted))


def _check_decoding() -> None:
    parsed = _native.parse_transaction(_TRANSACTION)
    _expect("parse_transaction", parsed, twin.parse_transaction(_TRANSACTION))
    data = _TRANSACTION * 2
    native, slow = _native.index_block(data, 0, 2), twin.index_block(data, 0, 2)
    for name in ("txids", "full_ids", "merkle_root", "spent_outpoints", "offsets"):
        _expect(f"index_block: {name}", getattr(native, name), getattr(slow, name))
    short = _TRANSACTION[:-1]
    _expect("MalformedError", _refusal(_native, short), _refusal(twin, short))


def _refusal(implementation: ModuleType, data: bytes) -> tuple[str, int] | None:
    try:
        implementation.parse_transaction(data)
    except MalformedError as error:
        return error.code, error.offset
    return None


def _expect(name: str, native: object, slow: object) -> None:
    if native != slow:
        raise KernelMismatchError(f"{name}: native and twin disagree; rebuild the kernel")
