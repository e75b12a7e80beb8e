"""Each shipped scenario with an adversary, run short: what it can do, and what is done about it.

Every run looks at all rules, so that no honest node bars another, all end with one chain and the
same coins, and every payment is mined or refused. What is asserted here is what the scenario is
about.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from enum import IntEnum
from operator import attrgetter
from statistics import median

import msgspec
import pytest
from msgspec.structs import replace

from chaindeck.ledger.limits import REORG_ALERT_BLOCKS
from chaindeck.ledger.state import Connected, Event, Reorganised
from chaindeck.ledger.targets import target_of, work_of
from chaindeck.ledger.types import BlockHash, Header
from chaindeck.protocol.events import DialUnanswered, NetworkEvent
from chaindeck.protocol.inputs import Input, TimerFired
from chaindeck.protocol.kinds import PaymentKind, SyncKind
from chaindeck.protocol.limits import FRAME_HEADER_BYTES
from chaindeck.protocol.messages import Type
from chaindeck.protocol.types import Address, LinkId
from chaindeck.simulate.adversaries import KINDS
from chaindeck.simulate.adversaries.disloyal import is_cut
from chaindeck.simulate.node import SimulatedNode
from chaindeck.simulate.results import Result
from chaindeck.simulate.running import Run
from chaindeck.simulate.scenario import Crash, Scenario, shorten
from chaindeck.simulate.scenarios import load_scenario, names
from chaindeck.simulate.world import Resident

PREFIX = "against-"
LONG_S = {"hopper": 500.0, "time-cheat": 500.0, "private-chain": 300.0}
SHORT_S = {"orphans": 60.0}
_HELD = "sync.headers._held"
_TYPE_AT = 4


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a node had links with at a moment, and how much of its book was of strangers."""

    at_s: float
    honest_inbound: int
    strange_inbound: int
    honest_outbound: int
    strange_share: float


class Watched(Run):
    """A run that remembers what honest nodes and strangers said to each other, and what came."""

    def __init__(self, scenario: Scenario, *, name: str) -> None:
        super().__init__(scenario, name=name)
        self.said: Counter[str] = Counter()
        """Frames of strangers to honest nodes, by what they are."""
        self.answered: Counter[str] = Counter()
        """Frames of honest nodes to strangers."""
        self.sought_in_vain: set[Address] = set()
        self.deep = 0
        self.held: set[BlockHash] = set()
        """Blocks that were too far ahead of some honest node's clock."""
        self.times_us: dict[BlockHash, dict[int, int]] = {}
        """When each honest node had each block."""
        self.looks: list[Look] = []
        """What the victim had at each second of which it is known, where there is one."""
        self._send = self.world.send
        self.world.send = self._overhear  # type: ignore[method-assign]  # listens in on everybody

    def _overhear(self, sender: Resident, link: LinkId, data: bytes) -> None:
        peer = self.world.peer_of(sender, link)
        if peer is not None and len(data) > _TYPE_AT:
            is_strange = sender.address.ip in self._strangers
            if is_strange != (peer.address.ip in self._strangers):
                (self.said if is_strange else self.answered)[_what(data)] += 1
        self._send(sender, link, data)

    def told(self, node: SimulatedNode, event: NetworkEvent) -> None:
        if isinstance(event, DialUnanswered):
            self.sought_in_vain.add(event.address)
        super().told(node, event)

    def happened(self, node: SimulatedNode, event: Event) -> None:
        if isinstance(event, Connected):
            times = self.times_us.setdefault(event.block.hash, {})
            times.setdefault(node.number, self.world.now_us)
        elif isinstance(event, Reorganised):
            self.deep += event.is_deep
        super().happened(node, event)

    def stepped(self, node: SimulatedNode, happened: Input) -> None:
        self.held.update(attrgetter(_HELD)(node.machine))
        super().stepped(node, happened)
        victims = {part.victim for part in self.scenario.adversaries}
        if node.number in victims and isinstance(happened, TimerFired):
            self.looks.append(self._look(node))

    def _look(self, node: SimulatedNode) -> Look:
        links = Counter(
            (link.is_inbound, link.address.ip in self._strangers)
            for link in node.machine.core.ready.values()
        )
        book = [known.address.ip in self._strangers for known in node.machine.topology.book]
        return Look(
            at_s=self.world.elapsed_s,
            honest_inbound=links[True, False],
            strange_inbound=links[True, True],
            honest_outbound=links[False, False],
            strange_share=sum(book) / max(1, len(book)),
        )

    @property
    def foreign(self) -> set[BlockHash]:
        """Blocks that strangers found and honest nodes took."""
        return set(self.times_us) - set(self.measures.blocks) - {self.network.block.hash}

    @property
    def chain(self) -> list[Header]:
        """What the network came to agree on, from its first block on."""
        hashes = self.nodes[0].keeper.active[1:]
        return [self.library.blocks[item].header for item in hashes]


def _what(data: bytes) -> str:
    """Name a frame: its type, and its kind where it has one."""
    kinds: dict[int, type[IntEnum]] = {Type.CHAIN_SYNC: SyncKind, Type.TX_BROADCAST: PaymentKind}
    kind = kinds.get(data[_TYPE_AT])
    if kind is not None and len(data) > FRAME_HEADER_BYTES:
        named = data[FRAME_HEADER_BYTES]
        return kind(named).name if named in set(kind) else "NOISE"
    return Type(data[_TYPE_AT]).name if data[_TYPE_AT] in set(Type) else "NOISE"


Check = Callable[[Watched, Result], None]


def parted_for(*codes: str) -> Check:
    """It is let go, and for this."""

    def check(_run: Watched, result: Result) -> None:
        assert set(codes) <= set(result.partings), result.partings

    return check


def both(*checks: Check) -> Check:
    def check(run: Watched, result: Result) -> None:
        for one in checks:
            one(run, result)

    return check


def says(what: str, times: int, *, answer: str | None = None) -> Check:
    """It says so at least so often, and honest nodes take it up."""

    def check(run: Watched, _result: Result) -> None:
        assert run.said[what] >= times, run.said
        assert answer is None or run.answered[answer] >= 1, run.answered

    return check


def is_left_alone(_run: Watched, result: Result) -> None:
    """It breaks no rule that could be proved, and gets nothing for it."""
    assert not set(result.partings) - {"peer-closed", "peer-duplicate"}, result.partings


def undoes_blocks(least: int, most: int) -> Check:
    """Its blocks win, and undo some of the others'; so many at once and no more."""

    def check(run: Watched, result: Result) -> None:
        assert run.foreign & {header.hash for header in run.chain}
        assert least <= max(result.reorganisations) <= most, result.reorganisations

    return check


def is_told_of_as_deep(run: Watched, result: Result) -> None:
    deep = sum(n for depth, n in result.reorganisations.items() if depth > REORG_ALERT_BLOCKS)
    assert run.deep == deep >= len(run.nodes)


def is_sought_in_vain(run: Watched, _result: Result) -> None:
    """Honest nodes dial addresses at which there is nobody."""
    there = {resident.address for resident in run.world.residents}
    assert run.sought_in_vain - there


def is_settled_by_people(run: Watched, _result: Result) -> None:
    assert run.operators.settled >= 1
    floors = {node.state.tree.floor.header.hash for node in run.nodes}
    assert len(floors) == 1
    assert run.network.block.hash not in floors
    assert all(node.state.checkpoints.conflict is None for node in run.nodes)


def comes_later_to_half(run: Watched, _result: Result) -> None:
    """What a bridge found comes straight to one half, and to the other from the first."""
    late: dict[bool, list[int]] = {True: [], False: []}
    cut = {node.number: is_cut(node.machine.core.settings.key.public_key) for node in run.nodes}
    assert len(set(cut.values())) == 2
    for block_hash in run.foreign:
        times = run.times_us[block_hash]
        first_us = min(times.values())
        for number, time_us in times.items():
            late[cut[number]].append(time_us - first_us)
    assert len(late[True]) >= 20
    # One way more is 10 ms at least; without a bridge both halves differ by jitter alone.
    assert median(late[True]) >= median(late[False]) + 10_000


def blocks_still_come(run: Watched, result: Result) -> None:
    assert max(took_s for _, took_s in result.intervals) < 240
    tip = run.nodes[0].state.tip
    assert tip.header.time_ms <= run.nodes[0].clock_ms + 30_000


def is_held(run: Watched, _result: Result) -> None:
    """Some blocks wait for their time, and some that are less far ahead are taken at once."""
    assert run.held
    assert run.foreign - run.held


def leaves_hard_blocks(run: Watched, _result: Result) -> None:
    """It found some of the easy blocks and none of the hard ones."""
    least = work_of(run.network.easiest_target)
    hard: dict[bool, int] = {True: 0, False: 0}
    easy: dict[bool, int] = {True: 0, False: 0}
    for header in run.chain:
        target = target_of(header.target_bits)
        assert target is not None
        counts = hard if work_of(target) > 1.6 * least else easy
        counts[header.hash in run.foreign] += 1
    assert easy[True] >= 5
    assert hard[False] >= 5
    assert hard[True] == 0


def is_nearly_eclipsed(run: Watched, _result: Result) -> None:
    """After both starts the strangers hold all inbound places of one node, and most of its book."""
    (part,) = run.scenario.adversaries
    assert part.victim is not None
    ends_s = [fault.at_s for fault in run.scenario.faults[1:]] + [run.scenario.duration_s]
    for fault, end_s in zip(run.scenario.faults, ends_s, strict=True):
        assert isinstance(fault, Crash)
        assert fault.numbers == (part.victim,)
        settled_s = fault.restart_s + 10
        looks = [look for look in run.looks if settled_s <= look.at_s < end_s]
        assert looks
        assert max(look.strange_inbound for look in looks) >= run.scenario.nodes.max_inbound - 2
        assert max(look.strange_share for look in looks) >= 0.7
        assert max(look.honest_inbound for look in looks) == 0
        assert min(look.honest_outbound for look in looks) >= 1


CHECKS: dict[str, Check] = {
    "boaster": parted_for("peer-stalling"),
    "bridge": comes_later_to_half,
    "drip": parted_for("peer-silent"),
    "eclipse": is_nearly_eclipsed,
    "equivocator": is_settled_by_people,
    "flood": parted_for("peer-flood"),
    "forger": parted_for("peer-payment", "peer-barred"),
    "hopper": both(blocks_still_come, leaves_hard_blocks),
    "low-work": both(
        is_left_alone, says("HEADERS", 12), says("BLOCKS_UNKNOWN", 12, answer="ASK_BLOCKS")
    ),
    "mutator": both(parted_for("peer-block"), says("BLOCK_BODY", 1)),
    "noise": parted_for(
        "frame-checksum",
        "frame-magic",
        "frame-size",
        "frame-type",
        "message-malformed",
        "peer-barred",
    ),
    "orphans": both(is_left_alone, says("PAYMENTS", 100)),
    "poisoner": both(parted_for("peer-flood"), is_sought_in_vain),
    "private-chain": both(undoes_blocks(REORG_ALERT_BLOCKS + 1, 30), is_told_of_as_deep),
    "replayer": parted_for("message-unexpected"),
    "selfish-miner": undoes_blocks(1, 6),
    "silent": parted_for("peer-handshake-timeout"),
    "spoofer": both(is_left_alone, is_sought_in_vain),
    "squatter": parted_for("peer-evicted"),
    "tease": both(is_left_alone, says("ANNOUNCE", 100, answer="ASK")),
    "time-cheat": both(blocks_still_come, is_held),
    "twin": parted_for("peer-duplicate"),
    "withholder": parted_for("peer-stalling"),
}


@pytest.mark.parametrize("name", CHECKS)
def test_honest_nodes_pay_and_mine_and_agree_against(name: str) -> None:
    span_s = LONG_S.get(name, SHORT_S.get(name, 120.0))
    scenario = replace(shorten(load_scenario(PREFIX + name), span_s), settle_s=60)
    run = Watched(scenario, name=PREFIX + name)
    result = run.finish()
    assert result.fault is None, result.fault
    assert result.height >= 5
    assert result.fates["mined"] >= 0.9 * result.payments_total > 0
    assert result.payments is not None
    assert result.payments.p95_ms < 2_000
    assert result.blocks is not None
    assert result.blocks.p50_ms < 500
    CHECKS[name](run, result)


def test_every_adversary_is_in_a_shipped_scenario_and_each_of_those_is_tested() -> None:
    shipped = {name.removeprefix(PREFIX) for name in names() if name.startswith(PREFIX)}
    assert shipped == set(CHECKS)
    fought = {part.name for name in shipped for part in load_scenario(PREFIX + name).adversaries}
    assert fought == set(KINDS)
