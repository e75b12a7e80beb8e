"""Digests commit to what they must, and signers are recovered."""

from __future__ import annotations

import hashlib

import pytest

from chaindeck.kernel import hash256
from chaindeck.ledger import errors
from chaindeck.ledger.coins import Coin
from chaindeck.ledger.signatures import (
    SignatureCache,
    checkpoint_digest,
    is_signed_by,
    recover_signer,
    seal_digest,
    transaction_digest,
)
from tests.ledger.forge import ALICE, BOB

NETWORK = b"\x07" * 32
CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def tagged(tag: bytes, content: bytes) -> bytes:
    start = hashlib.sha256(tag).digest()
    return hashlib.sha256(start + start + content).digest()


def with_high_s(signature: bytes) -> bytes:
    """The other signature of the same key over the same digest, which the curve allows."""
    s = CURVE_ORDER - int.from_bytes(signature[32:64], "big")
    return signature[:32] + s.to_bytes(32, "big") + bytes([signature[64] ^ 1])


class TestDigests:
    def test_transaction_digest_is_the_tagged_hash_of_network_body_and_coins(self) -> None:
        coins = [Coin(ALICE.key_hash, 5, 1, False), Coin(BOB.key_hash, 258, 2, True)]
        spent = ALICE.key_hash + b"\x05" + bytes(7) + BOB.key_hash + b"\x02\x01" + bytes(6)
        assert transaction_digest(NETWORK, b"body", coins) == tagged(
            b"chaindeck/tx", NETWORK + b"body" + spent
        )

    def test_seal_and_checkpoint_digests_have_tags_of_their_own(self) -> None:
        block_hash = b"\x09" * 32
        assert seal_digest(block_hash) == tagged(b"chaindeck/seal", block_hash)
        assert checkpoint_digest(NETWORK, 258, block_hash) == tagged(
            b"chaindeck/checkpoint", NETWORK + b"\x02\x01\x00\x00" + block_hash
        )


class TestRecovering:
    def recover(self, digest: bytes, signature: bytes) -> bytes:
        return recover_signer(
            digest,
            signature,
            malformed=errors.SignatureMalformed,
            high_s=errors.SignatureHighS,
            field="signature",
        )

    def test_signer_is_who_signed(self) -> None:
        digest = hashlib.sha256(b"x").digest()
        for key in (ALICE, BOB):
            assert self.recover(digest, key.sign(digest)) == key.key_hash
            assert key.sign(digest) == key.sign(digest)

    def test_other_digest_gives_another_signer(self) -> None:
        digest, other = hashlib.sha256(b"x").digest(), hashlib.sha256(b"y").digest()
        assert self.recover(other, ALICE.sign(digest)) != ALICE.key_hash

    def test_high_s_is_refused_though_the_curve_allows_it(self) -> None:
        digest = hashlib.sha256(b"x").digest()
        with pytest.raises(errors.SignatureHighS) as raised:
            self.recover(digest, with_high_s(ALICE.sign(digest)))
        assert raised.value.field == "signature"

    @pytest.mark.parametrize("signature", [bytes(65), b"\xff" * 32 + b"\x01" * 32 + b"\x00"])
    def test_what_no_key_can_make_is_malformed(self, signature: bytes) -> None:
        with pytest.raises(errors.SignatureMalformed) as raised:
            self.recover(bytes(32), signature)
        assert raised.value.field == "signature"


class TestPublicKeys:
    def test_public_key_is_compressed_and_hashes_to_the_owner(self) -> None:
        for key in (ALICE, BOB):
            assert len(key.public_key) == 33
            assert key.public_key[0] in (2, 3)
            assert hash256(key.public_key)[:20] == key.key_hash

    def test_signature_is_by_its_key_alone(self) -> None:
        digest = hashlib.sha256(b"x").digest()
        signature = ALICE.sign(digest)
        assert is_signed_by(ALICE.public_key, digest, signature)
        assert not is_signed_by(BOB.public_key, digest, signature)
        assert not is_signed_by(ALICE.public_key, hashlib.sha256(b"y").digest(), signature)

    def test_signature_that_is_malformed_or_has_a_high_s_is_by_nobody(self) -> None:
        digest = hashlib.sha256(b"x").digest()
        for signature in (bytes(65), with_high_s(ALICE.sign(digest))):
            assert not is_signed_by(ALICE.public_key, digest, signature)


class TestCache:
    def test_known_ids_are_found(self) -> None:
        cache = SignatureCache()
        cache.add([b"a", b"b"])
        assert b"a" in cache
        assert b"c" not in cache
        assert cache.known([b"a", b"c", b"b"]) == b"\x01\x00\x01"
        assert len(cache) == 2

    def test_what_was_added_long_ago_is_forgotten(self) -> None:
        cache = SignatureCache(capacity=4)
        cache.add([b"a", b"b"])
        cache.add([b"b", b"c"])
        assert cache.known([b"a", b"b", b"c"]) == b"\x01\x01\x01"
        cache.add([b"d"])
        assert cache.known([b"a", b"b", b"c", b"d"]) == b"\x00\x00\x01\x01"
        assert len(cache) == 2

    def test_capacity_is_positive(self) -> None:
        assert len(SignatureCache(capacity=1)) == 0
        with pytest.raises(AssertionError):
            SignatureCache(capacity=0)
