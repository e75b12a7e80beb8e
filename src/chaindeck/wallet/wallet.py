"""One wallet: which addresses are its own, which come next, what they are called, who signs.

A wallet is open or locked. Locked, it still knows its addresses; `unlock` gives it its secret. One
that only watches has no secret at all. It knows no file (`keystore`) and no node (`payments`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Annotated

import msgspec
from msgspec import Meta

from chaindeck.ledger.addresses import decode_address, encode_address
from chaindeck.ledger.signatures import SigningKey
from chaindeck.ledger.types import KeyHash
from chaindeck.wallet.accounts import CHANGE, RECEIVE, AddressChain, scan_chain
from chaindeck.wallet.errors import (
    AddressCount,
    AddressGap,
    ChainFull,
    KeystoreDamaged,
    LabelForm,
    UnknownAddress,
    WalletLocked,
    WatchOnly,
)
from chaindeck.wallet.hd import PrivateNode, decode_public_node
from chaindeck.wallet.keys import (
    HdKeys,
    KeySecret,
    PhraseSecret,
    PublicKeys,
    Secret,
    SingleKey,
    WatchedAccount,
    WatchedAddresses,
)
from chaindeck.wallet.limits import (
    GAP_LIMIT,
    MAX_CHAIN_ADDRESSES,
    MAX_LABEL_CHARACTERS,
    MAX_WATCHED_ADDRESSES,
)
from chaindeck.wallet.types import NetworkIdentity

_Count = Annotated[int, Meta(ge=0, le=MAX_CHAIN_ADDRESSES)]


class Progress(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far the two chains of an account are in use."""

    handed: _Count = 0
    """Receiving addresses given out, paid or not."""

    received: _Count = 0
    """One more than the last receiving index that was paid."""

    changed: _Count = 0
    """One more than the last change index that was paid."""


NO_PROGRESS = Progress()


class Wallet:
    """See the module. Made by the functions below or by `keystore.load_keystore`."""

    def __init__(
        self,
        network: NetworkIdentity,
        keys: PublicKeys,
        *,
        progress: Progress = NO_PROGRESS,
        labels: Mapping[str, str] | None = None,
        secret: Secret | None = None,
    ) -> None:
        self.network = network
        self.keys = keys
        self.progress = progress
        self._chains: tuple[AddressChain, ...] = ()
        self._listed: tuple[KeyHash, ...] = ()
        if isinstance(keys, HdKeys | WatchedAccount):
            account = decode_public_node(keys.public)
            self._chains = (AddressChain(account, RECEIVE), AddressChain(account, CHANGE))
        else:
            self._listed = _decode_list(keys, network.prefix)
        self._places = {key_hash: (RECEIVE, index) for index, key_hash in enumerate(self._listed)}
        self._placed = [0, 0]
        self._labels: dict[str, str] = {}
        for address, label in (labels or {}).items():
            self._put_label(address, label)
        self._secret: Secret | None = None
        self._node: PrivateNode | None = None
        if secret is not None:
            self.unlock(secret)

    def __repr__(self) -> str:
        state = "watching" if self.is_watch_only else "locked" if self.is_locked else "unlocked"
        return f"Wallet({type(self.keys).__name__}, {state})"

    @property
    def is_watch_only(self) -> bool:
        return isinstance(self.keys, WatchedAccount | WatchedAddresses)

    @property
    def is_locked(self) -> bool:
        return self._secret is None

    @property
    def labels(self) -> Mapping[str, str]:
        """What addresses are called, own ones and those of others."""
        return self._labels

    def secret(self) -> Secret:
        """Return what must never be shown unasked; raises `WalletLocked` or `WatchOnly`."""
        if self.is_watch_only:
            raise WatchOnly
        if self._secret is None:
            raise WalletLocked
        return self._secret

    def unlock(self, secret: Secret) -> None:
        """Take the secret, or raise `KeystoreDamaged` where it does not belong to the addresses."""
        match self.keys, secret:
            case HdKeys(account=account, public=public), PhraseSecret():
                node = secret.account(account)
                fits = node.public.encode() == public
                self._node = node if fits else None
            case SingleKey(), KeySecret():
                fits = secret.key_hash in self._listed
            case _:
                fits = False
        if not fits:
            raise KeystoreDamaged(field="sealed", reason="its keys are not those of its addresses")
        self._secret = secret

    def lock(self) -> None:
        """Forget the secret. Copies that Python made may stay in memory for a while."""
        self._secret = self._node = None

    def address(self, key_hash: KeyHash) -> str:
        return encode_address(key_hash, self.network.prefix)

    def key_hashes(self) -> list[KeyHash]:
        """Return every key hash that may own coins of this wallet.

        Beyond what was handed out it looks `GAP_LIMIT` further, for a copy of this wallet that ran
        elsewhere.
        """
        return list(self._find_places())

    def place_of(self, key_hash: KeyHash) -> tuple[int, int] | None:
        """Return (change, index) of an own key hash, None for one of others."""
        return self._find_places().get(key_hash)

    def next_receive(self) -> KeyHash:
        """Hand out a receiving address nobody has seen; a wallet of listed keys repeats its first.

        Raises `AddressGap` rather than hand out what a recovery from the phrase would not find.
        """
        if not self._chains:
            return self._listed[0]
        index = self.progress.handed
        if index >= self.progress.received + GAP_LIMIT:
            raise AddressGap(limit=GAP_LIMIT)
        if index >= MAX_CHAIN_ADDRESSES:
            raise ChainFull(limit=MAX_CHAIN_ADDRESSES)
        self.progress = msgspec.structs.replace(self.progress, handed=index + 1)
        return self._chains[RECEIVE].key_hash(index)

    def next_change(self) -> KeyHash:
        """Return where change goes: the first change address that was never paid."""
        if not self._chains:
            return self._listed[0]
        if self.progress.changed >= MAX_CHAIN_ADDRESSES:
            raise ChainFull(limit=MAX_CHAIN_ADDRESSES)
        return self._chains[CHANGE].key_hash(self.progress.changed)

    def mark_used(self, key_hashes: Iterable[KeyHash]) -> None:
        """Note which addresses were paid; those of others are passed over."""
        for key_hash in key_hashes:
            place = self.place_of(key_hash)
            if place and self._chains:
                change, index = place
                self._advance(
                    received=0 if change else index + 1, changed=index + 1 if change else 0
                )

    def rescan(self, is_used: Callable[[KeyHash], bool]) -> None:
        """Find out how far an account is in use, from nothing: recovery from a phrase."""
        if self._chains:
            received, changed = (scan_chain(chain.key_hash, is_used) for chain in self._chains)
            self._advance(received=received, changed=changed)

    def set_label(self, address: str, label: str) -> None:
        """Name an address of this network, own or not; an empty label takes the name away."""
        decode_address(address, self.network.prefix, field="address")
        self._put_label(address.lower(), label)

    def signer(self, key_hash: KeyHash) -> SigningKey | None:
        """Return the key that signs for a key hash, None for one of others.

        Raises `WalletLocked` or `WatchOnly`.
        """
        raw = self._find_key(key_hash)
        return SigningKey(raw) if raw else None

    def reveal_key(self, address: str) -> KeySecret:
        """Return the private key of one address, for whoever asked for exactly that.

        Raises `UnknownAddress`, `WalletLocked` or `WatchOnly`.
        """
        raw = self._find_key(decode_address(address, self.network.prefix, field="address"))
        if raw is None:
            raise UnknownAddress(field="address")
        return KeySecret(raw.hex())

    def _find_key(self, key_hash: KeyHash) -> bytes | None:
        secret = self.secret()
        place = self.place_of(key_hash)
        if place is None:
            return None
        if isinstance(secret, KeySecret):
            return secret.raw
        assert self._node is not None, "unlocking an account finds its node"
        return self._node.derive(place).secret

    def _find_places(self) -> Mapping[KeyHash, tuple[int, int]]:
        """Return where every own key hash stands, after deriving those not derived yet."""
        reach = (max(self.progress.handed, self.progress.received), self.progress.changed)
        for change, chain in enumerate(self._chains):
            end = min(reach[change] + GAP_LIMIT, MAX_CHAIN_ADDRESSES)
            for index in range(self._placed[change], end):
                self._places[chain.key_hash(index)] = change, index
            self._placed[change] = end
        return self._places

    def _advance(self, *, received: int, changed: int) -> None:
        old = self.progress
        received = max(old.received, received)
        self.progress = Progress(max(old.handed, received), received, max(old.changed, changed))

    def _put_label(self, address: str, label: str) -> None:
        if len(label) > MAX_LABEL_CHARACTERS or not (label.isprintable()):
            raise LabelForm(field="label", limit=MAX_LABEL_CHARACTERS)
        if label:
            self._labels[address] = label
        else:
            self._labels.pop(address, None)


def hd_wallet(network: NetworkIdentity, secret: PhraseSecret, account: int = 0) -> Wallet:
    """Return the unlocked wallet of an account of a phrase."""
    public = secret.account(account).public.encode()
    return Wallet(network, HdKeys(public, account), secret=secret)


def key_wallet(network: NetworkIdentity, secret: KeySecret) -> Wallet:
    """Return the unlocked wallet of one key."""
    address = encode_address(secret.key_hash, network.prefix)
    return Wallet(network, SingleKey(address), secret=secret)


def watch_account(network: NetworkIdentity, public: str) -> Wallet:
    """Return a wallet that watches an account; raises `ExtendedKeyForm`."""
    return Wallet(network, WatchedAccount(decode_public_node(public).encode()))


def watch_addresses(network: NetworkIdentity, addresses: Iterable[str]) -> Wallet:
    """Return a wallet that watches addresses; raises `AddressCount` or an `AddressError`."""
    return Wallet(network, WatchedAddresses(tuple(address.lower() for address in addresses)))


def _decode_list(keys: SingleKey | WatchedAddresses, prefix: str) -> tuple[KeyHash, ...]:
    addresses = (keys.address,) if isinstance(keys, SingleKey) else keys.addresses
    key_hashes = tuple(
        decode_address(address, prefix, field=f"addresses[{place}]")
        for place, address in enumerate(addresses)
    )
    count = len(set(key_hashes))
    if not 1 <= len(key_hashes) <= MAX_WATCHED_ADDRESSES or count != len(key_hashes):
        raise AddressCount(field="addresses", count=count, limit=MAX_WATCHED_ADDRESSES)
    return key_hashes
