"""A signer of checkpoints that says two things: two blocks for one height, to different peers.

It holds as many keys as a quorum needs. It names blocks that it was told of: two of one height
where there are two, and else one and another that nobody will ever show.
"""

from __future__ import annotations

from chaindeck.ledger.checkpoints import encode_checkpoint, sign_checkpoint
from chaindeck.ledger.types import BlockHash, Height
from chaindeck.protocol.messages import CheckpointNotice, CompactBlock, Headers, Message
from chaindeck.simulate.adversaries.kit import Kind, Kit, Option
from chaindeck.simulate.adversaries.scripted import Contact, ScriptedPeer

_HASH_BYTES = 32
_HEIGHTS_KEPT = 100
_MS = 1_000


class Equivocator(ScriptedPeer):
    """Signs two checkpoints of one height, so many times, and lets some time pass between."""

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self._heard: dict[Height, list[BlockHash]] = {}
        self._left = int(kit.options["times"])
        self._wait_ms = int(kit.options["every_s"] * _MS)
        self._due_ms: int | None = None
        self._last = Height(0)

    def hear(self, contact: Contact, message: Message) -> None:  # noqa: ARG002 - whoever said it
        match message:
            case CompactBlock(header):
                self._note(header.height, header.hash)
            case Headers(headers):
                for header, _ in headers[-_HEIGHTS_KEPT:]:
                    self._note(header.height, header.hash)
            case _:
                pass

    def tick(self) -> None:
        contacts = self.ready()
        if self._due_ms is None:
            self._due_ms = self.now_ms + self._wait_ms
        if not (self._left and len(contacts) > 1 and self.now_ms >= self._due_ms):
            return
        pair = self._choose()
        if pair is not None:
            self._left -= 1
            self._due_ms = self.now_ms + self._wait_ms
            self._say_both(contacts, *pair)

    def _note(self, height: Height, block_hash: BlockHash) -> None:
        hashes = self._heard.setdefault(height, [])
        if block_hash not in hashes and len(hashes) < 2:
            hashes.append(block_hash)
        if len(self._heard) > _HEIGHTS_KEPT:
            del self._heard[min(self._heard)]

    def _choose(self) -> tuple[Height, list[BlockHash]] | None:
        """Return two blocks of the highest height that has two, or one and an invented one."""
        fresh = {height: items for height, items in self._heard.items() if height > self._last}
        if not fresh:
            return None
        forked = [height for height, items in fresh.items() if len(items) > 1]
        self._last = max(forked or fresh)
        invented = BlockHash(self.entropy.draw(_HASH_BYTES))
        return self._last, [*fresh[self._last], invented][:2]

    def _say_both(self, contacts: list[Contact], height: Height, hashes: list[BlockHash]) -> None:
        network = self.kit.network
        keys = self.kit.signers[: network.genesis.checkpoint_quorum]
        notices = [
            CheckpointNotice(encode_checkpoint(sign_checkpoint(network, height, item, keys)))
            for item in hashes
        ]
        for place, contact in enumerate(contacts):
            self.say(contact, notices[place % 2])


KINDS = {
    "equivocator": Kind(
        about="Signs two checkpoints for one height and tells each to half of its peers.",
        peer=Equivocator,
        options={
            "times": Option(3.0, 1.0, 20.0, "pairs that it signs"),
            "every_s": Option(60.0, 1.0, 3_600.0, "seconds before each pair"),
        },
        needs_signers=True,
    ),
}
