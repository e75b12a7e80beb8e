"""Seals: on a network that lists its miners, who may make the next block.

Proof of work alone secures no private network: whoever rents more machines rewrites it. The list
of miners, and that a share of them must take turns, is what does.
"""

from __future__ import annotations

from chaindeck.ledger.errors import (
    SealMalformed,
    SealMissing,
    SealNotCoinbaseOwner,
    SealNotListed,
    SealTooSoon,
    SealUnexpected,
)
from chaindeck.ledger.genesis import Network
from chaindeck.ledger.ports import Ancestry, Entry
from chaindeck.ledger.signatures import SigningKey, recover_signer, seal_digest
from chaindeck.ledger.types import Header, KeyHash, Payment, Transaction


def sign_seal(header: Header, key: SigningKey) -> bytes:
    """Seal a finished header: the seal signs its hash, so work comes first."""
    return key.sign(seal_digest(header.hash))


def check_seal(
    network: Network, ancestry: Ancestry, parent: Entry, header: Header, seal: bytes
) -> KeyHash | None:
    """Return who sealed the child of `parent`, None where the network lists no miners."""
    if not network.miners:
        if seal:
            raise SealUnexpected(field="seal")
        return None
    if not seal:
        raise SealMissing(field="seal")
    signer = recover_signer(
        seal_digest(header.hash),
        seal,
        malformed=SealMalformed,
        high_s=SealMalformed,
        field="seal",
    )
    if signer not in network.miners:
        raise SealNotListed(field="seal", signer=signer.hex())
    if not may_seal(network, ancestry, parent, signer):
        raise SealTooSoon(field="seal", signer=signer.hex(), window=network.seal_window)
    return signer


def may_seal(network: Network, ancestry: Ancestry, parent: Entry, miner: KeyHash) -> bool:
    """Whether a listed miner may make the child of `parent`, or must let others go first."""
    if not network.seal_window:
        return True
    return all(entry.sealer != miner for entry in ancestry.window(parent, network.seal_window))


def check_seal_owner(sealer: KeyHash | None, coinbase: Transaction) -> None:
    """Raise unless the coinbase's first output is the sealer's.

    Without this a block's hash would not fix who made it: anybody listed could seal it again. Where
    there is nothing to pay, a data output that starts with the sealer's key hash says the same.
    """
    if sealer is None:
        return
    first = coinbase.outputs[0]
    named = first.key_hash if isinstance(first, Payment) else first.data[: len(sealer)]
    if named != sealer:
        raise SealNotCoinbaseOwner(field="seal", signer=sealer.hex())
