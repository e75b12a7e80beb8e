"""The compact form is canonical, and work is what a target says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaindeck.ledger.targets import (
    MAX_TARGET,
    bits_of,
    is_under_target,
    target_of,
    work_of,
)


@pytest.mark.parametrize(
    ("bits", "target"),
    [
        (0x1D00FFFF, 0xFFFF << 208),
        (0x207FFFFF, 0x7FFFFF << 232),
        (0x1E0FFFFF, 0xFFFFF << 216),
        (0x01010000, 1),
        (0x017F0000, 0x7F),
        (0x02008000, 0x80),
        (0x03008000, 0x8000),
        (0x03123456, 0x123456),
        (0x04123456, 0x12345600),
        (0x2100FFFF, 0xFFFF << 240),
    ],
)
def test_canonical_forms_are_read_and_written(bits: int, target: int) -> None:
    assert target_of(bits) == target
    assert bits_of(target) == bits


@pytest.mark.parametrize(
    "bits",
    [
        0,
        0x01000000,
        0x03000000,
        0x1D800000,
        0x04000001,
        0x1E00000F,
        0x01010001,
        0x02000080,
        0x03000001,
        0x21010000,
        0x22000100,
        0xFF7FFFFF,
        0x1DFFFFFF,
        -1,
        1 << 32,
        0x01_0000_1D00FFFF,
        1 << 4000,
    ],
)
def test_other_forms_are_no_target(bits: int) -> None:
    assert target_of(bits) is None


@given(st.integers(0, 0xFFFFFFFF))
def test_a_form_that_is_read_is_written_the_same(bits: int) -> None:
    target = target_of(bits)
    assert target is None or bits_of(target) == bits


@given(st.integers(1, MAX_TARGET))
def test_rounding_keeps_23_bits_and_never_eases(target: int) -> None:
    rounded = target_of(bits_of(target))
    assert rounded is not None
    assert 0 <= target - rounded < max(1, target >> 14)


@pytest.mark.parametrize("target", [0, MAX_TARGET + 1, -1])
def test_no_form_for_what_is_no_target(target: int) -> None:
    with pytest.raises(AssertionError):
        bits_of(target)


@pytest.mark.parametrize(
    ("target", "work"),
    [(MAX_TARGET, 1), ((1 << 255) - 1, 2), ((1 << 236) - 1, 1 << 20), (1, 1 << 255)],
)
def test_work_is_the_expected_number_of_hashes(target: int, work: int) -> None:
    assert work_of(target) == work


def test_hash_is_compared_as_a_big_endian_number() -> None:
    block_hash = bytes(30) + b"\x01\x00"
    assert is_under_target(block_hash, 256)
    assert is_under_target(block_hash, 257)
    assert not is_under_target(block_hash, 255)
