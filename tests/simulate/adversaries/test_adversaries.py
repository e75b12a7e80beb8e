"""Every kind of adversary against honest nodes: they stay linked, agree, and stay within bounds."""

from __future__ import annotations

import pytest

from chaindeck.ledger.checkpoints import sign_checkpoint
from chaindeck.protocol.events import PeerMisbehaved
from chaindeck.simulate.adversaries import KINDS
from tests.protocol.mischief import check_caps
from tests.protocol.test_payment_relay import payment
from tests.protocol.town import Resident, Town
from tests.simulate.adversaries.villains import SIGNERS, Villain, signed_network

PEERS = sorted(name for name, kind in KINDS.items() if kind.peer is not None)
CAUGHT = {
    "noise": {
        "frame-magic",
        "frame-type",
        "frame-size",
        "frame-checksum",
        "message-malformed",
    },
    "flood": {"peer-flood"},
    "forger": {"peer-payment"},
    "twin": {"peer-duplicate"},
    "boaster": {"peer-stalling"},
    "silent": {"peer-handshake-timeout"},
}
"""What some kinds are let go for, each time."""


@pytest.mark.parametrize("kind", PEERS)
def test_honest_nodes_stay_linked_and_agree_whatever_one_peer_does(kind: str) -> None:
    town = Town(signed_network())
    nodes = town.settle(4, is_discovering=True)
    town.run(5_000)
    villain = Villain(town, kind)
    for number in range(12):
        town.run(10_000)
        nodes[number % 4].mine()
        for node in nodes:
            check_caps(node)
    nodes[1].pay(payment(town))
    town.run(5_000)
    assert len({node.tip for node in nodes}) == 1
    assert all(len(node.state.pool) == 1 for node in nodes)
    honest = {node.address.ip for node in nodes}
    for node in nodes:
        linked = {link.address.ip for link in node.machine.peers} & honest
        assert len(linked) == 3
        assert not [event for event in node.heard(PeerMisbehaved) if event.address.ip in honest]
    assert villain.sent_bytes or kind == "silent"


@pytest.mark.parametrize(("kind", "codes"), CAUGHT.items())
def test_a_kind_is_let_go_for_what_it_did(kind: str, codes: set[str]) -> None:
    town = Town()
    (node,) = town.settle(1, is_discovering=True)
    Villain(town, kind)
    town.run(60_000)
    from chaindeck.protocol.events import PeerLeft

    seen = {event.code for event in node.heard(PeerLeft)}
    assert seen & codes, seen


def test_false_addresses_fill_no_more_than_a_sources_share() -> None:
    town = Town()
    (node,) = town.settle(1)
    Villain(town, "poisoner", addresses=100)
    town.run(120_000)
    assert len(node.machine.topology.book) <= 300


def test_a_branch_of_little_work_is_not_kept() -> None:
    town = Town()
    (node,) = town.settle(1)
    for _ in range(60):
        node.mine()
    before = len(node.state.tree)
    Villain(town, "low-work", headers=40)
    town.run(30_000)
    assert len(node.state.tree) == before


def equivocating(**options: float) -> tuple[Town, list[Resident]]:
    """Four nodes and a signer who said two things."""
    town = Town(signed_network())
    nodes = town.settle(4)
    town.run(5_000)
    Villain(town, "equivocator", times=1, every_s=5, **options)
    town.run(2_000)
    return town, nodes


def halted(nodes: list[Resident]) -> int:
    return sum(node.state.checkpoints.conflict is not None for node in nodes)


def test_two_checkpoints_for_one_height_halt_everybody_until_another_signer_ends_it() -> None:
    town, nodes = equivocating()
    block = nodes[0].mine()
    town.run(10_000)
    assert halted(nodes) == 4
    assert {node.tip for node in nodes} == {block.hash}
    nodes[2].fix(sign_checkpoint(town.network, block.header.height, block.hash, SIGNERS))
    town.run(1_000)
    assert halted(nodes) == 0
    assert all(node.state.tree.floor.header.hash == block.hash for node in nodes)


def test_two_checkpoints_for_two_blocks_of_a_race_leave_one_network() -> None:
    town, nodes = equivocating()
    first, second = nodes[0].assemble(took_ms=9_000), nodes[1].assemble(took_ms=10_000)
    assert nodes[0].submit(first) is None
    assert nodes[1].submit(second) is None
    town.run(10_000)
    assert halted(nodes) == 4
    checkpoint = sign_checkpoint(town.network, second.header.height, second.hash, SIGNERS)
    nodes[3].fix(checkpoint)
    town.run(60_000)
    assert {node.tip for node in nodes} == {second.hash}
    assert halted(nodes) == 0


def test_every_kind_says_what_it_is() -> None:
    for name, kind in KINDS.items():
        assert kind.about.endswith("."), name
        assert (kind.peer is None) != (kind.node is None), name
        for option in kind.options.values():
            assert option.least <= option.default <= option.most
