"""Adversaries that lead others astray: false addresses, false work, spoofed and replayed words."""

from __future__ import annotations

from chaindeck.kernel import merkle_root, search_nonce
from chaindeck.ledger.codec import build_header, build_transaction, decode_header
from chaindeck.ledger.types import (
    ZERO_HASH,
    Amount,
    BlockHash,
    Header,
    Payment,
    TxId,
    TxInput,
)
from chaindeck.protocol.datagrams import ANNOUNCEMENT_BYTES, encode_announcement
from chaindeck.protocol.datagrams import Kind as Announcing
from chaindeck.protocol.effects import Effect, Send, SendDatagram
from chaindeck.protocol.inputs import BytesReceived, DatagramReceived, Input
from chaindeck.protocol.limits import MAX_PEERS_GIVEN
from chaindeck.protocol.messages import (
    AskBlocks,
    AskCompact,
    AskHeaders,
    AskPeers,
    BlocksUnknown,
    GivePeers,
    Headers,
    KnownPeer,
    Message,
)
from chaindeck.protocol.types import Address
from chaindeck.simulate.adversaries.kit import Kind, Kit, Option
from chaindeck.simulate.adversaries.scripted import Contact, ScriptedPeer

_MS = 1_000
_SEARCH_LIMIT = 1 << 40
_REPLAYED_BYTES = 4_096
_REPLAYS_KEPT = 64
_MORE_WORK = 1 << 200
_TOLD_UNASKED = 50
"""Addresses, fewer than what a peer is charged for."""


class Poisoner(ScriptedPeer):
    """Gives addresses at which nobody is, and its own again and again."""

    is_sybil = True

    def tick(self) -> None:
        now_s = self.now_ms // _MS
        count = int(self.kit.options["addresses"])
        peers = tuple(KnownPeer(self._address(), now_s, 1) for _ in range(count))
        for contact in self.ready():
            self.say(contact, GivePeers(peers))

    def _address(self) -> Address:
        ip = bytes(10) + b"\xff\xff" + b"\x0b" + self.entropy.draw(3)
        return Address(ip, 1 + self.entropy.below(65_535))


class Eclipser(ScriptedPeer):
    """One of many that want to be all links and all addresses of whom they know.

    It tells of nobody but its like, unasked and asked, is there when it is dialled, and comes back
    at once.
    """

    def greet(self, contact: Contact) -> None:
        self._tell(contact, _TOLD_UNASKED)

    def hear(self, contact: Contact, message: Message) -> None:
        match message:
            case AskPeers():
                self._tell(contact, MAX_PEERS_GIVEN)
            case AskHeaders():
                self.say(contact, Headers(()))
            case _:
                pass

    def _tell(self, contact: Contact, most: int) -> None:
        now_s = self.now_ms // _MS
        told = self.entropy.choose((self.kit.address, *self.kit.friends), most)
        self.say(contact, GivePeers(tuple(KnownPeer(address, now_s, 1) for address in told)))


class Squatter(ScriptedPeer):
    """Takes as many places as it can, under many keys, and keeps them."""

    is_sybil = True

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self._links_wanted = int(kit.options["links"])


class LowWork(ScriptedPeer):
    """Offers a branch of its own that took little work, as if it were a great deal."""

    claimed_work = _MORE_WORK
    claimed_height = 1_000_000

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self._headers = self._make_branch(int(kit.options["headers"]))

    def hear(self, contact: Contact, message: Message) -> None:
        match message:
            case AskHeaders(locator):
                self.say(contact, Headers(self._after(locator)))
            case AskBlocks(hashes):
                self.say(contact, BlocksUnknown(hashes))
            case AskCompact(block_hash):
                self.say(contact, BlocksUnknown((block_hash,)))
            case _:
                pass

    def _after(self, locator: tuple[BlockHash, ...]) -> tuple[tuple[Header, bytes], ...]:
        hashes = [header.hash for header in self._headers]
        found = [hashes.index(item) + 1 for item in locator if item in hashes]
        return tuple((header, b"") for header in self._headers[max(found, default=0) :][:2_000])

    def _make_branch(self, length: int) -> list[Header]:
        """Headers on the genesis block at the easiest target, each with its work."""
        network = self.kit.network
        before = network.block.header
        goal = network.easiest_target.to_bytes(32, "big")
        headers = []
        for height in range(1, length + 1):
            reward = build_transaction(
                [TxInput(TxId(ZERO_HASH), height)],
                [Payment(self.kit.key.key_hash, Amount(1))],
                0,
            )
            header = build_header(
                height=height,
                previous=before.hash,
                merkle_root=merkle_root([reward.raw]),
                time_ms=before.time_ms + network.genesis.block_interval_ms,
                target_bits=network.genesis.easiest_bits,
                tx_count=1,
            )
            nonce, _ = search_nonce(header.raw, goal, 0, _SEARCH_LIMIT)
            assert nonce is not None, "the easiest target is easy"
            before = decode_header(header.raw[:-8] + nonce.to_bytes(8, "little"))
            headers.append(before)
        return headers


class Boaster(ScriptedPeer):
    """Says that it has more work than anybody, and never answers a question."""

    claimed_work = _MORE_WORK
    claimed_height = 1_000_000


class Spoofer(ScriptedPeer):
    """Announces nodes that are not there, and repeats what others announced."""

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self._heard: list[bytes] = []

    def step(self, now_ms: int, happened: Input) -> list[Effect]:
        if isinstance(happened, DatagramReceived) and len(self._heard) < _REPLAYS_KEPT:
            self._heard.append(happened.data)
        return super().step(now_ms, happened)

    def tick(self) -> None:
        for data in self._heard[-4:]:
            self.out.append(SendDatagram(None, data))
        for _ in range(int(self.kit.options["announcements_s"])):
            announcement = encode_announcement(
                self.kit.network.id,
                self.new_key(),
                kind=Announcing.ASK,
                time_ms=self.now_ms,
                height=0,
                port=1 + self.entropy.below(65_535),
            )
            self.out.append(SendDatagram(None, announcement))
        self.out.append(SendDatagram(None, self.entropy.draw(ANNOUNCEMENT_BYTES)))


class Replayer(ScriptedPeer):
    """Says to each peer what other peers said to it, handshakes included."""

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self._heard: list[bytes] = []

    def step(self, now_ms: int, happened: Input) -> list[Effect]:
        if isinstance(happened, BytesReceived) and len(happened.data) <= _REPLAYED_BYTES:
            self._heard = [*self._heard, happened.data][-_REPLAYS_KEPT:]
        return super().step(now_ms, happened)

    def tick(self) -> None:
        for contact in list(self.contacts.values()):
            if self._heard:
                data = self._heard[self.entropy.below(len(self._heard))]
                self.out.append(Send(contact.link, data))


KINDS = {
    "poisoner": Kind(
        about="Gives addresses at which nobody is.",
        peer=Poisoner,
        options={"addresses": Option(10.0, 1.0, 1_000.0, "addresses a second to each peer")},
    ),
    "eclipser": Kind(
        about="One of many that want to be all links and addresses of one node.",
        peer=Eclipser,
        needs_victim=True,
    ),
    "squatter": Kind(
        about="Takes as many places of its peers as it can get.",
        peer=Squatter,
        options={"links": Option(20.0, 1.0, 200.0, "links to each peer it knows")},
    ),
    "low-work": Kind(
        about="Offers a branch that took little work.",
        peer=LowWork,
        options={"headers": Option(300.0, 1.0, 5_000.0, "headers of its branch")},
    ),
    "boaster": Kind(about="Claims the most work and never answers.", peer=Boaster),
    "spoofer": Kind(
        about="Announces nodes that are not there, and replays announcements.",
        peer=Spoofer,
        options={"announcements_s": Option(5.0, 0.0, 1_000.0, "false announcements a second")},
    ),
    "replayer": Kind(about="Repeats to each peer what another one said.", peer=Replayer),
}
