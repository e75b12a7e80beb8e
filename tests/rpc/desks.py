"""Desks that answer from memory, and homes whose paths are short enough for a socket."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from chaindeck.rpc import forms
from chaindeck.rpc.access import RpcAccess, coordinator_access
from chaindeck.rpc.channel import RpcChannel
from chaindeck.rpc.contract import COORDINATOR
from chaindeck.rpc.server import RpcServer

INSTANCE = "instance-1"


class Desk:
    """Answers every method of both services; `trouble` is raised instead, where it is set."""

    def __init__(self) -> None:
        self.trouble: Exception | None = None
        self.asked: list[tuple[str, forms.Form]] = []
        self.held = asyncio.Event()
        self.waiting = asyncio.Event()
        self.replies: list[forms.StreamEventsReply] = []

    def __getattr__(self, name: str):
        async def answer(form):
            self.asked.append((name, form))
            if self.trouble:
                raise self.trouble
            return SAMPLES[name]

        return answer

    async def find(self, form):
        """Tests put their own in its place."""
        del form
        return SAMPLES["find_transaction"]

    async def find_transaction(self, form):
        self.asked.append(("find_transaction", form))
        if self.trouble:
            raise self.trouble
        return await self.find(form)

    async def health_check(self, form):
        """Waits as long as a test wants."""
        self.waiting.set()
        await self.held.wait()
        return SAMPLES["health_check"]

    async def stream_events(self, form):
        self.asked.append(("stream_events", form))
        if self.trouble:
            raise self.trouble
        for reply in self.replies:
            yield reply
        await self.held.wait()

    async def stream_notifications(self, form):
        yield SAMPLES["stream_notifications"]


PART = forms.Part(
    name="web",
    kind="web",
    state="ready",
    pid=7,
    since_ms=5,
    restarts=1,
    reason="",
    address="http://127.0.0.1:8000",
)
NODE = forms.Node(
    name="node-1",
    url="http://127.0.0.1:8081",
    source="config",
    state="up",
    detail="",
    node_id="n1",
    version="0.1.0",
    network="dev",
    height=0,
    behind=None,
    tip="ab" * 32,
    peers=2,
    pool_count=3,
    pool_bytes=900,
    clock_offset_ms=-4,
    last_seen_ms=9,
    answer_ms=1.5,
)
EVENT = forms.Event(
    seq=3, time_ms=4, topic="node", kind="changed", key="node-1", data={"state": "up", "peers": [1]}
)
EXECUTION = forms.Execution(
    id="x1",
    kind="retention",
    title="forget what is old",
    state="done",
    started_ms=1,
    ended_ms=None,
    done=3,
    total=6,
    error="",
)
SAMPLES: dict[str, forms.Form] = {
    "get_system_stats": forms.SystemStats(
        instance=INSTANCE,
        started_at_ms=1,
        uptime_s=2.5,
        epoch="e",
        last_seq=9,
        active_executions=1,
        total_executions=4,
        success_rate=0.75,
        cpu_percent=12.5,
        memory_percent=50.0,
        disk_percent=25.0,
        nodes=2,
        nodes_up=1,
        network_height=77,
        event_readers=3,
    ),
    "health_check": forms.HealthReport(
        is_serving=True,
        instance=INSTANCE,
        components=(
            forms.ComponentHealth(name="hub", state="well", detail="", since_ms=1, failures=0),
        ),
    ),
    "list_executions": forms.ExecutionPage(executions=(EXECUTION,), next_cursor="2"),
    "get_execution": EXECUTION,
    "report_event": forms.ReportEventReply(is_new=True),
    "list_nodes": forms.NodeList(nodes=(NODE,)),
    "control_node": forms.ControlNodeReply(
        node="node-1", action="mine", detail="made", hashes=("00", "11")
    ),
    "find_transaction": forms.FoundTransaction(
        node="node-1", status="unknown", state={"id": "ab" * 32, "status": "unknown"}
    ),
    "get_snapshot": forms.Snapshot(epoch="e", seq=9, events=(EVENT,)),
    "get_state": forms.SupervisorState(instance=INSTANCE, started_at_ms=1, parts=(PART,)),
    "start_part": forms.PartReply(part=PART),
    "stop_part": forms.PartReply(part=PART),
    "restart_part": forms.PartReply(part=PART),
    "add_node": forms.PartReply(part=PART),
    "remove_node": forms.PartReply(part=PART),
    "shutdown": forms.Nothing(),
    "stream_notifications": forms.Notification(
        seq=1, time_ms=2, level="warning", part="web", message="it is sick"
    ),
}


@contextlib.contextmanager
def short_home() -> Iterator[Path]:
    """A home that is gone afterwards; pytest's own folders have names too long for a socket."""
    folder = Path(tempfile.mkdtemp(prefix="cd-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextlib.asynccontextmanager
async def serving(home: Path, desk: Desk, service: str = COORDINATOR, **options):
    """A server of one service, and a channel to it."""
    access = coordinator_access(home)
    server = await RpcServer.start(service, desk, access, instance=INSTANCE, **options)
    try:
        async with RpcChannel(access) as channel:
            yield server, channel
    finally:
        desk.held.set()
        await server.stop()


def with_token(access: RpcAccess, token: str) -> RpcAccess:
    return RpcAccess(address=access.address, token=token, credentials=access.credentials)
