"""A checkpoint is what enough listed keys said, once each."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaindeck.ledger import errors
from chaindeck.ledger.checkpoints import (
    Checkpoint,
    CheckpointBook,
    check_checkpoint,
    decode_checkpoint,
    encode_checkpoint,
    find_signers,
    join_checkpoints,
    sign_checkpoint,
)
from chaindeck.ledger.genesis import Network
from chaindeck.ledger.signatures import SigningKey
from tests.ledger.forge import ALICE, BOB, CAROL, DAVE, KEYS, address, dev_network
from tests.ledger.test_signatures import with_high_s

HASH = b"\x09" * 32


def network() -> Network:
    return dev_network(
        checkpoint_signers=tuple(address(key) for key in (ALICE, BOB, CAROL)), checkpoint_quorum=2
    )


def sign(*keys: SigningKey, height: int = 5, block_hash: bytes = HASH) -> Checkpoint:
    return sign_checkpoint(network(), height, block_hash, keys)


class TestChecking:
    def test_quorum_of_listed_keys_is_enough(self) -> None:
        for keys in ((ALICE, BOB), (CAROL, ALICE), (ALICE, BOB, CAROL)):
            signers = check_checkpoint(network(), sign(*keys))
            assert signers == sorted(key.key_hash for key in keys)

    def test_signers_are_known_before_they_are_enough(self) -> None:
        assert find_signers(network(), sign(BOB)) == [BOB.key_hash]
        assert find_signers(network(), sign()) == []

    def test_signatures_from_several_desks_are_one_checkpoint(self) -> None:
        parts = [sign(CAROL), sign(ALICE, BOB), sign(BOB)]
        for given_parts in (parts, parts[::-1]):
            assert join_checkpoints(network(), given_parts) == sign(ALICE, BOB, CAROL)
        assert join_checkpoints(network(), [sign(BOB)]) == sign(BOB)

    def test_stranger_joins_no_checkpoint(self) -> None:
        with pytest.raises(errors.CheckpointSigner):
            join_checkpoints(network(), [sign(ALICE), sign(DAVE)])

    def test_too_few_are_not(self) -> None:
        for keys in ((), (ALICE,)):
            with pytest.raises(errors.CheckpointQuorum) as raised:
                check_checkpoint(network(), sign(*keys))
            assert raised.value.field == "signatures"
            assert raised.value.values == {"count": len(keys), "quorum": 2}

    def test_stranger_counts_nothing(self) -> None:
        checkpoint = Checkpoint(5, HASH, (*sign(ALICE).signatures, *sign(DAVE).signatures))
        with pytest.raises(errors.CheckpointSigner) as raised:
            check_checkpoint(network(), checkpoint)
        assert raised.value.field == "signatures[1]"
        assert raised.value.values == {"signer": DAVE.key_hash.hex()}

    def test_nobody_counts_twice(self) -> None:
        checkpoint = Checkpoint(5, HASH, sign(ALICE).signatures * 2)
        with pytest.raises(errors.CheckpointRepeatedSigner) as raised:
            check_checkpoint(network(), checkpoint)
        assert raised.value.field == "signatures[1]"
        assert raised.value.values == {"signer": ALICE.key_hash.hex()}

    @pytest.mark.parametrize("make", [lambda _: bytes(65), with_high_s])
    def test_malformed_signature_is_named(self, make) -> None:
        good = sign(ALICE).signatures[0]
        with pytest.raises(errors.CheckpointSignature) as raised:
            check_checkpoint(network(), Checkpoint(5, HASH, (good, make(sign(BOB).signatures[0]))))
        assert raised.value.field == "signatures[1]"

    def test_height_and_block_are_signed(self) -> None:
        good = sign(ALICE, BOB)
        for changed in (
            Checkpoint(6, HASH, good.signatures),
            Checkpoint(5, bytes(32), good.signatures),
        ):
            with pytest.raises((errors.CheckpointSigner, errors.CheckpointSignature)):
                check_checkpoint(network(), changed)

    def test_network_without_signers_has_no_checkpoints(self) -> None:
        with pytest.raises(errors.CheckpointsUnused):
            check_checkpoint(dev_network(), sign(ALICE, BOB))


class TestEncoding:
    def test_fields_stand_where_the_docs_say(self) -> None:
        checkpoint = Checkpoint(258, HASH, (b"\x01" * 65, b"\x02" * 65))
        raw = b"\x02\x01\x00\x00" + HASH + b"\x02" + b"\x01" * 65 + b"\x02" * 65
        assert encode_checkpoint(checkpoint) == raw
        assert decode_checkpoint(raw) == checkpoint

    @pytest.mark.parametrize("count", [0, 1, 255])
    def test_up_to_255_signatures_fit(self, count: int) -> None:
        checkpoint = Checkpoint(1, HASH, (bytes(65),) * count)
        assert decode_checkpoint(encode_checkpoint(checkpoint)) == checkpoint

    @given(st.binary(max_size=200))
    def test_any_bytes_are_one_checkpoint_or_an_error(self, raw: bytes) -> None:
        try:
            checkpoint = decode_checkpoint(raw)
        except errors.EncodingError:
            return
        assert encode_checkpoint(checkpoint) == raw

    def test_cuts_and_tails_are_refused(self) -> None:
        raw = encode_checkpoint(sign(ALICE, BOB))
        for length in (0, 36):
            with pytest.raises(errors.Truncated) as raised:
                decode_checkpoint(raw[:length])
            assert raised.value.values == {"offset": length}
        for wrong in (raw[:37], raw[:-1], raw + b"\x00"):
            with pytest.raises(errors.WrongLength) as refused:
                decode_checkpoint(wrong)
            assert refused.value.values == {"expected": len(raw), "actual": len(wrong)}


class TestBook:
    def test_what_says_nothing_new_is_not_new(self) -> None:
        book = CheckpointBook(network())
        later, earlier = sign(ALICE, BOB, height=9), sign(ALICE, BOB)
        assert book.find(5, HASH) is None
        assert book.add(later)
        assert book.add(earlier)
        assert not book.add(sign(BOB, CAROL))
        assert book.find(5, HASH) == earlier
        assert book.all() == [earlier, later]
        assert book.conflict is None
        stronger = sign(ALICE, BOB, CAROL)
        assert book.add(stronger)
        assert book.all() == [stronger, later]

    def test_two_that_contradict_each_other_are_both_kept_and_a_third_is_not(self) -> None:
        book = CheckpointBook(network())
        one, other = sign(ALICE, BOB), sign(BOB, CAROL, block_hash=b"\x03" * 32)
        assert book.add(one)
        assert book.add(other)
        assert book.at(5) == [other, one]
        assert not book.add(sign(ALICE, CAROL, block_hash=b"\x09" * 32))
        assert book.add(sign(ALICE, BOB, CAROL, block_hash=b"\x09" * 32))
        assert [item.hash[0] for item in book.all()] == [9, 3]

    def test_unsigned_checkpoint_is_refused(self) -> None:
        book = CheckpointBook(network())
        with pytest.raises(errors.CheckpointQuorum):
            book.add(sign(KEYS[0]))
        assert book.all() == []
