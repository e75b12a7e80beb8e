"""Adversaries that send too much, or never enough: drips, floods, teases, forgeries, orphans."""

from __future__ import annotations

from chaindeck.ledger.codec import block_transactions, build_transaction, encode_body
from chaindeck.ledger.coins import Coin
from chaindeck.ledger.signatures import transaction_digest
from chaindeck.ledger.types import (
    Amount,
    FullId,
    Height,
    Payment,
    Transaction,
    TxId,
    TxInput,
)
from chaindeck.protocol.effects import Send
from chaindeck.protocol.frames import encode_frame
from chaindeck.protocol.messages import (
    AnnouncePayments,
    AskPeers,
    Message,
    Payments,
    Ping,
    Type,
)
from chaindeck.simulate.adversaries.kit import Kind, Kit, Option
from chaindeck.simulate.adversaries.scripted import Contact, ScriptedPeer

_HASH_BYTES = 32
_CHECKSUM = bytes(4)
_NOISY_LINKS = 4
"""To each peer."""

_BROKEN_FRAMES = 50
"""On each link."""


class Drip(ScriptedPeer):
    """Begins the longest frame there is and sends a byte of it a second."""

    def greet(self, contact: Contact) -> None:
        size = (2_000_000).to_bytes(4, "little")
        start = self.kit.network.magic + bytes((Type.TX_BROADCAST,)) + size + _CHECKSUM
        self.out.append(Send(contact.link, start))

    def tick(self) -> None:
        self.out += [Send(contact.link, b"\0") for contact in self.ready()]


class Noise(ScriptedPeer):
    """Sends floods of what is no frame: too long, of no type, of a wrong checksum, or of none.

    One choice more is a frame as it should be, around a payload that says nothing.
    """

    is_sybil = True

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self._links_wanted = _NOISY_LINKS

    def greet(self, contact: Contact) -> None:
        data = b"".join(self._broken() for _ in range(_BROKEN_FRAMES))
        self.out.append(Send(contact.link, data))

    def _broken(self) -> bytes:
        magic = self.kit.network.magic
        huge = (0xFFFFFFFF).to_bytes(4, "little")
        choices = (
            magic + bytes((Type.PING,)) + huge + _CHECKSUM,
            magic + b"\xee" + bytes(8),
            magic + bytes((Type.PING,)) + (8).to_bytes(4, "little") + _CHECKSUM + bytes(8),
            encode_frame(magic, Type.CHAIN_SYNC, b"\xee" + self.entropy.draw(31)),
            self.entropy.draw(64),
        )
        return choices[self.entropy.below(len(choices))]


class Flood(ScriptedPeer):
    """Says small things as fast as it may, and faster."""

    is_sybil = True

    def tick(self) -> None:
        count = int(self.kit.options["messages_s"])
        for contact in self.ready():
            self.say(contact, *[Ping(number) for number in range(count)], AskPeers())


class Tease(ScriptedPeer):
    """Announces payments that do not exist, and serves none."""

    def tick(self) -> None:
        count = int(self.kit.options["ids_s"])
        ids = tuple(FullId(self.entropy.draw(_HASH_BYTES)) for _ in range(count))
        for contact in self.ready():
            self.say(contact, AnnouncePayments(ids))


class Orphans(ScriptedPeer):
    """Many identities that pay with coins nobody has seen."""

    is_sybil = True

    def tick(self) -> None:
        count = int(self.kit.options["payments_s"])
        for contact in self.ready():
            self.say(contact, Payments(tuple(self._orphan().raw for _ in range(count))))

    def _orphan(self) -> Transaction:
        spent = TxInput(TxId(self.entropy.draw(_HASH_BYTES)), 0)
        outputs = [Payment(self.kit.key.key_hash, Amount(1))]
        bare = build_transaction([spent], outputs, 0)
        coin = Coin(self.kit.key.key_hash, Amount(1), Height(0), is_reward=False)
        body = encode_body(bare.inputs, outputs, 0)
        digest = transaction_digest(self.kit.network.id, body, [coin])
        return build_transaction([spent], outputs, 0, self.kit.key.sign(digest))


class Forger(ScriptedPeer):
    """Spends the coins of the genesis block with signatures that are not the owners'."""

    is_sybil = True

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self._allocated = next(block_transactions(kit.network.block))

    def tick(self) -> None:
        for contact in self.ready():
            self.say(contact, Payments((self._forged().raw,)))

    def _forged(self) -> Transaction:
        outputs = self._allocated.outputs
        place = self.entropy.below(len(outputs))
        output = outputs[place]
        spent = TxInput(self._allocated.id, place)
        digest = self.entropy.draw(_HASH_BYTES)
        amount = output.amount if isinstance(output, Payment) else Amount(1)
        paid = [Payment(self.kit.key.key_hash, amount)]
        return build_transaction([spent], paid, 0, self.kit.key.sign(digest))


class Twin(ScriptedPeer):
    """One key in many places at once: every link pushes out the one before."""

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self._links_wanted = int(kit.options["links"])

    def hear(self, contact: Contact, message: Message) -> None:
        """Listen, and say nothing."""


KINDS = {
    "drip": Kind(about="Begins a long frame and sends a byte of it a second.", peer=Drip),
    "noise": Kind(about="Sends floods of what is no frame, under ever new keys.", peer=Noise),
    "flood": Kind(
        about="Says small things far too often.",
        peer=Flood,
        options={"messages_s": Option(200.0, 1.0, 10_000.0, "messages a second to each peer")},
    ),
    "tease": Kind(
        about="Announces payments that do not exist.",
        peer=Tease,
        options={"ids_s": Option(100.0, 1.0, 20_000.0, "ids a second to each peer")},
    ),
    "orphans": Kind(
        about="Pays with coins that nobody has seen, under many keys.",
        peer=Orphans,
        options={"payments_s": Option(20.0, 1.0, 1_000.0, "payments a second to each peer")},
    ),
    "forger": Kind(about="Sends payments with forged signatures.", peer=Forger),
    "twin": Kind(
        about="One key on many links at once.",
        peer=Twin,
        options={"links": Option(4.0, 2.0, 50.0, "links to each peer it knows")},
    ),
}
