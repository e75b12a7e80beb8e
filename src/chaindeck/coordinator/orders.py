"""Carries out orders about nodes: peers and mining at the node itself, processes at the supervisor.

Each order is written into the activity log, with what became of it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from chaindeck.client import Access, AsyncNodeClient, ClientError, NodeRefused, UrlInvalid
from chaindeck.client.retries import NO_RETRIES
from chaindeck.coordinator.errors import (
    NodeAway,
    NodeUnknown,
    OrderInvalid,
    OrderRefused,
    SupervisorAway,
)
from chaindeck.coordinator.limits import MAX_BAR_S, MAX_MINED_BLOCKS, MAX_NODES
from chaindeck.coordinator.polling import Poller
from chaindeck.coordinator.sources import Source
from chaindeck.coordinator.writing import Writer
from chaindeck.ledger.errors import CodedError
from chaindeck.records.services import activity, nodes
from chaindeck.rpc.access import RpcAccess
from chaindeck.rpc.channel import RpcChannel
from chaindeck.rpc.client import SupervisorClient
from chaindeck.rpc.errors import PartUnreachable
from chaindeck.rpc.forms import ControlNodeReply, ControlNodeRequest, Part

T = TypeVar("T")
_Carry = Callable[[ControlNodeRequest], Awaitable[ControlNodeReply]]
_NAME_CHARACTERS = 80


class Orders:
    """Give it an order; it returns what became of it, or raises why not."""

    def __init__(self, poller: Poller, writer: Writer, supervisor: RpcAccess) -> None:
        self._poller = poller
        self._writer = writer
        self._supervisor = supervisor
        self._actions: dict[str, _Carry] = {
            "add_peer": self._add_peer,
            "drop_peer": self._drop_peer,
            "bar": self._drop_peer,
            "mine": self._mine,
            "start": self._part("start_part"),
            "stop": self._part("stop_part"),
            "restart": self._part("restart_part"),
            "add": self._add,
            "remove": self._remove,
        }

    async def carry_out(self, order: ControlNodeRequest) -> ControlNodeReply:
        carry = self._actions.get(order.action)
        if carry is None:
            reason = f"there are the actions {', '.join(self._actions)}"
            raise OrderInvalid(field="action", reason=reason)
        try:
            reply = await carry(order)
        except CodedError as error:
            await self._log(order, f"refused: {error}", "warning")
            raise
        await self._log(order, reply.detail, "info")
        self._poller.look_soon()
        return reply

    # At the node

    async def _add_peer(self, order: ControlNodeRequest) -> ControlNodeReply:
        peer = _peer(order)
        taken = await self._ask(order, lambda client: client.admin_add_peer(peer))
        return _reply(order, f"{taken.address} {taken.done}")

    async def _drop_peer(self, order: ControlNodeRequest) -> ControlNodeReply:
        peer, bar_s = _peer(order), order.bar_s if order.action == "bar" else 0
        if order.action == "bar" and not 1 <= bar_s <= MAX_BAR_S:
            reason = f"a peer is barred for 1 to {MAX_BAR_S} seconds"
            raise OrderInvalid(field="bar_s", reason=reason)
        taken = await self._ask(order, lambda client: client.admin_drop_peer(peer, bar_s))
        return _reply(order, f"{taken.address} {taken.done}")

    async def _mine(self, order: ControlNodeRequest) -> ControlNodeReply:
        if not 1 <= order.blocks <= MAX_MINED_BLOCKS:
            reason = f"an order is for 1 to {MAX_MINED_BLOCKS} blocks"
            raise OrderInvalid(field="blocks", reason=reason)
        mined = await self._ask(
            order, lambda client: client.mine(order.blocks, order.pay_to or None)
        )
        return _reply(order, f"mined up to height {mined.height}", tuple(mined.hashes))

    async def _ask(
        self, order: ControlNodeRequest, ask: Callable[[AsyncNodeClient], Awaitable[T]]
    ) -> T:
        source = self._find(order)
        try:
            async with AsyncNodeClient(source.access(), plan=NO_RETRIES) as client:
                return await ask(client)
        except NodeRefused as error:
            raise OrderRefused(name=source.name, reason=error.text, node_code=error.code) from None
        except ClientError as error:
            raise NodeAway(name=source.name, reason=str(error)) from None

    # At the supervisor

    def _part(self, name: str) -> _Carry:
        async def carry(order: ControlNodeRequest) -> ControlNodeReply:
            source = self._find(order)
            if source.origin != "config":
                reason = f"{source.name} is kept by others; only they can do that"
                raise OrderInvalid(field="node", reason=reason)
            return await self._tell(order, lambda client: getattr(client, name)(source.name))

        return carry

    async def _add(self, order: ControlNodeRequest) -> ControlNodeReply:
        if not order.url:
            return await self._tell(order, lambda client: client.add_node(order.node))
        url = self._check_new(order)
        note = partial(nodes.node_update, name=order.node, url=url, is_ours=False)
        await self._writer.submit(note)
        return _reply(order, f"watched at {url}")

    async def _remove(self, order: ControlNodeRequest) -> ControlNodeReply:
        source = self._find(order)
        if source.origin == "config":
            return await self._tell(order, lambda client: client.remove_node(source.name))
        if source.origin == "environment":
            reason = "NODE_URL names this node; take it away there"
            raise OrderInvalid(field="node", reason=reason)
        await self._writer.submit(partial(nodes.node_remove, name=source.name))
        return _reply(order, "watched no longer")

    async def _tell(
        self, order: ControlNodeRequest, tell: Callable[[SupervisorClient], Awaitable[Part]]
    ) -> ControlNodeReply:
        async with RpcChannel(self._supervisor) as channel:
            await _check_answers(channel)
            part = await tell(SupervisorClient(channel))
        return ControlNodeReply(
            node=part.name, action=order.action, detail=f"{part.name} is {part.state}"
        )

    # Inside

    def _find(self, order: ControlNodeRequest) -> Source:
        source = self._poller.find(order.node)
        if source is None:
            names = ", ".join(source.name for source in self._poller.sources) or "none"
            raise NodeUnknown(field="node", name=order.node[:_NAME_CHARACTERS], names=names)
        return source

    def _check_new(self, order: ControlNodeRequest) -> str:
        """Return the address of a node to be watched, as it is kept."""
        name = order.node
        if not name.isascii() or not name.replace("-", "").replace(".", "").isalnum():
            reason = "a name is made of letters, digits, hyphens and dots"
            raise OrderInvalid(field="node", reason=reason)
        if len(name) > _NAME_CHARACTERS:
            raise OrderInvalid(field="node", reason=f"a name has at most {_NAME_CHARACTERS}")
        try:
            url = Access(order.url).url
        except UrlInvalid as error:
            raise OrderInvalid(field="url", reason=str(error)) from None
        if len(self._poller.sources) >= MAX_NODES:
            raise OrderInvalid(field="node", reason=f"{MAX_NODES} nodes are watched already")
        if any(name == source.name or url == source.url for source in self._poller.sources):
            raise OrderInvalid(field="node", reason="it is watched already")
        return url

    async def _log(self, order: ControlNodeRequest, detail: str, severity: str) -> None:
        line = partial(
            activity.activity_log,
            action=f"node-{order.action}"[:60],
            description=f"{order.node or 'a new node'}: {detail}",
            severity=severity,
        )
        await self._writer.submit(line)


async def _check_answers(supervisor: RpcChannel) -> None:
    """Ask first: one that hangs is not waited for as long as an order may take."""
    try:
        await supervisor.check_health()
    except PartUnreachable as error:
        raise SupervisorAway(reason=str(error)) from None


def _peer(order: ControlNodeRequest) -> str:
    if not order.peer:
        raise OrderInvalid(field="peer", reason="the order names no peer")
    return order.peer


def _reply(
    order: ControlNodeRequest, detail: str, hashes: tuple[str, ...] = ()
) -> ControlNodeReply:
    return ControlNodeReply(node=order.node, action=order.action, detail=detail, hashes=hashes)
