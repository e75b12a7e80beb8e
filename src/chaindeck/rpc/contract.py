"""Each method of the contract: its right, its deadline, its forms, whether it may be asked twice.

A method that has no line here is refused by every server, whoever asks; a test holds this table
against the descriptors of the services.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from chaindeck.rpc import forms
from chaindeck.rpc.generated import chaindeck_pb2
from chaindeck.rpc.limits import CALL_DEADLINE_S, CONTROL_DEADLINE_S, MAX_DEADLINE_S

Right = Literal["read", "report", "control"]
ALL_RIGHTS: frozenset[Right] = frozenset({"read", "report", "control"})
COORDINATOR = "chaindeck.v1.Coordinator"
SUPERVISOR = "chaindeck.v1.Supervisor"


class Method(msgspec.Struct, frozen=True, kw_only=True):
    """One method."""

    path: str
    right: Right
    request: type[forms.Form]
    reply: type[forms.Form]
    handler: str
    """The name of the desk's method that answers."""

    deadline_s: float = CALL_DEADLINE_S
    is_idempotent: bool = True
    is_stream: bool = False

    def request_class(self) -> type[Message]:
        return GetMessageClass(_descriptor(self.path).input_type)

    def reply_class(self) -> type[Message]:
        return GetMessageClass(_descriptor(self.path).output_type)


def _read(service: str, name: str, handler: str, *shapes: type[forms.Form]) -> Method:
    request, reply = shapes
    path = f"/{service}/{name}"
    return Method(path=path, right="read", request=request, reply=reply, handler=handler)


def _stream(service: str, name: str, handler: str, *shapes: type[forms.Form]) -> Method:
    return msgspec.structs.replace(_read(service, name, handler, *shapes), is_stream=True)


def _control(service: str, name: str, handler: str, *shapes: type[forms.Form]) -> Method:
    return msgspec.structs.replace(
        _read(service, name, handler, *shapes),
        right="control",
        deadline_s=CONTROL_DEADLINE_S,
        is_idempotent=False,
    )


_REPORT = Method(
    path=f"/{COORDINATOR}/ReportEvent",
    right="report",
    request=forms.ReportEventRequest,
    reply=forms.ReportEventReply,
    handler="report_event",
)
"""Asked twice without harm: the coordinator knows a report by its id."""

_COORDINATOR = (
    _read(COORDINATOR, "GetSystemStats", "get_system_stats", forms.Nothing, forms.SystemStats),
    _read(COORDINATOR, "HealthCheck", "health_check", forms.HealthCheckRequest, forms.HealthReport),
    _read(
        COORDINATOR,
        "ListExecutions",
        "list_executions",
        forms.ListExecutionsRequest,
        forms.ExecutionPage,
    ),
    _read(COORDINATOR, "GetExecution", "get_execution", forms.GetExecutionRequest, forms.Execution),
    _stream(
        COORDINATOR,
        "StreamEvents",
        "stream_events",
        forms.StreamEventsRequest,
        forms.StreamEventsReply,
    ),
    _REPORT,
    _read(COORDINATOR, "ListNodes", "list_nodes", forms.Nothing, forms.NodeList),
    _control(
        COORDINATOR,
        "ControlNode",
        "control_node",
        forms.ControlNodeRequest,
        forms.ControlNodeReply,
    ),
    _read(
        COORDINATOR,
        "FindTransaction",
        "find_transaction",
        forms.FindTransactionRequest,
        forms.FoundTransaction,
    ),
    _read(COORDINATOR, "GetSnapshot", "get_snapshot", forms.GetSnapshotRequest, forms.Snapshot),
)
_SUPERVISOR = (
    _read(SUPERVISOR, "GetState", "get_state", forms.Nothing, forms.SupervisorState),
    _control(SUPERVISOR, "StartPart", "start_part", forms.PartRequest, forms.PartReply),
    _control(SUPERVISOR, "StopPart", "stop_part", forms.PartRequest, forms.PartReply),
    _control(SUPERVISOR, "RestartPart", "restart_part", forms.PartRequest, forms.PartReply),
    _control(SUPERVISOR, "AddNode", "add_node", forms.AddNodeRequest, forms.PartReply),
    _control(SUPERVISOR, "RemoveNode", "remove_node", forms.PartRequest, forms.PartReply),
    _control(SUPERVISOR, "Shutdown", "shutdown", forms.Nothing, forms.Nothing),
    _stream(
        SUPERVISOR,
        "StreamNotifications",
        "stream_notifications",
        forms.StreamNotificationsRequest,
        forms.Notification,
    ),
)

METHODS: dict[str, Method] = {method.path: method for method in (*_COORDINATOR, *_SUPERVISOR)}
RIGHTS: dict[str, Right] = {
    **{path: method.right for path, method in METHODS.items()},
    "/grpc.health.v1.Health/Check": "read",
    "/grpc.health.v1.Health/List": "read",
    "/grpc.health.v1.Health/Watch": "read",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": "read",
}
"""The table of rights, with those of the standard services."""


def deadline_cap_s(path: str) -> float:
    """Return how long a server works on one call, whatever its client would wait."""
    method = METHODS.get(path)
    return min(MAX_DEADLINE_S, method.deadline_s * 2) if method else CALL_DEADLINE_S


def _descriptor(path: str) -> MethodDescriptor:
    service, name = path.rsplit(".", 1)[1].split("/")
    return chaindeck_pb2.DESCRIPTOR.services_by_name[service].methods_by_name[name]
