"""RIPEMD-160, which BIP 32 names a parent key with, and nothing else here uses.

Written out because OpenSSL 3 builds often leave it out of `hashlib`. It runs once for each key
that has children, so it need not be fast. The numbers are those of the function's definition by
Dobbertin, Bosselaers and Preneel (1996).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import NamedTuple

_MASK = 0xFFFFFFFF
_BLOCK_BYTES = 64
_START = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0)
_ROUNDS: tuple[Callable[[int, int, int], int], ...] = (
    lambda x, y, z: x ^ y ^ z,
    lambda x, y, z: (x & y) | (~x & z),
    lambda x, y, z: (x | ~y) ^ z,
    lambda x, y, z: (x & z) | (y & ~z),
    lambda x, y, z: x ^ (y | ~z),
)


class _Line(NamedTuple):
    """One of the two parallel lines of five rounds; in its strings, one digit for each step."""

    functions: tuple[Callable[[int, int, int], int], ...]
    constants: tuple[int, ...]
    words: tuple[str, ...]
    shifts: tuple[str, ...]


_LEFT = _Line(
    _ROUNDS,
    (0x00000000, 0x5A827999, 0x6ED9EBA1, 0x8F1BBCDC, 0xA953FD4E),
    (
        "0123456789abcdef",
        "74d1a6f3c0952eb8",
        "3ae49f812706db5c",
        "19ba08c4d37fe562",
        "40597c2ae138b6fd",
    ),
    (
        "befc5879bdef6798",
        "768db97f7cf9b7dc",
        "bd67e9dfe8d65c75",
        "bcefef989e56865c",
        "9f5b68dc5cdeb856",
    ),
)
_RIGHT = _Line(
    _ROUNDS[::-1],
    (0x50A28BE6, 0x5C4DD124, 0x6D703EF3, 0x7A6D76E9, 0x00000000),
    (
        "5e7092b4d6f81a3c",
        "6b370d5aef8c4912",
        "f5137e69b8c2a04d",
        "86413bf05c2d97ae",
        "cfa4158762de039b",
    ),
    (
        "899bdff5778beec6",
        "9df7c89b77c76fdb",
        "97fb866ecd5edd75",
        "f58bee6e69c9c5f8",
        "85c9c5e68d65fdbb",
    ),
)


def ripemd160(data: bytes) -> bytes:
    """Return the 20-byte hash."""
    zeros = -(len(data) + 9) % _BLOCK_BYTES
    padded = data + b"\x80" + bytes(zeros) + struct.pack("<Q", 8 * len(data))
    state: tuple[int, ...] = _START
    for offset in range(0, len(padded), _BLOCK_BYTES):
        block = struct.unpack_from("<16I", padded, offset)
        left, right = _run(_LEFT, state, block), _run(_RIGHT, state, block)
        state = tuple(
            (state[(place + 1) % 5] + left[(place + 2) % 5] + right[(place + 3) % 5]) & _MASK
            for place in range(5)
        )
    return struct.pack("<5I", *state)


def _run(line: _Line, state: Sequence[int], block: Sequence[int]) -> tuple[int, ...]:
    a, b, c, d, e = state
    for mix, constant, words, shifts in zip(*line, strict=True):
        for word, shift in zip(words, shifts, strict=True):
            total = a + (mix(b, c, d) & _MASK) + block[int(word, 16)] + constant
            a, b, c, d, e = (
                e,
                (_rotate(total & _MASK, int(shift, 16)) + e) & _MASK,
                b,
                _rotate(c, 10),
                d,
            )
    return a, b, c, d, e


def _rotate(value: int, bits: int) -> int:
    return (value << bits | value >> (32 - bits)) & _MASK
