"""Adversaries with a whole node: they follow the chain, and then change or hold back what they say.

Each takes the place of a node's machine (`Kind.node`): inputs pass through, and of the effects only
what goes out on links is looked at.
"""

from __future__ import annotations

from msgspec.structs import replace

from chaindeck.ledger.types import Block, BlockHash
from chaindeck.protocol.codec import decode_message, encode_message
from chaindeck.protocol.effects import Effect, JudgeBlock, Send
from chaindeck.protocol.frames import encode_frame
from chaindeck.protocol.inputs import Input, TipMoved
from chaindeck.protocol.kinds import SyncKind
from chaindeck.protocol.limits import FRAME_HEADER_BYTES
from chaindeck.protocol.machine import Machine
from chaindeck.protocol.messages import CompactBlock, Headers, Type
from chaindeck.simulate.adversaries.kit import CLOCK, LEAVES_AT, Kind, Kit, Option

_TYPE_AT = 4
_BODY_KINDS = (SyncKind.BLOCK_BODY, SyncKind.MISSING)


class Disloyal(Machine):
    """A machine whose words pass through `twist` before they leave."""

    def __init__(self, kit: Kit, inner: Machine) -> None:
        super().__init__(inner.core.settings, inner.core.chain)
        self.kit = kit

    def step(self, now_ms: int, happened: Input) -> list[Effect]:
        effects: list[Effect] = []
        for effect in super().step(now_ms, happened):
            if isinstance(effect, Send):
                data = self.twist(effect)
                if data:
                    effects.append(Send(effect.link, data))
            else:
                effects.append(effect)
        return effects

    def twist(self, sent: Send) -> bytes:
        """Return what is really sent of a frame; nothing holds it back."""
        return sent.data


class Withholder(Disloyal):
    """Tells of blocks and never gives one."""

    def twist(self, sent: Send) -> bytes:
        if _type(sent.data) == Type.BLOCK_BROADCAST:
            compact = decode_message(Type.BLOCK_BROADCAST, sent.data[FRAME_HEADER_BYTES:])
            assert isinstance(compact, CompactBlock)
            told = Headers(((compact.header, compact.seal),))
            return encode_message(self.core.magic, told)
        return b"" if _kind(sent.data) in _BODY_KINDS else sent.data


class Mutator(Disloyal):
    """Gives blocks of which a byte is another, pushed as well as asked for.

    What comes compact has another reward, so that it does not fit its header and whoever got it has
    to ask for the whole, whose last byte is another.
    """

    def twist(self, sent: Send) -> bytes:
        if _type(sent.data) == Type.BLOCK_BROADCAST:
            compact = decode_message(Type.BLOCK_BROADCAST, sent.data[FRAME_HEADER_BYTES:])
            assert isinstance(compact, CompactBlock)
            reward = compact.coinbase[:-1] + bytes((compact.coinbase[-1] ^ 1,))
            return encode_message(self.core.magic, replace(compact, coinbase=reward))
        if _kind(sent.data) not in _BODY_KINDS:
            return sent.data
        payload = bytearray(sent.data[FRAME_HEADER_BYTES:])
        payload[-1] ^= 1
        return encode_frame(self.core.magic, Type(_type(sent.data)), bytes(payload))


class Bridge(Disloyal):
    """Tells one half of its peers nothing new, what it has found itself included."""

    def twist(self, sent: Send) -> bytes:
        link = self.core.links.get(sent.link)
        if link is None or link.key is None or not is_cut(link.key):
            return sent.data
        is_news = _type(sent.data) in (Type.BLOCK_BROADCAST, Type.TX_BROADCAST)
        return b"" if is_news or _kind(sent.data) == SyncKind.HEADERS else sent.data


class Hoarder(Disloyal):
    """Mines in secret, and shows its blocks all at once: a selfish miner, or a private chain.

    It hides blocks of its own until it is so many ahead, or the others are about to catch up.
    """

    def __init__(self, kit: Kit, inner: Machine) -> None:
        super().__init__(kit, inner)
        self._lead = int(kit.options["lead"])
        self._foreign: set[BlockHash] = set()
        self._hidden: list[Block] = []
        self._public_height = 0

    def step(self, now_ms: int, happened: Input) -> list[Effect]:
        if isinstance(happened, TipMoved) and not self._shows(happened):
            return []
        shown = tuple(self._hidden)
        if shown and isinstance(happened, TipMoved):
            self._hidden = []
            happened = TipMoved((*shown, *happened.connected)[-len(shown) - 1 :])
        effects = super().step(now_ms, happened)
        self._foreign |= {item.block.hash for item in effects if isinstance(item, JudgeBlock)}
        return effects

    def twist(self, sent: Send) -> bytes:
        """Say nothing in which a hidden block is named."""
        hidden = {block.hash for block in self._hidden}
        if hidden and _type(sent.data) in (Type.BLOCK_BROADCAST, Type.CHAIN_SYNC):
            payload = sent.data[FRAME_HEADER_BYTES:]
            named = decode_message(Type(_type(sent.data)), payload)
            if isinstance(named, CompactBlock) and named.header.hash in hidden:
                return b""
            if isinstance(named, Headers) and hidden & {header.hash for header, _ in named.headers}:
                return b""
        return sent.data

    def _shows(self, moved: TipMoved) -> bool:
        """Whether the tip is told of: a foreign one, or its own when the time has come."""
        own = [block for block in moved.connected if block.hash not in self._foreign]
        foreign = [block for block in moved.connected if block.hash in self._foreign]
        if foreign:
            self._public_height = max(self._public_height, int(foreign[-1].header.height))
        self._hidden += own
        top = int(self._hidden[-1].header.height) if self._hidden else 0
        is_ahead = top - self._public_height >= self._lead
        return bool(foreign) or not self._hidden or is_ahead


def is_cut(key: bytes) -> bool:
    """Whether a node is of the half that a bridge tells nothing, by its key."""
    return bool(key[-1] & 1)


def _type(data: bytes) -> int:
    return data[_TYPE_AT]


def _kind(data: bytes) -> int | None:
    """Return the kind of a CHAIN_SYNC frame."""
    if data[_TYPE_AT] != Type.CHAIN_SYNC or len(data) <= FRAME_HEADER_BYTES:
        return None
    return data[FRAME_HEADER_BYTES]


KINDS = {
    "withholder": Kind(about="Tells of blocks and never gives one.", node=Withholder),
    "mutator": Kind(about="Gives blocks that are not what their headers say.", node=Mutator),
    "bridge": Kind(about="Passes nothing new on to half of its peers.", node=Bridge),
    "hoarder": Kind(
        about="Mines in secret and shows its blocks all at once.",
        node=Hoarder,
        options={"lead": Option(3.0, 1.0, 200.0, "blocks ahead at which it shows them")},
    ),
    "time-cheat": Kind(
        about="Mines by a clock that it sets as it likes.",
        node=Disloyal,
        options={CLOCK: Option(25_000.0, -100_000.0, 100_000.0, "milliseconds that it is ahead")},
    ),
    "hopper": Kind(
        about="Mines while that is easy, and leaves the hard blocks to the others.",
        node=Disloyal,
        options={LEAVES_AT: Option(1.5, 1.0, 1_000.0, "times the least work of a block")},
    ),
}
