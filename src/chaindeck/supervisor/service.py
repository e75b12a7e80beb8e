"""The supervisor's desk: the contract's service `Supervisor`, answered by a `Supervisor`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator

import msgspec

from chaindeck.rpc import forms
from chaindeck.supervisor.errors import SettingInvalid
from chaindeck.supervisor.first_start import Installation
from chaindeck.supervisor.parts import list_parts
from chaindeck.supervisor.settings import NodeEntry, free_entry, store_config
from chaindeck.supervisor.supervisor import Supervisor


class Desk:
    """One plain method for each of the service; see `chaindeck.proto`."""

    def __init__(
        self,
        supervisor: Supervisor,
        stopping: asyncio.Event,
        *,
        instance: str,
        started_at_ms: int,
        installation: Installation | None,
    ) -> None:
        """Without an installation there are parts, and no nodes that could be added."""
        self._supervisor = supervisor
        self._stopping = stopping
        self._instance = instance
        self._started_at_ms = started_at_ms
        self._installation = installation
        self._turn = asyncio.Lock()

    async def get_state(self, _: forms.Nothing) -> forms.SupervisorState:
        return forms.SupervisorState(
            instance=self._instance,
            started_at_ms=self._started_at_ms,
            parts=tuple(self._supervisor.states()),
        )

    async def start_part(self, request: forms.PartRequest) -> forms.PartReply:
        await self._supervisor.start_part(request.name)
        return self._reply(request.name)

    async def stop_part(self, request: forms.PartRequest) -> forms.PartReply:
        await self._supervisor.stop_part(request.name)
        return self._reply(request.name)

    async def restart_part(self, request: forms.PartRequest) -> forms.PartReply:
        await self._supervisor.restart_part(request.name)
        return self._reply(request.name)

    async def add_node(self, request: forms.AddNodeRequest) -> forms.PartReply:
        """Start one more node; it is kept in the configuration once it is ready."""
        async with self._turn:
            before = self._known()
            entry = _chosen(before, request)
            config = msgspec.structs.replace(before.config, nodes=(*before.config.nodes, entry))
            after = msgspec.structs.replace(before, config=config)
            store_config(after.home, config)
            (part,) = (part for part in list_parts(after) if part.name == entry.name)
            try:
                await self._supervisor.add_part(part)
            except BaseException:
                store_config(before.home, before.config)
                raise
            self._installation = after
        return self._reply(entry.name)

    async def remove_node(self, request: forms.PartRequest) -> forms.PartReply:
        """Stop a node for good; its data directory stays."""
        async with self._turn:
            before = self._known()
            nodes = before.config.nodes
            part = self._supervisor.state_of(request.name)
            if part.kind != "node" or request.name == nodes[0].name:
                reason = f"{request.name} is the one that mines, or no node"
                example = nodes[-1].name if len(nodes) > 1 else "none: there is one node"
                raise SettingInvalid(name="name", reason=reason, example=example)
            await self._supervisor.remove_part(request.name)
            left = tuple(node for node in nodes if node.name != request.name)
            config = msgspec.structs.replace(before.config, nodes=left)
            store_config(before.home, config)
            self._installation = msgspec.structs.replace(before, config=config)
        return forms.PartReply(part=msgspec.structs.replace(part, state="stopped", pid=None))

    async def shutdown(self, _: forms.Nothing) -> forms.Nothing:
        self._stopping.set()
        return forms.Nothing()

    async def stream_notifications(
        self, request: forms.StreamNotificationsRequest
    ) -> AsyncGenerator[forms.Notification, None]:
        following = self._supervisor.notebook.follow(request.since)
        async with contextlib.aclosing(following):
            async for notification in following:
                yield notification

    def _reply(self, name: str) -> forms.PartReply:
        return forms.PartReply(part=self._supervisor.state_of(name))

    def _known(self) -> Installation:
        assert self._installation is not None, "a supervisor of a home knows its configuration"
        return self._installation


def _chosen(installation: Installation, request: forms.AddNodeRequest) -> NodeEntry:
    """Return the new node as it was wished, with the next free name and ports where it was not."""
    free = free_entry(installation.config)
    return NodeEntry(
        request.name or free.name,
        request.api_port or free.api_port,
        request.p2p_port or free.p2p_port,
    )
