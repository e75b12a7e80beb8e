"""Every message of the contract as a frozen value; the names are those of `chaindeck.proto`.

A field `data_json` of a message is `data` here, decoded. What may be missing is None.
"""

from __future__ import annotations

from typing import Any

import msgspec

JsonObject = dict[str, Any]


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """Anything that goes over the line."""


class Nothing(Form, frozen=True):
    """A request or an answer without a field."""


class SystemStats(Form, frozen=True):
    """Counts and loads of the whole installation."""

    instance: str
    started_at_ms: int
    uptime_s: float
    epoch: str
    last_seq: int
    active_executions: int
    total_executions: int
    success_rate: float
    cpu_percent: float
    memory_percent: float
    disk_percent: float
    nodes: int
    nodes_up: int
    network_height: int
    event_readers: int
    components: tuple[ComponentHealth, ...] = ()


class HealthCheckRequest(Form, frozen=True):
    """One component, or none for all."""

    component: str = ""


class ComponentHealth(Form, frozen=True):
    """How one component is: starting, well or sick."""

    name: str
    state: str
    detail: str
    since_ms: int
    failures: int


class HealthReport(Form, frozen=True):
    """How the coordinator is."""

    is_serving: bool
    instance: str
    components: tuple[ComponentHealth, ...]


class ListExecutionsRequest(Form, frozen=True):
    """Which page of executions."""

    state: str = ""
    kind: str = ""
    limit: int = 0
    cursor: str = ""


class Execution(Form, frozen=True):
    """Something that ran or runs; `state` is running, done, failed, stopped or lost."""

    id: str
    kind: str
    title: str
    state: str
    started_ms: int
    ended_ms: int | None
    done: int
    total: int
    error: str


class ExecutionPage(Form, frozen=True):
    """The newest first; `next_cursor` is empty on the last page."""

    executions: tuple[Execution, ...]
    next_cursor: str


class GetExecutionRequest(Form, frozen=True):
    """Which execution."""

    id: str


class Event(Form, frozen=True):
    """One thing that happened."""

    seq: int
    time_ms: int
    topic: str
    kind: str
    key: str
    data: JsonObject


class StreamEventsRequest(Form, frozen=True):
    """From where on, and what about."""

    epoch: str = ""
    since: int | None = None
    topics: tuple[str, ...] = ()


class StreamHello(Form, frozen=True):
    """Where the stream stands, and where it starts."""

    epoch: str
    first_seq: int
    last_seq: int
    has_gap: bool
    starts_after: int


class EventBatch(Form, frozen=True):
    """Events in order."""

    events: tuple[Event, ...]


class Heartbeat(Form, frozen=True):
    """The stream lives, and has looked at everything up to `last_seq`."""

    time_ms: int
    last_seq: int


class StreamEventsReply(Form, frozen=True):
    """One of three."""

    hello: StreamHello | None = None
    batch: EventBatch | None = None
    heartbeat: Heartbeat | None = None


class ReportEventRequest(Form, frozen=True):
    """What somebody did."""

    report_id: str
    time_ms: int
    action: str
    severity: str = "info"
    user_name: str = ""
    description: str = ""
    ip_address: str = ""
    data: JsonObject = {}


class ReportEventReply(Form, frozen=True):
    """Whether it was new."""

    is_new: bool


class Node(Form, frozen=True):
    """One node that the coordinator watches; `state` is up, lagging, down or unknown."""

    name: str
    url: str
    source: str
    state: str
    detail: str
    node_id: str
    version: str
    network: str
    height: int | None
    behind: int | None
    tip: str
    peers: int
    pool_count: int
    pool_bytes: int
    clock_offset_ms: int | None
    last_seen_ms: int | None
    answer_ms: float | None


class NodeList(Form, frozen=True):
    """All nodes, by name."""

    nodes: tuple[Node, ...]


class ControlNodeRequest(Form, frozen=True):
    """An order: add_peer, drop_peer, bar, mine, start, stop, restart, add or remove."""

    node: str
    action: str
    peer: str = ""
    bar_s: int = 0
    blocks: int = 0
    pay_to: str = ""
    url: str = ""


class ControlNodeReply(Form, frozen=True):
    """What an order came to."""

    node: str
    action: str
    detail: str
    hashes: tuple[str, ...] = ()


class FindTransactionRequest(Form, frozen=True):
    """A transaction by its id, on demand with its way to the root of its block."""

    id: str
    with_proof: bool = False


class FoundTransaction(Form, frozen=True):
    """What a node knows of it; `status` is confirmed, pooled, dropped or unknown."""

    node: str
    status: str
    state: JsonObject


class GetSnapshotRequest(Form, frozen=True):
    """Topics that tell a state; none for all of them."""

    topics: tuple[str, ...] = ()


class Snapshot(Form, frozen=True):
    """The last event of each key; the stream goes on after `seq`."""

    epoch: str
    seq: int
    events: tuple[Event, ...]


class Part(Form, frozen=True):
    """A process that the supervisor keeps.

    `state` is starting, ready, sick, backing_off, given_up, stopping, stopped or foreign.
    """

    name: str
    kind: str
    state: str
    pid: int | None
    since_ms: int
    restarts: int
    reason: str
    address: str


class SupervisorState(Form, frozen=True):
    """All parts, in the order in which they start."""

    instance: str
    started_at_ms: int
    parts: tuple[Part, ...]


class PartRequest(Form, frozen=True):
    """Which part."""

    name: str


class PartReply(Form, frozen=True):
    """How the part is now."""

    part: Part


class AddNodeRequest(Form, frozen=True):
    """A new node; the supervisor chooses what is not given."""

    name: str = ""
    api_port: int = 0
    p2p_port: int = 0


class StreamNotificationsRequest(Form, frozen=True):
    """The last number that the reader saw."""

    since: int = 0


class Notification(Form, frozen=True):
    """Something worth telling: info, warning or error."""

    seq: int
    time_ms: int
    level: str
    part: str
    message: str
