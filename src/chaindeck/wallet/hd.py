"""Trees of keys (BIP 32): one seed, and every key below it found by its path.

A private node derives private and public children; a public node derives public children by normal
indexes alone, which is what lets a shop hand out addresses without a key that spends. One private
key below an extended public key reveals all of its siblings, so an account is hardened.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import re
from collections.abc import Sequence
from typing import Final

from coincurve import PrivateKey, PublicKey

from chaindeck.kernel import hash256
from chaindeck.ledger.types import KeyHash
from chaindeck.wallet.base58 import decode_base58, encode_base58
from chaindeck.wallet.errors import (
    DerivationPath,
    ExtendedKeyForm,
    HardenedFromPublic,
    NoSuchChild,
)
from chaindeck.wallet.ripemd160 import ripemd160

HARDENED: Final = 1 << 31
"""Added to an index that only a private node can derive; a path marks it with `'`."""

_PRIVATE_VERSION = bytes.fromhex("0488ade4")
_PUBLIC_VERSION = bytes.fromhex("0488b21e")
_EXTENDED_KEY_BYTES = 78
_MAX_DEPTH = 255
_NO_PARENT = bytes(4)
_STEP = re.compile(r"(0|[1-9][0-9]{0,9})(['hH]?)")


class PublicNode:
    """A public key with the chain code that its children are derived by."""

    __slots__ = ("__dict__", "chain_code", "depth", "index", "parent", "point")

    def __init__(
        self, point: bytes, chain_code: bytes, depth: int, parent: bytes, index: int
    ) -> None:
        self.point = point
        self.chain_code = chain_code
        self.depth = depth
        self.parent = parent
        self.index = index

    @functools.cached_property
    def fingerprint(self) -> bytes:
        """Four bytes by which children name this key."""
        return ripemd160(hashlib.sha256(self.point).digest())[:4]

    @property
    def key_hash(self) -> KeyHash:
        return KeyHash(hash256(self.point)[:20])

    def child(self, index: int) -> PublicNode:
        """Return a child by normal index; raise `HardenedFromPublic` or `NoSuchChild`."""
        if index >= HARDENED:
            raise HardenedFromPublic
        tweak, chain_code = _split(self.chain_code, self.point, index)
        try:
            point = PublicKey(self.point).add(tweak).format()
        except ValueError:
            raise NoSuchChild(index=index) from None
        return PublicNode(point, chain_code, _deeper(self.depth), self.fingerprint, index)

    def derive(self, path: Sequence[int]) -> PublicNode:
        return functools.reduce(PublicNode.child, path, self)

    def encode(self) -> str:
        """Write the extended public key (`xpub...`): whoever has it sees every payment."""
        return _encode(_PUBLIC_VERSION, self, self.point)


class PrivateNode:
    """A private key with its chain code; never printed."""

    __slots__ = ("_key", "public")

    def __init__(
        self, secret: bytes, chain_code: bytes, depth: int, parent: bytes, index: int
    ) -> None:
        self._key = PrivateKey(secret)
        point = self._key.public_key.format()
        self.public = PublicNode(point, chain_code, depth, parent, index)

    def child(self, index: int) -> PrivateNode:
        """Return a child by normal or hardened index; raise `NoSuchChild`."""
        public = self.public
        hashed = b"\0" + self._key.secret if index >= HARDENED else public.point
        tweak, chain_code = _split(public.chain_code, hashed, index)
        try:
            secret = self._key.add(tweak).secret
        except ValueError:
            raise NoSuchChild(index=index) from None
        return PrivateNode(secret, chain_code, _deeper(public.depth), public.fingerprint, index)

    def derive(self, path: Sequence[int]) -> PrivateNode:
        return functools.reduce(PrivateNode.child, path, self)

    @property
    def secret(self) -> bytes:
        """The private key itself."""
        return self._key.secret

    def reveal(self) -> str:
        """Write the extended private key (`xprv...`): whoever has it spends everything below."""
        return _encode(_PRIVATE_VERSION, self.public, b"\0" + self._key.secret)


def master_node(seed: bytes) -> PrivateNode:
    """Return the root of the tree of a seed of 16 to 64 bytes.

    Raises `NoSuchChild` for the one seed in 2**127 that has none.
    """
    assert 16 <= len(seed) <= 64, "seeds come from phrases"
    digest = hmac.digest(b"Bitcoin seed", seed, "sha512")
    try:
        return PrivateNode(digest[:32], digest[32:], 0, _NO_PARENT, 0)
    except ValueError:
        raise NoSuchChild(index=0) from None


def parse_path(path: str) -> list[int]:
    """Read `m/44'/0/5`, where `'`, `h` or `H` marks a hardened index; raise `DerivationPath`."""
    root, *steps = path.split("/")
    if root != "m":
        raise DerivationPath(field="path", reason="it starts with m")
    if len(steps) > _MAX_DEPTH:
        raise DerivationPath(field="path", reason=f"it has more than {_MAX_DEPTH} steps")
    return [_parse_step(step, place) for place, step in enumerate(steps, start=1)]


def format_path(path: Sequence[int]) -> str:
    steps = (f"{index - HARDENED}'" if index >= HARDENED else str(index) for index in path)
    return "/".join(("m", *steps))


def decode_public_node(text: str) -> PublicNode:
    """Read an extended public key, or raise `ExtendedKeyForm`."""
    version, key, rest = _decode(text)
    if version == _PRIVATE_VERSION:
        raise ExtendedKeyForm(reason="it is a private one, where a public one is asked for")
    try:
        PublicKey(key)
    except ValueError:
        raise ExtendedKeyForm(reason="it holds no point of the curve") from None
    return PublicNode(key, *rest)


def decode_private_node(text: str) -> PrivateNode:
    """Read an extended private key, or raise `ExtendedKeyForm`, which repeats nothing of it."""
    version, key, rest = _decode(text)
    if version == _PUBLIC_VERSION:
        raise ExtendedKeyForm(reason="it is a public one, where a private one is asked for")
    if key[0]:
        raise ExtendedKeyForm(reason="its private key is not marked as one")
    try:
        return PrivateNode(key[1:], *rest)
    except ValueError:
        raise ExtendedKeyForm(reason="it holds no private key") from None


def _parse_step(step: str, place: int) -> int:
    match = _STEP.fullmatch(step)
    if not match or int(match[1]) >= HARDENED:
        raise DerivationPath(field="path", reason=f"step {place} is no index below 2**31")
    return int(match[1]) + (HARDENED if match[2] else 0)


def _split(chain_code: bytes, hashed: bytes, index: int) -> tuple[bytes, bytes]:
    digest = hmac.digest(chain_code, hashed + index.to_bytes(4, "big"), "sha512")
    return digest[:32], digest[32:]


def _deeper(depth: int) -> int:
    if depth == _MAX_DEPTH:
        raise DerivationPath(field="path", reason=f"it is deeper than {_MAX_DEPTH}")
    return depth + 1


def _encode(version: bytes, node: PublicNode, key: bytes) -> str:
    place = bytes((node.depth,)) + node.parent + node.index.to_bytes(4, "big")
    return encode_base58(version + place + node.chain_code + key)


def _decode(text: str) -> tuple[bytes, bytes, tuple[bytes, int, bytes, int]]:
    """Return version, key, and what else a node is made of."""
    raw = decode_base58(text)
    version = raw[:4]
    if len(raw) != _EXTENDED_KEY_BYTES or version not in (_PUBLIC_VERSION, _PRIVATE_VERSION):
        raise ExtendedKeyForm(reason="it begins with neither xpub nor xprv")
    depth, parent, index = raw[4], raw[5:9], int.from_bytes(raw[9:13], "big")
    if depth == 0 and (parent != _NO_PARENT or index):
        raise ExtendedKeyForm(reason="it is a root with a parent or an index")
    return version, raw[45:], (raw[13:45], depth, parent, index)
