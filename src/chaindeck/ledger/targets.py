"""Targets and work: Bitcoin's compact form, canonical only, and what a block under a target counts.

    bits = exponent u8 | mantissa 23 bits, target = mantissa * 256 ** (exponent - 3)

A block hash is compared with its target as a big-endian number.
"""

from __future__ import annotations

MAX_TARGET = (1 << 256) - 1
_MANTISSA_BITS = 0x7FFFFF
_MAX_BITS = 0xFFFFFFFF


def target_of(bits: int) -> int | None:
    """Return the target of a compact form, or None where the form is not canonical."""
    if not 0 <= bits <= _MAX_BITS:
        return None
    exponent, mantissa = bits >> 24, bits & 0xFFFFFF
    shift = 8 * (exponent - 3)
    target = mantissa << shift if shift >= 0 else mantissa >> -shift
    if not 0 < target <= MAX_TARGET or bits_of(target) != bits:
        return None
    return target


def bits_of(target: int) -> int:
    """Return the compact form of the hardest target that is not harder than `target` by rounding.

    The form keeps 23 bits, so the result may stand for a slightly smaller target.
    """
    assert 0 < target <= MAX_TARGET
    exponent = (target.bit_length() + 7) // 8
    shift = 8 * (exponent - 3)
    mantissa = target >> shift if shift >= 0 else target << -shift
    if mantissa > _MANTISSA_BITS:
        mantissa >>= 8
        exponent += 1
    return exponent << 24 | mantissa


def work_of(target: int) -> int:
    """Return the number of hashes that a block under this target stands for."""
    return (1 << 256) // (target + 1)


def is_under_target(block_hash: bytes, target: int) -> bool:
    return int.from_bytes(block_hash, "big") <= target
