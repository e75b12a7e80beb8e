"""Recovering signers in batches: whose signature it is, and which are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaindeck.kernel import twin
from tests.kernel.build import CURVE_ORDER, KEYS, key_hash, raise_s

OK, FAILED, HIGH_S = b"\x00", b"\x01", b"\x02"
DIGEST = bytes(range(32))
SIGNATURE = KEYS[0].sign_recoverable(DIGEST, hasher=None)
NOBODY = bytes(20)


def with_number(position, number):
    """Return SIGNATURE with r (0) or s (1) replaced."""
    start = 32 * position
    return SIGNATURE[:start] + number.to_bytes(32, "big") + SIGNATURE[start + 32 :]


class TestRecovery:
    def test_signer_is_recovered(self, kernel):
        assert kernel.recover_many(DIGEST, SIGNATURE) == (key_hash(KEYS[0]), OK)

    @pytest.mark.parametrize("threads", [1, 2, 3, 16])
    @pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 33])
    def test_batch_keeps_its_order_on_any_number_of_threads(self, kernel, count, threads):
        keys = [KEYS[number % 3] for number in range(count)]
        digests = [bytes([number]) * 32 for number in range(count)]
        signatures = [
            key.sign_recoverable(digest, hasher=None)
            for key, digest in zip(keys, digests, strict=True)
        ]
        key_hashes, statuses = kernel.recover_many(b"".join(digests), b"".join(signatures), threads)
        assert key_hashes == b"".join(map(key_hash, keys))
        assert statuses == OK * count

    def test_bad_signature_among_good_ones_spoils_only_itself(self, kernel):
        signatures = SIGNATURE + bytes(65) + SIGNATURE
        key_hashes, statuses = kernel.recover_many(DIGEST * 3, signatures)
        assert key_hashes == key_hash(KEYS[0]) + NOBODY + key_hash(KEYS[0])
        assert statuses == OK + FAILED + OK

    @pytest.mark.parametrize("position", [0, 1])
    @pytest.mark.parametrize("number", [0, CURVE_ORDER, CURVE_ORDER + 1, 2**256 - 1])
    def test_number_outside_the_group_is_malformed(self, kernel, position, number):
        signature = with_number(position, number)
        assert kernel.recover_many(DIGEST, signature) == (NOBODY, FAILED)

    @pytest.mark.parametrize("recovery_id", [4, 5, 255])
    def test_recovery_id_over_three_is_malformed(self, kernel, recovery_id):
        signature = SIGNATURE[:64] + bytes([recovery_id])
        assert kernel.recover_many(DIGEST, signature) == (NOBODY, FAILED)

    def test_high_s_is_refused_from_half_the_order_on(self, kernel):
        half = CURVE_ORDER // 2
        assert kernel.recover_many(DIGEST, with_number(1, half))[1] == OK
        assert kernel.recover_many(DIGEST, with_number(1, half + 1)) == (NOBODY, HIGH_S)
        assert kernel.recover_many(DIGEST, with_number(1, CURVE_ORDER - 1)) == (NOBODY, HIGH_S)
        assert kernel.recover_many(DIGEST, raise_s(SIGNATURE)) == (NOBODY, HIGH_S)

    def test_r_that_is_on_no_point_is_not_recoverable(self, kernel):
        assert kernel.recover_many(DIGEST, with_number(0, 5)) == (NOBODY, FAILED)

    def test_recovery_id_that_needs_too_large_an_x_is_not_recoverable(self, kernel):
        signature = SIGNATURE[:64] + bytes([2])
        assert kernel.recover_many(DIGEST, signature) == (NOBODY, FAILED)

    @pytest.mark.parametrize(
        ("digests", "signatures"),
        [(DIGEST, b""), (DIGEST[1:], SIGNATURE), (DIGEST, SIGNATURE[1:]), (DIGEST * 2, SIGNATURE)],
    )
    def test_lengths_that_do_not_match_are_a_value_error(self, kernel, digests, signatures):
        with pytest.raises(ValueError, match="one signature"):
            kernel.recover_many(digests, signatures)

    def test_no_threads_are_a_value_error(self, kernel):
        with pytest.raises(ValueError, match="threads"):
            kernel.recover_many(DIGEST, SIGNATURE, 0)

    @given(
        digest=st.binary(min_size=32, max_size=32),
        signature=st.binary(min_size=64, max_size=64),
        recovery_id=st.integers(0, 5),
    )
    def test_random_signatures_agree_with_twin(self, kernel, digest, signature, recovery_id):
        full = signature + bytes([recovery_id])
        assert kernel.recover_many(digest, full) == twin.recover_many(digest, full)
