"""Who signed what: digests that commit to the network, signing, recovering, and what is known.

Signatures are 65 bytes (r, s, recovery id), low-S. No public key travels: the signer is recovered
and its key hash compared with the owner. libsecp256k1 signs with RFC 6979 nonces, so signing needs
no random source.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from coincurve import PrivateKey

from chaindeck.kernel import hash256, recover_many
from chaindeck.ledger.coins import Coin
from chaindeck.ledger.errors import RuleError
from chaindeck.ledger.limits import MAX_SIGNATURE_CACHE
from chaindeck.ledger.recent import RecentSet
from chaindeck.ledger.types import BlockHash, FullId, KeyHash, NetworkId

_TRANSACTION_TAG = hashlib.sha256(b"chaindeck/tx").digest() * 2
_SEAL_TAG = hashlib.sha256(b"chaindeck/seal").digest() * 2
_HIGH_S = 2
_CHECKPOINT_TAG = hashlib.sha256(b"chaindeck/checkpoint").digest() * 2


class SigningKey:
    """A private key in memory: signs digests, knows its key hash; never printed or stored."""

    __slots__ = ("_key", "key_hash", "public_key")

    def __init__(self, secret: bytes) -> None:
        self._key = PrivateKey(secret)
        self.public_key: bytes = self._key.public_key.format()
        """33 bytes, compressed."""

        self.key_hash = KeyHash(hash256(self.public_key)[:20])

    def sign(self, digest: bytes) -> bytes:
        return self._key.sign_recoverable(digest, hasher=None)


def transaction_digest(network_id: NetworkId, body: bytes, coins: Sequence[Coin]) -> bytes:
    """What a signature of a transaction signs: network, body, and each coin spent, in order.

    Owner and amount of every coin are committed to, so that an offline signer cannot be lied to
    about what it pays.
    """
    spent = b"".join(coin.key_hash + coin.amount.to_bytes(8, "little") for coin in coins)
    return hashlib.sha256(_TRANSACTION_TAG + network_id + body + spent).digest()


def seal_digest(block_hash: BlockHash) -> bytes:
    return hashlib.sha256(_SEAL_TAG + block_hash).digest()


def checkpoint_digest(network_id: NetworkId, height: int, block_hash: BlockHash) -> bytes:
    fixed = network_id + height.to_bytes(4, "little") + block_hash
    return hashlib.sha256(_CHECKPOINT_TAG + fixed).digest()


def recover_signer(
    digest: bytes,
    signature: bytes,
    /,
    *,
    malformed: type[RuleError],
    high_s: type[RuleError],
    field: str,
) -> KeyHash:
    """Return whose signature this is, or raise one of the two errors given."""
    key_hash, statuses = recover_many(digest, signature, 1)
    check_recovered(statuses[0], malformed=malformed, high_s=high_s, field=field)
    return KeyHash(key_hash)


def is_signed_by(public_key: bytes, digest: bytes, signature: bytes) -> bool:
    """Whether 65 bytes are a low-S signature by the key whose compressed form this is."""
    key_hash, statuses = recover_many(digest, signature, 1)
    return not statuses[0] and key_hash == hash256(public_key)[:20]


def check_recovered(
    status: int,
    /,
    *,
    malformed: type[RuleError],
    high_s: type[RuleError],
    field: str,
) -> None:
    """Raise the error that fits the kernel's status of one recovered signature."""
    if status:
        raise (high_s if status == _HIGH_S else malformed)(field=field)


class SignatureCache:
    """Which transactions are known to be signed rightly, so that a block need not ask again.

    Keyed by full id, which commits to body and signatures, and through the spent ids to the coins:
    the answer can never change. Bounded: what was added long ago is forgotten.
    """

    def __init__(self, capacity: int = MAX_SIGNATURE_CACHE) -> None:
        self._known: RecentSet[bytes] = RecentSet(capacity)

    def __len__(self) -> int:
        return len(self._known)

    def __contains__(self, full_id: FullId) -> bool:
        return full_id in self._known

    def add(self, full_ids: Iterable[FullId]) -> None:
        self._known.note_all(full_ids)

    def known(self, full_ids: Sequence[bytes]) -> bytes:
        """Return one byte for each id: 1 where its signatures are known to be good."""
        return self._known.which(full_ids)
