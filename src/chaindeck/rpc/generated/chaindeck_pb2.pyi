"""Made of chaindeck.proto by `make generate`."""

from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetSystemStatsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class SystemStats(_message.Message):
    __slots__ = ("instance", "started_at_ms", "uptime_s", "epoch", "last_seq", "active_executions", "total_executions", "success_rate", "cpu_percent", "memory_percent", "disk_percent", "nodes", "nodes_up", "network_height", "event_readers", "components")
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_MS_FIELD_NUMBER: _ClassVar[int]
    UPTIME_S_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    LAST_SEQ_FIELD_NUMBER: _ClassVar[int]
    ACTIVE_EXECUTIONS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_EXECUTIONS_FIELD_NUMBER: _ClassVar[int]
    SUCCESS_RATE_FIELD_NUMBER: _ClassVar[int]
    CPU_PERCENT_FIELD_NUMBER: _ClassVar[int]
    MEMORY_PERCENT_FIELD_NUMBER: _ClassVar[int]
    DISK_PERCENT_FIELD_NUMBER: _ClassVar[int]
    NODES_FIELD_NUMBER: _ClassVar[int]
    NODES_UP_FIELD_NUMBER: _ClassVar[int]
    NETWORK_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    EVENT_READERS_FIELD_NUMBER: _ClassVar[int]
    COMPONENTS_FIELD_NUMBER: _ClassVar[int]
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
    components: _containers.RepeatedCompositeFieldContainer[ComponentHealth]
    def __init__(self, instance: _Optional[str] = ..., started_at_ms: _Optional[int] = ..., uptime_s: _Optional[float] = ..., epoch: _Optional[str] = ..., last_seq: _Optional[int] = ..., active_executions: _Optional[int] = ..., total_executions: _Optional[int] = ..., success_rate: _Optional[float] = ..., cpu_percent: _Optional[float] = ..., memory_percent: _Optional[float] = ..., disk_percent: _Optional[float] = ..., nodes: _Optional[int] = ..., nodes_up: _Optional[int] = ..., network_height: _Optional[int] = ..., event_readers: _Optional[int] = ..., components: _Optional[_Iterable[_Union[ComponentHealth, _Mapping]]] = ...) -> None: ...

class HealthCheckRequest(_message.Message):
    __slots__ = ("component",)
    COMPONENT_FIELD_NUMBER: _ClassVar[int]
    component: str
    def __init__(self, component: _Optional[str] = ...) -> None: ...

class ComponentHealth(_message.Message):
    __slots__ = ("name", "state", "detail", "since_ms", "failures")
    NAME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    SINCE_MS_FIELD_NUMBER: _ClassVar[int]
    FAILURES_FIELD_NUMBER: _ClassVar[int]
    name: str
    state: str
    detail: str
    since_ms: int
    failures: int
    def __init__(self, name: _Optional[str] = ..., state: _Optional[str] = ..., detail: _Optional[str] = ..., since_ms: _Optional[int] = ..., failures: _Optional[int] = ...) -> None: ...

class HealthReport(_message.Message):
    __slots__ = ("is_serving", "instance", "components")
    IS_SERVING_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    COMPONENTS_FIELD_NUMBER: _ClassVar[int]
    is_serving: bool
    instance: str
    components: _containers.RepeatedCompositeFieldContainer[ComponentHealth]
    def __init__(self, is_serving: _Optional[bool] = ..., instance: _Optional[str] = ..., components: _Optional[_Iterable[_Union[ComponentHealth, _Mapping]]] = ...) -> None: ...

class ListExecutionsRequest(_message.Message):
    __slots__ = ("state", "kind", "limit", "cursor")
    STATE_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    state: str
    kind: str
    limit: int
    cursor: str
    def __init__(self, state: _Optional[str] = ..., kind: _Optional[str] = ..., limit: _Optional[int] = ..., cursor: _Optional[str] = ...) -> None: ...

class Execution(_message.Message):
    __slots__ = ("id", "kind", "title", "state", "started_ms", "ended_ms", "done", "total", "error")
    ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    STARTED_MS_FIELD_NUMBER: _ClassVar[int]
    ENDED_MS_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    id: str
    kind: str
    title: str
    state: str
    started_ms: int
    ended_ms: int
    done: int
    total: int
    error: str
    def __init__(self, id: _Optional[str] = ..., kind: _Optional[str] = ..., title: _Optional[str] = ..., state: _Optional[str] = ..., started_ms: _Optional[int] = ..., ended_ms: _Optional[int] = ..., done: _Optional[int] = ..., total: _Optional[int] = ..., error: _Optional[str] = ...) -> None: ...

class ExecutionPage(_message.Message):
    __slots__ = ("executions", "next_cursor")
    EXECUTIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_CURSOR_FIELD_NUMBER: _ClassVar[int]
    executions: _containers.RepeatedCompositeFieldContainer[Execution]
    next_cursor: str
    def __init__(self, executions: _Optional[_Iterable[_Union[Execution, _Mapping]]] = ..., next_cursor: _Optional[str] = ...) -> None: ...

class GetExecutionRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class Event(_message.Message):
    __slots__ = ("seq", "time_ms", "topic", "kind", "key", "data_json")
    SEQ_FIELD_NUMBER: _ClassVar[int]
    TIME_MS_FIELD_NUMBER: _ClassVar[int]
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    DATA_JSON_FIELD_NUMBER: _ClassVar[int]
    seq: int
    time_ms: int
    topic: str
    kind: str
    key: str
    data_json: bytes
    def __init__(self, seq: _Optional[int] = ..., time_ms: _Optional[int] = ..., topic: _Optional[str] = ..., kind: _Optional[str] = ..., key: _Optional[str] = ..., data_json: _Optional[bytes] = ...) -> None: ...

class StreamEventsRequest(_message.Message):
    __slots__ = ("epoch", "since", "topics")
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    TOPICS_FIELD_NUMBER: _ClassVar[int]
    epoch: str
    since: int
    topics: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, epoch: _Optional[str] = ..., since: _Optional[int] = ..., topics: _Optional[_Iterable[str]] = ...) -> None: ...

class StreamHello(_message.Message):
    __slots__ = ("epoch", "first_seq", "last_seq", "has_gap", "starts_after")
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    FIRST_SEQ_FIELD_NUMBER: _ClassVar[int]
    LAST_SEQ_FIELD_NUMBER: _ClassVar[int]
    HAS_GAP_FIELD_NUMBER: _ClassVar[int]
    STARTS_AFTER_FIELD_NUMBER: _ClassVar[int]
    epoch: str
    first_seq: int
    last_seq: int
    has_gap: bool
    starts_after: int
    def __init__(self, epoch: _Optional[str] = ..., first_seq: _Optional[int] = ..., last_seq: _Optional[int] = ..., has_gap: _Optional[bool] = ..., starts_after: _Optional[int] = ...) -> None: ...

class EventBatch(_message.Message):
    __slots__ = ("events",)
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[Event]
    def __init__(self, events: _Optional[_Iterable[_Union[Event, _Mapping]]] = ...) -> None: ...

class Heartbeat(_message.Message):
    __slots__ = ("time_ms", "last_seq")
    TIME_MS_FIELD_NUMBER: _ClassVar[int]
    LAST_SEQ_FIELD_NUMBER: _ClassVar[int]
    time_ms: int
    last_seq: int
    def __init__(self, time_ms: _Optional[int] = ..., last_seq: _Optional[int] = ...) -> None: ...

class StreamEventsReply(_message.Message):
    __slots__ = ("hello", "batch", "heartbeat")
    HELLO_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    hello: StreamHello
    batch: EventBatch
    heartbeat: Heartbeat
    def __init__(self, hello: _Optional[_Union[StreamHello, _Mapping]] = ..., batch: _Optional[_Union[EventBatch, _Mapping]] = ..., heartbeat: _Optional[_Union[Heartbeat, _Mapping]] = ...) -> None: ...

class ReportEventRequest(_message.Message):
    __slots__ = ("report_id", "time_ms", "action", "severity", "user_name", "description", "ip_address", "data_json")
    REPORT_ID_FIELD_NUMBER: _ClassVar[int]
    TIME_MS_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    USER_NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    IP_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    DATA_JSON_FIELD_NUMBER: _ClassVar[int]
    report_id: str
    time_ms: int
    action: str
    severity: str
    user_name: str
    description: str
    ip_address: str
    data_json: bytes
    def __init__(self, report_id: _Optional[str] = ..., time_ms: _Optional[int] = ..., action: _Optional[str] = ..., severity: _Optional[str] = ..., user_name: _Optional[str] = ..., description: _Optional[str] = ..., ip_address: _Optional[str] = ..., data_json: _Optional[bytes] = ...) -> None: ...

class ReportEventReply(_message.Message):
    __slots__ = ("is_new",)
    IS_NEW_FIELD_NUMBER: _ClassVar[int]
    is_new: bool
    def __init__(self, is_new: _Optional[bool] = ...) -> None: ...

class ListNodesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Node(_message.Message):
    __slots__ = ("name", "url", "source", "state", "detail", "node_id", "version", "network", "height", "behind", "tip", "peers", "pool_count", "pool_bytes", "clock_offset_ms", "last_seen_ms", "answer_ms")
    NAME_FIELD_NUMBER: _ClassVar[int]
    URL_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    NETWORK_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    BEHIND_FIELD_NUMBER: _ClassVar[int]
    TIP_FIELD_NUMBER: _ClassVar[int]
    PEERS_FIELD_NUMBER: _ClassVar[int]
    POOL_COUNT_FIELD_NUMBER: _ClassVar[int]
    POOL_BYTES_FIELD_NUMBER: _ClassVar[int]
    CLOCK_OFFSET_MS_FIELD_NUMBER: _ClassVar[int]
    LAST_SEEN_MS_FIELD_NUMBER: _ClassVar[int]
    ANSWER_MS_FIELD_NUMBER: _ClassVar[int]
    name: str
    url: str
    source: str
    state: str
    detail: str
    node_id: str
    version: str
    network: str
    height: int
    behind: int
    tip: str
    peers: int
    pool_count: int
    pool_bytes: int
    clock_offset_ms: int
    last_seen_ms: int
    answer_ms: float
    def __init__(self, name: _Optional[str] = ..., url: _Optional[str] = ..., source: _Optional[str] = ..., state: _Optional[str] = ..., detail: _Optional[str] = ..., node_id: _Optional[str] = ..., version: _Optional[str] = ..., network: _Optional[str] = ..., height: _Optional[int] = ..., behind: _Optional[int] = ..., tip: _Optional[str] = ..., peers: _Optional[int] = ..., pool_count: _Optional[int] = ..., pool_bytes: _Optional[int] = ..., clock_offset_ms: _Optional[int] = ..., last_seen_ms: _Optional[int] = ..., answer_ms: _Optional[float] = ...) -> None: ...

class NodeList(_message.Message):
    __slots__ = ("nodes",)
    NODES_FIELD_NUMBER: _ClassVar[int]
    nodes: _containers.RepeatedCompositeFieldContainer[Node]
    def __init__(self, nodes: _Optional[_Iterable[_Union[Node, _Mapping]]] = ...) -> None: ...

class ControlNodeRequest(_message.Message):
    __slots__ = ("node", "action", "peer", "bar_s", "blocks", "pay_to", "url")
    NODE_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    PEER_FIELD_NUMBER: _ClassVar[int]
    BAR_S_FIELD_NUMBER: _ClassVar[int]
    BLOCKS_FIELD_NUMBER: _ClassVar[int]
    PAY_TO_FIELD_NUMBER: _ClassVar[int]
    URL_FIELD_NUMBER: _ClassVar[int]
    node: str
    action: str
    peer: str
    bar_s: int
    blocks: int
    pay_to: str
    url: str
    def __init__(self, node: _Optional[str] = ..., action: _Optional[str] = ..., peer: _Optional[str] = ..., bar_s: _Optional[int] = ..., blocks: _Optional[int] = ..., pay_to: _Optional[str] = ..., url: _Optional[str] = ...) -> None: ...

class ControlNodeReply(_message.Message):
    __slots__ = ("node", "action", "detail", "hashes")
    NODE_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    HASHES_FIELD_NUMBER: _ClassVar[int]
    node: str
    action: str
    detail: str
    hashes: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, node: _Optional[str] = ..., action: _Optional[str] = ..., detail: _Optional[str] = ..., hashes: _Optional[_Iterable[str]] = ...) -> None: ...

class FindTransactionRequest(_message.Message):
    __slots__ = ("id", "with_proof")
    ID_FIELD_NUMBER: _ClassVar[int]
    WITH_PROOF_FIELD_NUMBER: _ClassVar[int]
    id: str
    with_proof: bool
    def __init__(self, id: _Optional[str] = ..., with_proof: _Optional[bool] = ...) -> None: ...

class FoundTransaction(_message.Message):
    __slots__ = ("node", "status", "state_json")
    NODE_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    STATE_JSON_FIELD_NUMBER: _ClassVar[int]
    node: str
    status: str
    state_json: bytes
    def __init__(self, node: _Optional[str] = ..., status: _Optional[str] = ..., state_json: _Optional[bytes] = ...) -> None: ...

class GetSnapshotRequest(_message.Message):
    __slots__ = ("topics",)
    TOPICS_FIELD_NUMBER: _ClassVar[int]
    topics: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, topics: _Optional[_Iterable[str]] = ...) -> None: ...

class Snapshot(_message.Message):
    __slots__ = ("epoch", "seq", "events")
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    epoch: str
    seq: int
    events: _containers.RepeatedCompositeFieldContainer[Event]
    def __init__(self, epoch: _Optional[str] = ..., seq: _Optional[int] = ..., events: _Optional[_Iterable[_Union[Event, _Mapping]]] = ...) -> None: ...

class GetStateRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Part(_message.Message):
    __slots__ = ("name", "kind", "state", "pid", "since_ms", "restarts", "reason", "address")
    NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    SINCE_MS_FIELD_NUMBER: _ClassVar[int]
    RESTARTS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    name: str
    kind: str
    state: str
    pid: int
    since_ms: int
    restarts: int
    reason: str
    address: str
    def __init__(self, name: _Optional[str] = ..., kind: _Optional[str] = ..., state: _Optional[str] = ..., pid: _Optional[int] = ..., since_ms: _Optional[int] = ..., restarts: _Optional[int] = ..., reason: _Optional[str] = ..., address: _Optional[str] = ...) -> None: ...

class SupervisorState(_message.Message):
    __slots__ = ("instance", "started_at_ms", "parts")
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_MS_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    instance: str
    started_at_ms: int
    parts: _containers.RepeatedCompositeFieldContainer[Part]
    def __init__(self, instance: _Optional[str] = ..., started_at_ms: _Optional[int] = ..., parts: _Optional[_Iterable[_Union[Part, _Mapping]]] = ...) -> None: ...

class PartRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class PartReply(_message.Message):
    __slots__ = ("part",)
    PART_FIELD_NUMBER: _ClassVar[int]
    part: Part
    def __init__(self, part: _Optional[_Union[Part, _Mapping]] = ...) -> None: ...

class AddNodeRequest(_message.Message):
    __slots__ = ("name", "api_port", "p2p_port")
    NAME_FIELD_NUMBER: _ClassVar[int]
    API_PORT_FIELD_NUMBER: _ClassVar[int]
    P2P_PORT_FIELD_NUMBER: _ClassVar[int]
    name: str
    api_port: int
    p2p_port: int
    def __init__(self, name: _Optional[str] = ..., api_port: _Optional[int] = ..., p2p_port: _Optional[int] = ...) -> None: ...

class ShutdownRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ShutdownReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class StreamNotificationsRequest(_message.Message):
    __slots__ = ("since",)
    SINCE_FIELD_NUMBER: _ClassVar[int]
    since: int
    def __init__(self, since: _Optional[int] = ...) -> None: ...

class Notification(_message.Message):
    __slots__ = ("seq", "time_ms", "level", "part", "message")
    SEQ_FIELD_NUMBER: _ClassVar[int]
    TIME_MS_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    PART_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    seq: int
    time_ms: int
    level: str
    part: str
    message: str
    def __init__(self, seq: _Optional[int] = ..., time_ms: _Optional[int] = ..., level: _Optional[str] = ..., part: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...
