"""A peer that shakes hands as it should and then does what its kind does.

It dials whom it knows, answers whoever dials it, keeps its links alive, and comes back when it is
let go, under a new key if its kind is a Sybil. What it says once a link is proved is for `greet`,
`hear` and `tick`, which subclasses fill in.
"""

from __future__ import annotations

import hashlib

from chaindeck.ledger.signatures import SigningKey
from chaindeck.protocol.codec import decode_message, encode_introduction, encode_message
from chaindeck.protocol.effects import Close, Dial, Effect, Send, WakeAt
from chaindeck.protocol.entropy import Entropy
from chaindeck.protocol.errors import PeerFault
from chaindeck.protocol.frames import FrameReader
from chaindeck.protocol.handshake import Role, prove
from chaindeck.protocol.inputs import (
    BytesReceived,
    DialFailed,
    Input,
    PeerClosed,
    PeerConnected,
    Started,
    TimerFired,
)
from chaindeck.protocol.limits import PROTOCOL_VERSION
from chaindeck.protocol.messages import (
    Hello,
    Introduction,
    Message,
    Ping,
    Pong,
    Proof,
    Welcome,
)
from chaindeck.protocol.types import Address, Binding, LinkId, NodeKey
from chaindeck.simulate.adversaries.kit import Kit

_NONCE_BYTES = 32
_TICK_MS = 1_000
_RETURN_MS = 5_000
"""How soon it comes back to whoever let it go."""


class Contact:
    """One link of the adversary's."""

    def __init__(
        self, link: LinkId, address: Address, key: SigningKey, reader: FrameReader
    ) -> None:
        self.link = link
        self.address = address
        self.key = key
        self.reader = reader
        self.binding: Binding
        self.hello = b""
        self.answer = b""
        self.is_ready = False


class ScriptedPeer:
    """An adversary without a chain (`kit.Adversary`)."""

    is_sybil = False
    """Whether it takes a new key for every link."""

    claimed_work = 0
    claimed_height = 0

    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        self.entropy = Entropy(kit.seed)
        self.contacts: dict[LinkId, Contact] = {}
        self.now_ms = 0
        self.out: list[Effect] = []
        self._returns: list[tuple[int, Address]] = []
        self._links_wanted = 1

    # What a kind fills in

    def greet(self, contact: Contact) -> None:
        """A link is proved."""

    def hear(self, contact: Contact, message: Message) -> None:
        """A proved peer says something; pings are answered already."""

    def tick(self) -> None:
        """A second has passed."""

    # Steps

    def step(self, now_ms: int, happened: Input) -> list[Effect]:
        self.now_ms = now_ms
        match happened:
            case Started():
                self._start()
            case TimerFired():
                self._pass_second()
            case PeerConnected():
                self._connected(happened)
            case BytesReceived(link, data):
                self._received(link, data)
            case PeerClosed(link):
                self._closed(link)
            case DialFailed(address):
                self._returns.append((now_ms + _RETURN_MS, address))
            case _:
                pass
        effects, self.out = self.out, []
        return effects

    def say(self, contact: Contact, *messages: Message) -> None:
        magic = self.kit.network.magic
        data = b"".join(encode_message(magic, message) for message in messages)
        self.out.append(Send(contact.link, data))

    def ready(self) -> list[Contact]:
        return [contact for contact in self.contacts.values() if contact.is_ready]

    def leave(self, contact: Contact) -> None:
        self.out.append(Close(contact.link))

    def new_key(self) -> SigningKey:
        """Return the adversary's key, or a new one where it is a Sybil."""
        if not self.is_sybil:
            return self.kit.key
        return SigningKey(hashlib.sha256(self.entropy.draw(_NONCE_BYTES)).digest())

    # Links

    def _start(self) -> None:
        for address in self.kit.known:
            for _ in range(self._links_wanted):
                self.out.append(Dial(address))
        self.out.append(WakeAt(self.now_ms + _TICK_MS))

    def _pass_second(self) -> None:
        due = [address for at_ms, address in self._returns if at_ms <= self.now_ms]
        self._returns = [item for item in self._returns if item[0] > self.now_ms]
        self.out += [Dial(address) for address in due]
        self.tick()
        self.out.append(WakeAt(self.now_ms + _TICK_MS))

    def _connected(self, connected: PeerConnected) -> None:
        network = self.kit.network
        reader = FrameReader(network.magic, network.genesis.max_block_bytes)
        contact = Contact(connected.link, connected.address, self.new_key(), reader)
        contact.binding = connected.binding
        self.contacts[connected.link] = contact
        if not connected.is_inbound:
            introduction = self._introduce(contact.key)
            contact.hello = encode_introduction(introduction)
            self.say(contact, Hello(introduction))

    def _received(self, link: LinkId, data: bytes) -> None:
        contact = self.contacts.get(link)
        if contact is None:
            return
        try:
            for frame_type, payload in contact.reader.feed(data):
                self._hear(contact, decode_message(frame_type, payload), payload)
        except PeerFault:
            # Another adversary, then; it gets no answer.
            self.leave(contact)

    def _hear(self, contact: Contact, message: Message, payload: bytes) -> None:
        match message:
            case Hello():
                introduction = self._introduce(contact.key)
                contact.hello, contact.answer = payload, encode_introduction(introduction)
                self.say(contact, Welcome(introduction, self._prove(contact, Role.ANSWERER)))
            case Welcome(introduction, _):
                contact.answer = encode_introduction(introduction)
                self.say(contact, Proof(self._prove(contact, Role.DIALLER)))
                self._greet(contact)
            case Proof():
                self._greet(contact)
            case Ping(nonce):
                self.say(contact, Pong(nonce))
            case _:
                self.hear(contact, message)

    def _greet(self, contact: Contact) -> None:
        contact.is_ready = True
        self.greet(contact)

    def _closed(self, link: LinkId) -> None:
        contact = self.contacts.pop(link, None)
        if contact is not None and contact.address in self.kit.known:
            self._returns.append((self.now_ms + _RETURN_MS, contact.address))

    def _introduce(self, key: SigningKey) -> Introduction:
        return Introduction(
            version=PROTOCOL_VERSION,
            network_id=self.kit.network.id,
            key=NodeKey(key.public_key),
            nonce=self.entropy.draw(_NONCE_BYTES),
            height=self.claimed_height,
            work=self.claimed_work,
            port=self.kit.address.port,
            features=0,
            time_ms=self.now_ms,
            agent="chaindeck",
        )

    @staticmethod
    def _prove(contact: Contact, role: Role) -> bytes:
        return prove(contact.key, role, contact.hello, contact.answer, contact.binding)
