"""Orders about peers, given to the coordinator, do at a real mesh of nodes what they say."""

from __future__ import annotations

import asyncio
import contextlib
import json

import pytest

from chaindeck.rpc import forms
from chaindeck.rpc.errors import PartRefused
from tests.coordinator.processes import asking, coordinator
from tests.coordinator.test_process import until
from tests.functional.processes import NodeProcess
from tests.ledger.forge import ALICE, address

NAMES = ("node-1", "node-2", "node-3")
LIMIT_S = 50.0


@pytest.fixture
def mesh(home):
    """Nodes of one home that could be peers, and are not linked yet."""
    with contextlib.ExitStack() as stack:
        nodes = {}
        for name in NAMES:
            made = NodeProcess(home / "nodes" / name, "--p2p=true")
            made.folder.parent.mkdir(parents=True, exist_ok=True)
            made.start()
            stack.callback(made.kill)
            nodes[name] = made
        entries = [{"name": name, "api_port": 1} for name in NAMES]
        (home / "config.json").write_text(json.dumps({"nodes": entries}))
        stack.enter_context(coordinator(home))
        yield nodes


def place_of(node) -> str:
    where: str = node.get("/api/peers")["listens_at"]
    return where.replace("0.0.0.0", "127.0.0.1")


async def order(client, node: str, action: str, **more) -> forms.ControlNodeReply:
    asked = forms.ControlNodeRequest(node=node, action=action, **more)
    reply: forms.ControlNodeReply = await client.control_node(asked)
    return reply


async def expect_links(client, *counts: int) -> None:
    """Wait until the nodes, by name, are seen with so many peers each."""

    def is_so(nodes) -> bool:
        return [node.peers for node in nodes if node.state == "up"] == list(counts)

    await until(client.list_nodes, is_so, LIMIT_S)


async def code_of(attempt) -> str:
    with pytest.raises(PartRefused) as failure:
        await attempt
    return failure.value.code


async def test_nodes_become_peers_part_and_are_barred_as_ordered(home, mesh):
    first, second, third = (mesh[name] for name in NAMES)
    async with asking(home) as client:
        await expect_links(client, 0, 0, 0)
        added = await order(client, "node-1", "add_peer", peer=place_of(second))
        assert added.detail == f"{place_of(second)} added"
        await order(client, "node-2", "add_peer", peer=place_of(third))
        # Who is linked with whom is told to the mesh, so the first and the third meet as well.
        await until(client.list_nodes, lambda nodes: sum(node.peers for node in nodes) >= 4)
        await order(client, "node-3", "mine", blocks=2, pay_to=address(ALICE))
        await until(client.list_nodes, lambda nodes: [node.height for node in nodes] == [2, 2, 2])
        barred = await order(client, "node-1", "bar", peer=place_of(second), bar_s=600)
        assert barred.detail == f"{place_of(second)} barred"
        assert place_of(second) in first.get("/api/peers")["barred"]
        assert place_of(second) not in linked_with(first)
        # Whoever is added is barred no longer.
        await order(client, "node-1", "add_peer", peer=place_of(second))
        await until_async(lambda: place_of(second) in linked_with(first))
        assert not first.get("/api/peers")["barred"]
        dropped = await order(client, "node-1", "drop_peer", peer=place_of(second))
        assert dropped.detail == f"{place_of(second)} dropped"


def linked_with(node) -> list[str]:
    return [peer["address"] for peer in node.get("/api/peers")["peers"]]


async def until_async(is_so) -> None:
    async def ask() -> bool:
        found: bool = await asyncio.to_thread(is_so)
        return found

    await until(ask, bool, LIMIT_S)


async def test_order_that_a_node_refuses_carries_its_own_words(home, mesh):
    async with asking(home) as client:
        await expect_links(client, 0, 0, 0)
        for peer in ("10.0.0.7:99999", "no such host!", "nowhere.invalid"):
            attempt = order(client, "node-1", "add_peer", peer=peer)
            assert await code_of(attempt) == "coordinator-order-refused"
        where = place_of(mesh["node-2"])
        for bar_s in (0, 31 * 86_400):
            attempt = order(client, "node-1", "bar", peer=where, bar_s=bar_s)
            assert await code_of(attempt) == "coordinator-order"
        mesh["node-3"].kill()
        attempt = order(client, "node-3", "add_peer", peer=where)
        assert await code_of(attempt) == "coordinator-node-away"
        mesh["node-3"].start()
