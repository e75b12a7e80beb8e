"""The services of the contract as awaited methods over one channel.

Every method raises an `RpcError`; orders are sent once, all else is asked again while its time
lasts.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection
from typing import cast

from chaindeck.rpc import forms
from chaindeck.rpc.channel import RpcChannel
from chaindeck.rpc.contract import COORDINATOR, SUPERVISOR
from chaindeck.rpc.following import EventFollower


class CoordinatorClient:
    """Asks the coordinator."""

    def __init__(self, channel: RpcChannel) -> None:
        self.channel = channel

    async def get_system_stats(self) -> forms.SystemStats:
        path = f"/{COORDINATOR}/GetSystemStats"
        return await self.channel.ask(path, forms.Nothing(), forms.SystemStats)

    async def health_check(self, component: str = "") -> forms.HealthReport:
        """Return how all components are, or one."""
        form = forms.HealthCheckRequest(component=component)
        return await self.channel.ask(f"/{COORDINATOR}/HealthCheck", form, forms.HealthReport)

    async def list_executions(
        self, *, state: str = "", kind: str = "", limit: int = 0, cursor: str = ""
    ) -> forms.ExecutionPage:
        form = forms.ListExecutionsRequest(state=state, kind=kind, limit=limit, cursor=cursor)
        return await self.channel.ask(f"/{COORDINATOR}/ListExecutions", form, forms.ExecutionPage)

    async def get_execution(self, execution_id: str) -> forms.Execution:
        form = forms.GetExecutionRequest(id=execution_id)
        return await self.channel.ask(f"/{COORDINATOR}/GetExecution", form, forms.Execution)

    async def report_event(self, report: forms.ReportEventRequest) -> bool:
        """Have it taken down what somebody did; return whether its id was new."""
        path = f"/{COORDINATOR}/ReportEvent"
        return (await self.channel.ask(path, report, forms.ReportEventReply)).is_new

    async def list_nodes(self) -> tuple[forms.Node, ...]:
        path = f"/{COORDINATOR}/ListNodes"
        return (await self.channel.ask(path, forms.Nothing(), forms.NodeList)).nodes

    async def control_node(self, order: forms.ControlNodeRequest) -> forms.ControlNodeReply:
        path = f"/{COORDINATOR}/ControlNode"
        return await self.channel.ask(path, order, forms.ControlNodeReply)

    async def find_transaction(
        self, tx_id: str, *, with_proof: bool = False
    ) -> forms.FoundTransaction:
        """Return what the nodes know of it now; one that waits is followed from then on."""
        form = forms.FindTransactionRequest(id=tx_id, with_proof=with_proof)
        path = f"/{COORDINATOR}/FindTransaction"
        return await self.channel.ask(path, form, forms.FoundTransaction)

    async def get_snapshot(self, topics: Collection[str] = ()) -> forms.Snapshot:
        """Return the last event of each key; follow events from its `seq` on."""
        form = forms.GetSnapshotRequest(topics=tuple(sorted(topics)))
        return await self.channel.ask(f"/{COORDINATOR}/GetSnapshot", form, forms.Snapshot)

    def follow_events(
        self, topics: Collection[str] = (), *, epoch: str = "", since: int | None = None
    ) -> EventFollower:
        """Return the stream of events, which outlives the coordinator."""
        return EventFollower(self.channel, topics, epoch=epoch, since=since)


class SupervisorClient:
    """Asks the supervisor."""

    def __init__(self, channel: RpcChannel) -> None:
        self.channel = channel

    async def get_state(self) -> forms.SupervisorState:
        path = f"/{SUPERVISOR}/GetState"
        return await self.channel.ask(path, forms.Nothing(), forms.SupervisorState)

    async def start_part(self, name: str) -> forms.Part:
        return await self._order("StartPart", forms.PartRequest(name=name))

    async def stop_part(self, name: str) -> forms.Part:
        return await self._order("StopPart", forms.PartRequest(name=name))

    async def restart_part(self, name: str) -> forms.Part:
        return await self._order("RestartPart", forms.PartRequest(name=name))

    async def add_node(self, name: str = "", *, api_port: int = 0, p2p_port: int = 0) -> forms.Part:
        form = forms.AddNodeRequest(name=name, api_port=api_port, p2p_port=p2p_port)
        return await self._order("AddNode", form)

    async def remove_node(self, name: str) -> forms.Part:
        return await self._order("RemoveNode", forms.PartRequest(name=name))

    async def shutdown(self) -> None:
        await self.channel.ask(f"/{SUPERVISOR}/Shutdown", forms.Nothing(), forms.Nothing)

    async def stream_notifications(
        self, since: int = 0
    ) -> AsyncGenerator[forms.Notification, None]:
        form = forms.StreamNotificationsRequest(since=since)
        async for reply in self.channel.stream(f"/{SUPERVISOR}/StreamNotifications", form):
            yield cast("forms.Notification", reply)

    async def _order(self, name: str, form: forms.Form) -> forms.Part:
        return (await self.channel.ask(f"/{SUPERVISOR}/{name}", form, forms.PartReply)).part
