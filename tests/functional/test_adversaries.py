"""Every kind of adversary that speaks to peers, let loose on two real nodes that are linked.

Whatever it does: both stay up, agree, take a payment and a block while it is there and after it,
find each other again should a link break, bar nobody honest, and hold little more than before.

A `hoarder` and a `time-cheat` are given the blocks of a lucky miner. Left out is the `hopper`: it
does nothing but mine or leave that to others, which shows in how hard blocks are over hours and
depends on its share of the hash rate; a run in virtual time gives it both. A `drip` is watched
while it drips, and a `withholder` while both wait for what it withholds; how long they bear with
those is shown in virtual time too.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from chaindeck.ledger.checkpoints import sign_checkpoint
from chaindeck.ledger.genesis import Genesis, build_network, encode_genesis
from chaindeck.ledger.limits import MAX_TIME_AHEAD_MS, REORG_ALERT_BLOCKS
from chaindeck.ledger.types import BlockHash, Height
from chaindeck.node.dev import dev_genesis
from chaindeck.node.network.names import parse_peer
from chaindeck.protocol import errors
from chaindeck.simulate.adversaries import KINDS
from chaindeck.simulate.adversaries.kit import CLOCK
from tests.functional.lans import free_datagram_port
from tests.functional.processes import NodeProcess, node
from tests.functional.test_network import linked, mine, said, until
from tests.functional.villains import GROUP, Meeting, Villain, villain
from tests.ledger.forge import ALICE, BOB, CAROL, address
from tests.node.network.street import run

LEFT_OUT = {"hopper"}
SIGNERS = (ALICE, BOB, CAROL)
QUORUM = 2
MAX_INBOUND = 24
"""Few, so that one squatter can ask for all of them."""

SOUGHT = 6
"""More addresses than those at which adversaries were before."""

LEAD = 8
"""Blocks of which a hoarder tells nobody before it has so many."""

OVERTAKEN = REORG_ALERT_BLOCKS + 1
"""Blocks that the nodes find meanwhile, and have to undo."""

CHEAT_MS = 60_000
"""How far a time-cheat's clock is ahead: twice as much as a block's time may be."""

LIMIT_S = 180.0
"""A `replayer` says what it heard at random, and a machine may be busy."""

SOON_S = 5.0

BLAME = {"peer-flood"} | {
    fault.code
    for fault in vars(errors).values()
    if isinstance(fault, type)
    and issubclass(fault, errors.PeerFault)
    and fault.is_provable
    and "code" in vars(fault)
}
"""What honest nodes never part with each other for."""

MEMORY_BYTES = 60_000_000
"""What all adversaries together may add to a node: less than one of the buffers they aim at."""


class Pair:
    """Two nodes of one network, and how they were before an adversary came."""

    def __init__(self, nodes: tuple[NodeProcess, NodeProcess], group_port: int) -> None:
        self.nodes = nodes
        views = [each.get("/api/peers") for each in nodes]
        self.keys = tuple(view["node_key"] for view in views)
        self.listening = tuple(view["listens_at"] for view in views)
        known = [parse_peer(where).address for where in self.listening]
        self.meeting = Meeting(
            build_network(_genesis()),
            tuple(where for where in known if where is not None),
            group_port,
            SIGNERS[:QUORUM],
        )
        self._told_before = [0, 0]
        self._sought_before: list[set[str]] = [set(), set()]

    def begin(self) -> None:
        """What is said in the logs counts from here."""
        self._told_before = [len(said(each, "peer left")) for each in self.nodes]
        self._sought_before = [_sought_in_vain(each) for each in self.nodes]

    def codes(self) -> list[set[str]]:
        """Why each node parted with somebody else than the other since the beginning."""
        found = []
        for each, before in zip(self.nodes, self._told_before, strict=True):
            lines = said(each, "peer left")[before:]
            found.append({line["code"] for line in lines if line["key"] not in self.keys})
        return found

    def sought_in_vain(self) -> list[int]:
        """How many addresses each node has dialled for nothing that it never had before."""
        pairs = zip(self.nodes, self._sought_before, strict=True)
        return [len(_sought_in_vain(each) - before) for each, before in pairs]

    def know(self, key: str) -> bool:
        """Whether both are linked with a peer that proved this key."""
        lists = [each.get("/api/peers")["peers"] for each in self.nodes]
        return all(key in {peer["key"] for peer in peers} for peers in lists)

    @property
    def height(self) -> int:
        height: int = self.nodes[0].get("/api/status")["height"]
        return height

    def warnings(self) -> list[str]:
        return [" ".join(each.get("/api/status")["warnings"]) for each in self.nodes]

    def tips(self) -> set[str]:
        return {each.get("/api/status")["tip"] for each in self.nodes}

    def agree(self) -> bool:
        return len(self.tips()) == 1

    def are_linked(self) -> bool:
        peers = [{peer["key"] for peer in each.get("/api/peers")["peers"]} for each in self.nodes]
        return self.keys[1] in peers[0] and self.keys[0] in peers[1]

    def check_they_pay_and_mine(self) -> None:
        """A payment handed to one is mined by the other, and both know.

        They agree before, or they could go on with two blocks that are as good as each other.
        """
        until(self.agree, LIMIT_S, "two tips")
        one, other = self.nodes
        paid = one.post("/api/dev/faucet", {"address": address(ALICE), "amount": 1_000})["id"]
        until(lambda: _status(other, paid) == "pooled", why="no payment")
        tip = mine(other)
        until(lambda: one.get("/api/status")["tip"] == tip, why="no block")
        assert _status(one, paid) == "confirmed"

    def check_nobody_honest_is_barred(self) -> None:
        for each in self.nodes:
            barred = set(each.get("/api/peers")["barred"])
            assert not barred & {*self.keys, *self.listening}
            blamed = {line["code"] for line in said(each, "peer left") if line["key"] in self.keys}
            assert not blamed & BLAME


def _sought_in_vain(process: NodeProcess) -> set[str]:
    return {line["address"] for line in said(process, "peer unanswered")}


def _status(process: NodeProcess, tx_id: str) -> str:
    found: str = process.get(f"/api/transaction/{tx_id}")["status"]
    return found


def _genesis() -> Genesis:
    return replace(
        dev_genesis("besieged"),
        checkpoint_signers=tuple(address(key) for key in SIGNERS),
        checkpoint_quorum=QUORUM,
    )


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("pair")
    genesis = folder / "genesis.json"
    genesis.write_bytes(encode_genesis(_genesis()))
    group_port = free_datagram_port()
    settings = json.dumps({"discovery_group": GROUP, "discovery_port": group_port})
    for name in ("one", "other"):
        (folder / name).mkdir(mode=0o700)
        (folder / name / "node.json").write_text(settings)
    options = (f"--genesis={genesis}", "--p2p=true", "--discovery=true")
    crowd = f"--max-inbound={MAX_INBOUND}"
    with (
        node(folder / "one", *options, crowd, profile="local") as one,
        node(folder / "other", *options, crowd, profile="local") as other,
    ):
        one.post("/api/peers", {"address": other.get("/api/peers")["listens_at"]})
        until(lambda: linked(one) == 1)
        yield Pair((one, other), group_port)


class Encounter(msgspec.Struct, frozen=True, kw_only=True):
    """What shows that a kind has done what it does."""

    codes: frozenset[str] = frozenset()
    """Each node parts with it for one of these."""

    begins: Callable[[Pair, Villain], None] = lambda _pair, _loose: None
    """What it does before the nodes mine, if that is more than its machine does by itself."""

    shows: Callable[[Pair, Villain], bool] = lambda _pair, _loose: True
    is_proved: bool = False
    """It has to be linked with both before a block comes."""

    ends: Callable[[Pair], None] = lambda _pair: None
    """What people do about it."""

    ahead: int = 0
    """How far its own chain is ahead of the nodes'."""

    options: Mapping[str, float] = {}


def let_go_for(*codes: str, **options: float) -> Encounter:
    return Encounter(codes=frozenset(codes), options=options)


def sends(size_bytes: int, **options: float) -> Encounter:
    """It breaks no rule at once: it goes on until it has sent so much."""
    return Encounter(shows=lambda _, loose: loose.sent_bytes >= size_bytes, options=options)


def is_dialled_in_vain(pair: Pair, _loose: Villain) -> bool:
    """Both nodes have looked for many nodes that were announced and are not there."""
    return min(pair.sought_in_vain()) >= SOUGHT


def follows(pair: Pair, loose: Villain) -> bool:
    tip: str = pair.nodes[0].get("/api/status")["tip"]
    return tip_of(loose) == tip


def is_believed(pair: Pair, loose: Villain) -> bool:
    """Both nodes know its headers and want what it keeps to itself."""
    height = loose.service.tip.header.height
    best = [each.get("/api/status")["sync"]["best_header_height"] for each in pair.nodes]
    return all(item >= height for item in best)


def is_contradicted(pair: Pair, _loose: Villain) -> bool:
    return all("contradict" in text for text in pair.warnings())


def sign_once_more(pair: Pair) -> None:
    """All signers name the block that is there, and mining goes on."""
    tip = pair.nodes[0].get("/api/status")
    height, block_hash = Height(tip["height"]), BlockHash(bytes.fromhex(tip["tip"]))
    signed = sign_checkpoint(pair.meeting.network, height, block_hash, SIGNERS)
    form = {
        "height": height,
        "hash": tip["tip"],
        "signatures": [signature.hex() for signature in signed.signatures],
    }
    pair.nodes[0].post("/api/admin/checkpoint", form)
    until(lambda: not any("contradict" in text for text in pair.warnings()), why="halted")


def hear_of_each_others_blocks(pair: Pair) -> None:
    one, other = pair.nodes
    tip = mine(one)
    until(lambda: other.get("/api/status")["tip"] == tip, SOON_S, "kept apart")


def follow(pair: Pair, loose: Villain) -> None:
    """Wait until it is linked with both and stands where they do."""
    until(lambda: pair.know(loose.key), LIMIT_S, "it is not linked")
    until(lambda: follows(pair, loose) and pair.agree(), LIMIT_S, "it does not follow")


def hoard(pair: Pair, loose: Villain) -> None:
    """Mine in secret while the nodes mine too, and show all of it when it is more."""
    follow(pair, loose)
    fork = pair.height
    loose.mine(LEAD - 1)
    public = mine(pair.nodes[0], OVERTAKEN)
    until(lambda: pair.tips() == {public}, why="no blocks of their own")
    best = {each.get("/api/status")["sync"]["best_header_height"] for each in pair.nodes}
    assert best == {fork + OVERTAKEN}, "it gave something away"
    loose.mine(1)
    until(lambda: pair.tips() == {tip_of(loose)}, LIMIT_S, "its blocks were not followed")
    undone = f"{OVERTAKEN} blocks were undone above height {fork:,}: the tip went from {public}"
    until(lambda: all(undone in text for text in pair.warnings()), why="nobody was told")


def cheat(pair: Pair, loose: Villain) -> None:
    """Mine more than the nodes do, by a clock that is ahead: held first, and taken in its time."""
    follow(pair, loose)
    height = pair.height
    loose.mine(3)
    early = loose.service.tip.header
    pair.check_they_pay_and_mine()
    assert pair.height == height + 1, "blocks ahead of their time count"
    assert pair.know(loose.key), "it was let go"
    until(lambda: pair.tips() == {early.hash.hex()}, LIMIT_S, "its time has come for nothing")
    assert time.time() * 1_000 >= early.time_ms - MAX_TIME_AHEAD_MS, "before its time"
    assert pair.know(loose.key), "it was let go"


def tip_of(loose: Villain) -> str:
    return loose.service.tip.header.hash.hex()


ENCOUNTERS = {
    "boaster": let_go_for("peer-stalling"),
    "bridge": Encounter(shows=follows),
    "drip": Encounter(shows=lambda _, loose: loose.sends >= 12),
    "eclipser": Encounter(is_proved=True),
    "equivocator": Encounter(
        is_proved=True,
        shows=is_contradicted,
        ends=sign_once_more,
        options={"times": 1, "every_s": 1},
    ),
    "flood": let_go_for("peer-flood"),
    "forger": let_go_for("peer-payment"),
    "hoarder": Encounter(begins=hoard, options={"lead": LEAD}),
    "low-work": sends(50_000),
    "mutator": Encounter(codes=frozenset({"peer-block"}), ahead=5),
    "noise": let_go_for(
        "frame-magic", "frame-type", "frame-size", "frame-checksum", "message-malformed"
    ),
    "orphans": sends(20_000),
    "poisoner": sends(10_000, addresses=50),
    "replayer": let_go_for("message-unexpected"),
    "silent": let_go_for("peer-handshake-timeout"),
    "spoofer": Encounter(shows=is_dialled_in_vain),
    "squatter": let_go_for("peer-evicted", links=2 * MAX_INBOUND),
    "tease": sends(10_000),
    "time-cheat": Encounter(begins=cheat, options={CLOCK: CHEAT_MS}),
    "twin": let_go_for("peer-duplicate"),
    "withholder": Encounter(shows=is_believed, ends=hear_of_each_others_blocks, ahead=5),
}


@pytest.fixture(scope="module")
def held_bytes(pair: Pair) -> list[int]:
    """What each node held when it had paid and mined, and nobody had come."""
    pair.check_they_pay_and_mine()
    return [each.get("/api/stats")["memory_bytes"] for each in pair.nodes]


@pytest.mark.parametrize("kind", ENCOUNTERS)
def test_two_linked_nodes_live_on_whatever_one_peer_does(
    kind: str, pair: Pair, held_bytes: list[int], tmp_path: Path
) -> None:
    encounter = ENCOUNTERS[kind]
    height = pair.height
    pair.begin()

    def withstand(loose: Villain) -> None:
        if encounter.is_proved:
            until(lambda: pair.know(loose.key), LIMIT_S, "it is not linked")
        encounter.begins(pair, loose)
        mine(pair.nodes[0])
        until(lambda: encounter.shows(pair, loose), LIMIT_S, "it never did what it does")
        if encounter.codes:
            until(lambda: all(encounter.codes & seen for seen in pair.codes()), LIMIT_S, "let be")
        encounter.ends(pair)
        pair.check_they_pay_and_mine()

    async def live() -> None:
        folder = tmp_path / "villain"
        options = {"height": height, "ahead": encounter.ahead, **encounter.options}
        async with villain(kind, folder, pair.meeting, **options) as loose:
            await asyncio.to_thread(withstand, loose)

    run(live())
    until(pair.are_linked, LIMIT_S, "the two lost each other")
    pair.check_they_pay_and_mine()
    assert pair.agree()
    pair.check_nobody_honest_is_barred()
    for each, before in zip(pair.nodes, held_bytes, strict=True):
        assert each.process.poll() is None
        assert each.get("/api/stats")["memory_bytes"] < before + MEMORY_BYTES


def test_every_kind_but_those_left_out_is_met() -> None:
    assert set(ENCOUNTERS) == set(KINDS) - LEFT_OUT
