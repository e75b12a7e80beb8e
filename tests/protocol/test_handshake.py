"""A proof holds for one link, one role and one pair of introductions, and for nothing else."""

from __future__ import annotations

import hashlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaindeck.protocol import errors
from chaindeck.protocol.codec import encode_introduction
from chaindeck.protocol.handshake import (
    Role,
    check_introduction,
    check_proof,
    prove,
    transcript_digest,
)
from chaindeck.protocol.messages import Introduction
from chaindeck.protocol.types import NO_BINDING, Settings
from tests.ledger.forge import ALICE, BOB, CAROL, dev_network
from tests.ledger.test_signatures import with_high_s

NETWORK = dev_network()
BINDING = b"\x09" * 32
SETTINGS = Settings(network=NETWORK, key=ALICE, seed=bytes(32), port=0)


def introduce(key, nonce: int = 1, **changes: object) -> Introduction:
    plain = Introduction(1, NETWORK.id, key.public_key, bytes([nonce]) * 32, 5, 9, 80, 0, 7, "deck")
    return msgspec.structs.replace(plain, **changes)


HELLO = encode_introduction(introduce(ALICE, 1))
WELCOME = encode_introduction(introduce(BOB, 2))
SIGNERS = {Role.DIALLER: ALICE, Role.ANSWERER: BOB}
SIGNATURES = {role: prove(key, role, HELLO, WELCOME, BINDING) for role, key in SIGNERS.items()}
ROLES = st.sampled_from(Role)


def check(role, hello=HELLO, welcome=WELCOME, binding=BINDING, signature=None) -> None:
    key = SIGNERS[role].public_key
    check_proof(key, role, hello, welcome, binding, signature or SIGNATURES[role])


def assert_no_proof(role, **changed: bytes) -> None:
    with pytest.raises(errors.PeerSignature) as raised:
        check(role, **changed)
    assert raised.value.code == "peer-signature"
    assert raised.value.values == {"key": SIGNERS[role].public_key.hex()}


class TestProofs:
    def test_digest_is_the_tagged_hash_of_role_introductions_and_binding(self) -> None:
        tag = hashlib.sha256(b"chaindeck/link").digest()
        said = HELLO + WELCOME + BINDING
        for role, number in ((Role.DIALLER, b"\x01"), (Role.ANSWERER, b"\x02")):
            expected = hashlib.sha256(tag + tag + number + said).digest()
            assert transcript_digest(role, HELLO, WELCOME, BINDING) == expected

    @pytest.mark.parametrize("role", Role)
    def test_right_proof_holds(self, role) -> None:
        check(role)

    @given(role=ROLES, place=st.integers(0, len(HELLO) - 1), flip=st.integers(1, 255))
    def test_any_byte_of_the_hello_changed_breaks_it(self, role, place, flip) -> None:
        changed = HELLO[:place] + bytes([HELLO[place] ^ flip]) + HELLO[place + 1 :]
        assert_no_proof(role, hello=changed)

    @given(role=ROLES, place=st.integers(0, len(WELCOME) - 1), flip=st.integers(1, 255))
    def test_any_byte_of_the_welcome_changed_breaks_it(self, role, place, flip) -> None:
        changed = WELCOME[:place] + bytes([WELCOME[place] ^ flip]) + WELCOME[place + 1 :]
        assert_no_proof(role, welcome=changed)

    @given(role=ROLES, place=st.integers(0, 31), flip=st.integers(1, 255))
    def test_any_byte_of_the_binding_changed_breaks_it(self, role, place, flip) -> None:
        changed = BINDING[:place] + bytes([BINDING[place] ^ flip]) + BINDING[place + 1 :]
        assert_no_proof(role, binding=changed)

    @given(role=ROLES, place=st.integers(0, 64), flip=st.integers(1, 255))
    def test_any_byte_of_the_signature_changed_breaks_it(self, role, place, flip) -> None:
        right = SIGNATURES[role]
        changed = right[:place] + bytes([right[place] ^ flip]) + right[place + 1 :]
        assert_no_proof(role, signature=changed)

    def test_other_form_of_the_same_signature_is_no_proof(self) -> None:
        assert_no_proof(Role.DIALLER, signature=with_high_s(SIGNATURES[Role.DIALLER]))

    def test_proof_of_one_role_is_none_of_the_other(self) -> None:
        """Otherwise an answerer could send a dialler's own proof back to it."""
        by_alice = prove(ALICE, Role.DIALLER, HELLO, WELCOME, BINDING)
        key = ALICE.public_key
        check_proof(key, Role.DIALLER, HELLO, WELCOME, BINDING, by_alice)
        with pytest.raises(errors.PeerSignature):
            check_proof(key, Role.ANSWERER, HELLO, WELCOME, BINDING, by_alice)

    def test_proof_by_another_key_is_none(self) -> None:
        by_carol = prove(CAROL, Role.DIALLER, HELLO, WELCOME, BINDING)
        assert_no_proof(Role.DIALLER, signature=by_carol)

    @pytest.mark.parametrize("role", Role)
    def test_proof_replayed_on_another_link_fails(self, role) -> None:
        """The end that is lied to draws a nonce of its own, whatever the other repeats."""
        assert_no_proof(role, welcome=encode_introduction(introduce(BOB, 3)))
        assert_no_proof(role, hello=encode_introduction(introduce(ALICE, 3)))

    @pytest.mark.parametrize("role", Role)
    def test_proof_passed_on_by_a_middleman_fails(self, role) -> None:
        """Each of its two channels has a binding of its own."""
        assert_no_proof(role, binding=b"\x08" * 32)
        assert_no_proof(role, binding=NO_BINDING)

    @pytest.mark.parametrize("role", Role)
    def test_introductions_that_change_places_are_another_link(self, role) -> None:
        assert_no_proof(role, hello=WELCOME, welcome=HELLO)


class TestIntroductions:
    def test_node_of_this_network_is_welcome(self) -> None:
        for version in (1, 2, 65_535):
            check_introduction(SETTINGS, introduce(BOB, version=version))

    def test_version_before_the_first_is_refused(self) -> None:
        with pytest.raises(errors.PeerVersion) as raised:
            check_introduction(SETTINGS, introduce(BOB, version=0))
        assert raised.value.code == "peer-version"
        assert raised.value.values == {"version": 0, "least": 1}

    def test_other_network_is_refused(self) -> None:
        with pytest.raises(errors.PeerNetwork) as raised:
            check_introduction(SETTINGS, introduce(BOB, network_id=bytes(32)))
        assert raised.value.code == "peer-network"
        assert raised.value.values == {"network_id": bytes(32).hex()}

    def test_own_key_at_the_other_end_is_this_node_itself(self) -> None:
        with pytest.raises(errors.PeerSelf) as raised:
            check_introduction(SETTINGS, introduce(ALICE))
        assert raised.value.code == "peer-self"

    def test_network_that_lists_its_nodes_admits_only_them(self) -> None:
        listed = msgspec.structs.replace(SETTINGS, admitted=frozenset([BOB.public_key]))
        check_introduction(listed, introduce(BOB))
        with pytest.raises(errors.PeerNotAdmitted) as raised:
            check_introduction(listed, introduce(CAROL))
        assert raised.value.code == "peer-not-admitted"
        assert raised.value.values == {"key": CAROL.public_key.hex()}

    def test_network_that_lists_nobody_admits_nobody(self) -> None:
        empty = msgspec.structs.replace(SETTINGS, admitted=frozenset())
        with pytest.raises(errors.PeerNotAdmitted):
            check_introduction(empty, introduce(BOB))
