"""What an adversary is made of, and the two forms it may have.

An adversary is anything with the `step` of `protocol.machine.Machine`: what happens comes in,
effects go out. It has an address, links, bytes and timers like any node, and nothing else: no look
into other nodes. `peer` kinds are hosted bare (`hosting.Guest`); `node` kinds are given a whole
machine over a chain of its own, and pass through, change or withhold what it wants.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Protocol

import msgspec

from chaindeck.ledger.genesis import Network
from chaindeck.ledger.signatures import SigningKey
from chaindeck.protocol.effects import Effect
from chaindeck.protocol.inputs import Input
from chaindeck.protocol.machine import Machine
from chaindeck.protocol.types import Address

CLOCK: Final = "clock_ms"
LEAVES_AT: Final = "leaves_at"
"""Options that say how a kind with a node mines, which its machine cannot: by which clock, and up
to how many times the least work of a block."""


class Adversary(Protocol):
    """Somebody who does not follow the protocol."""

    def step(self, now_ms: int, happened: Input) -> list[Effect]:
        """Take in what happened; return what to do about it. May raise nothing."""


class Kit(msgspec.Struct, frozen=True, kw_only=True):
    """What one adversary starts with."""

    network: Network
    key: SigningKey
    seed: bytes
    """32 bytes from which it draws all its chance."""

    address: Address
    known: tuple[Address, ...]
    """Where honest nodes listen, as far as it knows."""

    friends: tuple[Address, ...] = ()
    """Where those of its part of the scenario listen who came before it."""

    options: Mapping[str, float]
    """Every option of its kind, by default or as the scenario says."""

    signers: tuple[SigningKey, ...] = ()
    """A quorum's keys, for kinds that sign checkpoints."""


class Option(msgspec.Struct, frozen=True):
    """One number that a scenario may choose for a kind."""

    default: float
    least: float
    most: float
    about: str


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of adversary, by whichever of `peer` and `node` is given."""

    about: str
    """A sentence for people."""

    peer: Callable[[Kit], Adversary] | None = None
    node: Callable[[Kit, Machine], Machine] | None = None
    options: Mapping[str, Option] = {}
    needs_signers: bool = False
    """Whether it holds keys of checkpoint signers, which the network has to list then."""

    needs_victim: bool = False
    """Whether it is about one honest node, which the scenario has to name then."""

    breaks: frozenset[str] = frozenset()
    """Invariants that this kind is able to break by design, which are not looked at then."""
