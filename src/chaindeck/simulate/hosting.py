"""Lets an adversary live in the world: an address, links, bytes and timers, and nothing else."""

from __future__ import annotations

from typing import Final

from chaindeck.protocol.effects import Close, Dial, Effect, Send, SendDatagram, WakeAt
from chaindeck.protocol.inputs import Input, Started, TimerFired
from chaindeck.simulate.adversaries.kit import Adversary
from chaindeck.simulate.node import KINDS
from chaindeck.simulate.world import MS, Site, World

_OTHER: Final = len(KINDS)


class Guest:
    """Carries out what an adversary wants (`world.Resident`)."""

    is_honest = False

    def __init__(self, world: World, adversary: Adversary, site: Site) -> None:
        self.world = world
        self.adversary = adversary
        self.number = site.number
        self.place = site.place
        self.address = site.address
        self.uplink_bytes_s = site.uplink_bytes_s
        self.uplink_free_us = 0
        self.is_up = False
        self._wake_us: int | None = None

    def start(self) -> None:
        self.is_up = True
        self.hear(Started())

    def stop(self) -> None:
        if self.is_up:
            self.is_up = False
            self.world.close_all(self)

    def hear(self, happened: Input) -> None:
        """Take one step. What only a chain could do is left undone."""
        if not self.is_up:
            return
        world = self.world
        world.acting = self
        world.mark(self, KINDS.get(type(happened), _OTHER))
        for effect in self.adversary.step(world.now_ms, happened):
            self._carry_out(effect)

    def _carry_out(self, effect: Effect) -> None:
        match effect:
            case Send(link, data):
                self.world.send(self, link, data)
            case Close(link):
                self.world.close(self, link)
            case Dial(address):
                self.world.dial(self, address)
            case SendDatagram(target, data):
                self.world.datagram(self, target, data)
            case WakeAt(time_ms):
                self._wake_us = time_ms * MS
                self.world.at(self._wake_us, self._wake, self._wake_us)
            case _:
                pass

    def _wake(self, time_us: int) -> None:
        if self._wake_us == time_us and self.is_up:
            self._wake_us = None
            self.hear(TimerFired())
