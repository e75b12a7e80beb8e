"""Checkpoints: k of n listed keys say which block a height has, and that beats any work.

    checkpoint = height u32 | hash 32 | u8 n | n x signature 65

Signatures stand in the order of their signers' key hashes, so that a checkpoint of the same signers
has one encoding. Two quorums that contradict each other stop mining until operators have looked
(`finality`).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence

import msgspec

from chaindeck.ledger.errors import (
    CheckpointQuorum,
    CheckpointRepeatedSigner,
    CheckpointSignature,
    CheckpointSigner,
    CheckpointsUnused,
    Truncated,
    WrongLength,
)
from chaindeck.ledger.finality import RIVALS_A_HEIGHT
from chaindeck.ledger.genesis import Network
from chaindeck.ledger.limits import SIGNATURE_BYTES
from chaindeck.ledger.signatures import SigningKey, checkpoint_digest, recover_signer
from chaindeck.ledger.types import BlockHash, Height, KeyHash

_FIXED = struct.Struct("<I32s")

Keep = Callable[[Sequence["Checkpoint"]], None]
"""Writes down what is held of one height, before anybody may rely on it."""


class Checkpoint(msgspec.Struct, frozen=True):
    """What some keys said about a height. Only `check_checkpoint` tells whether they are enough."""

    height: Height
    hash: BlockHash
    signatures: tuple[bytes, ...]


def sign_checkpoint(
    network: Network, height: Height, block_hash: BlockHash, keys: Iterable[SigningKey]
) -> Checkpoint:
    """Return a checkpoint with these signatures, in the order of their key hashes."""
    digest = checkpoint_digest(network.id, height, block_hash)
    ordered = sorted(keys, key=lambda key: key.key_hash)
    return Checkpoint(height, block_hash, tuple(key.sign(digest) for key in ordered))


def check_checkpoint(network: Network, checkpoint: Checkpoint) -> list[KeyHash]:
    """Return who signed, or raise unless enough listed signers did, each once."""
    if not network.checkpoint_signers:
        raise CheckpointsUnused
    quorum = network.genesis.checkpoint_quorum
    if len(checkpoint.signatures) < quorum:
        raise CheckpointQuorum(field="signatures", count=len(checkpoint.signatures), quorum=quorum)
    return find_signers(network, checkpoint)


def find_signers(network: Network, checkpoint: Checkpoint) -> list[KeyHash]:
    """Return who signed, enough or not; raise unless all are listed signers, each once."""
    digest = checkpoint_digest(network.id, checkpoint.height, checkpoint.hash)
    signers: list[KeyHash] = []
    for position, signature in enumerate(checkpoint.signatures):
        field = f"signatures[{position}]"
        signer = recover_signer(
            digest,
            signature,
            malformed=CheckpointSignature,
            high_s=CheckpointSignature,
            field=field,
        )
        if signer not in network.checkpoint_signers:
            raise CheckpointSigner(field=field, signer=signer.hex())
        if signer in signers:
            raise CheckpointRepeatedSigner(field=field, signer=signer.hex())
        signers.append(signer)
    return signers


def join_checkpoints(network: Network, parts: Sequence[Checkpoint]) -> Checkpoint:
    """Return what all of the parts sign: one signature of each signer, in the order of key hashes.

    The parts are of one block, and there is at least one. Raises what `find_signers` raises.
    """
    first = parts[0]
    assert all((part.height, part.hash) == (first.height, first.hash) for part in parts)
    signed = {
        signer: signature
        for part in parts
        for signer, signature in zip(find_signers(network, part), part.signatures, strict=True)
    }
    return Checkpoint(first.height, first.hash, tuple(signed[signer] for signer in sorted(signed)))


def encode_checkpoint(checkpoint: Checkpoint) -> bytes:
    fixed = _FIXED.pack(checkpoint.height, checkpoint.hash)
    return fixed + bytes((len(checkpoint.signatures),)) + b"".join(checkpoint.signatures)


def decode_checkpoint(raw: bytes) -> Checkpoint:
    """Read a checkpoint of exactly these bytes; its signatures are not checked."""
    if len(raw) <= _FIXED.size:
        raise Truncated(offset=len(raw))
    height, block_hash = _FIXED.unpack_from(raw)
    count = raw[_FIXED.size]
    start = _FIXED.size + 1
    expected = start + count * SIGNATURE_BYTES
    if len(raw) != expected:
        raise WrongLength(expected=expected, actual=len(raw))
    signatures = tuple(
        raw[place : place + SIGNATURE_BYTES] for place in range(start, expected, SIGNATURE_BYTES)
    )
    return Checkpoint(Height(height), BlockHash(block_hash), signatures)


def keep_nowhere(held: Sequence[Checkpoint]) -> None:
    """For a book that need not outlive its program."""


class CheckpointBook:
    """What quorums said, and the contradiction that halts mining, if any."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._by_height: dict[int, list[Checkpoint]] = {}
        self.conflict: tuple[Checkpoint, Checkpoint] | None = None
        """Kept by `state`, which knows the branches; the lower one first."""

    def is_disputed(self, height: int) -> bool:
        """Whether a contradiction is no higher than this: nobody mines on such a block.

        Below it mining goes on, or two inventions would end a chain that has not come so far: no
        later block could be signed, as none would be made.
        """
        return self.conflict is not None and self.conflict[0].height <= height

    def add(self, checkpoint: Checkpoint, *, keep: Keep = keep_nowhere) -> bool:
        """Take in a checkpoint; return whether it says something new, or with more signers.

        Raises what `check_checkpoint` raises. Of the blocks named for one height the two with the
        most signers are kept. Where `keep` raises, nothing has happened.
        """
        check_checkpoint(self._network, checkpoint)
        known = self.find(checkpoint.height, checkpoint.hash)
        if known is not None and len(known.signatures) >= len(checkpoint.signatures):
            return False
        rivals = [item for item in self.at(checkpoint.height) if item.hash != checkpoint.hash]
        ranked = sorted([*rivals, checkpoint], key=_rank)[:RIVALS_A_HEIGHT]
        if checkpoint not in ranked:
            return False
        keep(ranked)
        self._by_height[checkpoint.height] = ranked
        return True

    def restore(self, kept: Iterable[Checkpoint]) -> None:
        """Take back what was checked before it was written down."""
        for checkpoint in kept:
            held = [*self.at(checkpoint.height), checkpoint]
            self._by_height[checkpoint.height] = sorted(held, key=_rank)

    def at(self, height: int) -> Sequence[Checkpoint]:
        """Return what was said about a height, that with the most signers first."""
        return self._by_height.get(height, ())

    def find(self, height: int, block_hash: BlockHash) -> Checkpoint | None:
        """Return the checkpoint that names a block."""
        return next((item for item in self.at(height) if item.hash == block_hash), None)

    def all(self) -> list[Checkpoint]:
        """Return every checkpoint, contradictions included, lowest first."""
        return [item for height in sorted(self._by_height) for item in self._by_height[height]]


def _rank(checkpoint: Checkpoint) -> tuple[int, BlockHash]:
    return -len(checkpoint.signatures), checkpoint.hash
