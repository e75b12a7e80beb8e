"""Adversaries let loose on real machines: each dials the nodes of a town as anybody may."""

from __future__ import annotations

from functools import partial

from chaindeck.ledger.genesis import Network
from chaindeck.ledger.signatures import SigningKey
from chaindeck.protocol.effects import Close, Dial, Effect, Send, SendDatagram, WakeAt
from chaindeck.protocol.inputs import (
    BytesReceived,
    BytesTaken,
    DialFailed,
    Input,
    PeerClosed,
    PeerConnected,
    Started,
    TimerFired,
)
from chaindeck.protocol.types import Address, LinkId, make_address
from chaindeck.simulate.adversaries import KINDS, Kit
from tests.ledger.forge import ALICE, BOB, CAROL, address, dev_network
from tests.protocol.town import Resident, Town

SIGNERS = (ALICE, BOB, CAROL)


def signed_network() -> Network:
    """A network of which a villain may hold a quorum of the keys that sign checkpoints."""
    return dev_network(
        checkpoint_signers=tuple(address(key) for key in SIGNERS), checkpoint_quorum=2
    )


class _End:
    """One link of a villain, as the town sees it."""

    def __init__(self, villain: Villain, node: Resident) -> None:
        self.villain = villain
        self.node = node
        self.address = Address(villain.address.ip, 40_000)
        self.is_closed = False
        self.link: LinkId

    def receive(self, data: bytes) -> None:
        if not self.is_closed and self.link in self.node.machine.core.links:
            self.node.step(BytesTaken(self.link, len(data)))
            self.villain.hear(BytesReceived(self.link, data))


class Villain:
    """Carries out what an adversary wants."""

    def __init__(self, town: Town, kind: str, **options: float) -> None:
        self.town = town
        self.address = make_address("93.66.0.1", 8333)
        described = KINDS[kind]
        assert described.peer is not None, "it has no node of its own"
        defaults = {name: option.default for name, option in described.options.items()}
        self.ends: dict[LinkId, _End] = {}
        self.sent_bytes = 0
        self._wake_ms: int | None = None
        self.adversary = described.peer(
            Kit(
                network=town.network,
                key=SigningKey(bytes([66]) * 32),
                seed=bytes([66]) * 32,
                address=self.address,
                known=tuple(resident.address for resident in town.residents),
                options={**defaults, **options},
                signers=SIGNERS[: town.network.genesis.checkpoint_quorum],
            )
        )
        self.hear(Started())

    def hear(self, happened: Input) -> None:
        for effect in self.adversary.step(self.town.now_ms, happened):
            self._carry_out(effect)

    def _carry_out(self, effect: Effect) -> None:
        town = self.town
        match effect:
            case Dial(address):
                town.at(town.latency_ms, partial(self._dial, address))
            case Send(link, data):
                self.sent_bytes += len(data)
                town.at(town.latency_ms, partial(self._deliver, link, data))
            case Close(link):
                town.at(1, partial(self._close, link))
            case SendDatagram(target, data):
                town.scatter(self.address, target, data)
            case WakeAt(time_ms):
                self._wake_ms = time_ms
                town.at(max(1, time_ms - town.now_ms), partial(self._wake, time_ms))

    def _dial(self, address: Address) -> None:
        node = next((item for item in self.town.residents if item.address == address), None)
        if node is None:
            self.hear(DialFailed(address, "nobody"))
            return
        end = _End(self, node)
        end.link = self.town.attach(end, node, when_closed=partial(self._ended, end))
        self.ends[end.link] = end
        self.hear(PeerConnected(end.link, address, is_inbound=False))

    def _deliver(self, link: LinkId, data: bytes) -> None:
        end = self.ends.get(link)
        if end is not None and link in end.node.machine.core.links:
            end.node.step(BytesReceived(link, data))

    def _close(self, link: LinkId) -> None:
        end = self.ends.pop(link, None)
        if end is not None:
            self.town.detach(end)
            if link in end.node.machine.core.links:
                end.node.step(PeerClosed(link))
            self.hear(PeerClosed(link))

    def _ended(self, end: _End) -> None:
        if self.ends.pop(end.link, None) is not None:
            self.hear(PeerClosed(end.link))

    def _wake(self, time_ms: int) -> None:
        if self._wake_ms == time_ms:
            self.hear(TimerFired())
