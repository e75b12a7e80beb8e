"""Checks, without a network, that a transaction is in a block: what a node gave for `?proof=1`.

It says that the block holds these very bytes, and that its hash meets the target which it names
itself: anybody can make such a block. Whether it is on one's chain no file can tell, so compare its
hash with one from somebody whom you trust.
"""

from __future__ import annotations

import msgspec

from chaindeck.client.answers import Proof, TransactionState
from chaindeck.client.errors import ProofInvalid
from chaindeck.ledger.codec import decode_header, decode_transaction
from chaindeck.ledger.errors import RuleError
from chaindeck.ledger.merkle import check_branch
from chaindeck.ledger.targets import is_under_target, target_of
from chaindeck.ledger.types import Header, Transaction


class Proven(msgspec.Struct, frozen=True):
    """A transaction, the block it is in, and where in it."""

    transaction: Transaction
    header: Header
    index: int


def check_proof(text: bytes) -> Proven:
    """Return what a file with a proof proves; raise `ProofInvalid`."""
    try:
        state = msgspec.json.decode(text, type=TransactionState)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ProofInvalid(reason=f"it is no answer of a node: {error}") from None
    if state.proof is None:
        raise ProofInvalid(reason="it has the transaction without the way to its block")
    try:
        proven = _follow(state.proof)
    except (RuleError, ValueError) as error:
        raise ProofInvalid(reason=str(error)) from None
    _check_claims(state, proven)
    return proven


def _follow(proof: Proof) -> Proven:
    """Go from the bytes of the transaction to the header, and look at its work."""
    header = decode_header(bytes.fromhex(proof.header))
    raw = bytes.fromhex(proof.transaction)
    branch = [bytes.fromhex(node) for node in proof.branch]
    check_branch(raw, proof.index, header.tx_count, branch, header.merkle_root)
    target = target_of(header.target_bits)
    if target is None or not is_under_target(header.hash, target):
        raise ProofInvalid(reason="nobody worked for its block: the hash is above the target")
    return Proven(decode_transaction(raw), header, proof.index)


def _check_claims(state: TransactionState, proven: Proven) -> None:
    """What the file says beside the proof must not differ from it."""
    if state.id != proven.transaction.id.hex():
        raise ProofInvalid(reason=f"it proves another transaction, {proven.transaction.id.hex()}")
    if state.block not in (None, proven.header.hash.hex()):
        raise ProofInvalid(reason=f"it proves another block, {proven.header.hash.hex()}")
    if state.height not in (None, proven.header.height):
        raise ProofInvalid(reason=f"its block has the height {proven.header.height}")
