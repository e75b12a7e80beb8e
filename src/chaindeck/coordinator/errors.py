"""What can go wrong in the coordinator.

CoordinatorError
|- SettingInvalid       a variable says something that cannot be
|- RecordsAway          the environment: the database does not answer now
|- RedisAway            the environment: Redis does not answer now
|- TopicUnknown         events of a topic that there is none of
|- SlowReader           a reader that lost its place; it comes back with its last number
|- Stopping             the coordinator is about to end
|- NodeUnknown          an order about a node that is not watched
|- NodeAway             the node does not answer
|- SupervisorAway       who keeps the processes does not answer
|- OrderInvalid         an order that makes no sense
|- OrderRefused         a node's own no
|- ExecutionUnknown     a job that is not there
|- NoNodeAnswers        the environment: there is nobody to follow
|- BlocksPruned         the nodes that answer gave up the blocks that come next
`- ReportInvalid        a report that cannot be taken down
"""

from __future__ import annotations

from typing import ClassVar

from chaindeck.ledger.errors import CodedError


class CoordinatorError(CodedError):
    """Base of all. Raised with the values that its message names."""

    grpc_status: ClassVar[str] = "FAILED_PRECONDITION"


class SettingInvalid(CoordinatorError):
    code = "coordinator-setting"
    message = "{variable}: {reason}; for example {variable}={example}"


class RecordsAway(CoordinatorError):
    code = "coordinator-records-away"
    message = "the records cannot be used now: {reason}"
    grpc_status = "UNAVAILABLE"


class RedisAway(CoordinatorError):
    code = "coordinator-redis-away"
    message = "Redis does not take events now: {reason}"
    grpc_status = "UNAVAILABLE"


class TopicUnknown(CoordinatorError):
    code = "events-topic"
    message = "there is no topic {topic!r}; there are {topics}"
    grpc_status = "INVALID_ARGUMENT"


class SlowReader(CoordinatorError):
    code = "events-slow"
    message = "this reader fell behind event {seq}; it may come back and go on after {place}"
    grpc_status = "RESOURCE_EXHAUSTED"


class Stopping(CoordinatorError):
    code = "coordinator-stopping"
    message = "the coordinator is about to end; try again in a moment"
    grpc_status = "UNAVAILABLE"


class NodeUnknown(CoordinatorError):
    code = "coordinator-node"
    message = "no node {name!r} is watched; there are {names}"
    grpc_status = "NOT_FOUND"


class NodeAway(CoordinatorError):
    code = "coordinator-node-away"
    message = "the node {name} does not answer: {reason}"
    grpc_status = "UNAVAILABLE"


class SupervisorAway(CoordinatorError):
    code = "coordinator-supervisor-away"
    message = (
        "the supervisor does not answer, and nothing was done: {reason}; `chaindeck up` starts it,"
        " and `chaindeck up --restart` replaces one that hangs"
    )
    grpc_status = "UNAVAILABLE"


class OrderInvalid(CoordinatorError):
    code = "coordinator-order"
    message = "{reason}"
    grpc_status = "INVALID_ARGUMENT"


class OrderRefused(CoordinatorError):
    code = "coordinator-order-refused"
    message = "the node {name} says no: {reason} ({node_code})"


class ExecutionUnknown(CoordinatorError):
    code = "coordinator-execution"
    message = "there is no job {id!r}"
    grpc_status = "NOT_FOUND"


class NoNodeAnswers(CoordinatorError):
    code = "coordinator-no-node"
    message = "none of the nodes that are watched answers; start one, or wait until one is back"
    grpc_status = "UNAVAILABLE"


class BlocksPruned(CoordinatorError):
    code = "coordinator-blocks-pruned"
    message = (
        "the nodes that answer have given up block {height}, which comes next; watch a node that"
        " keeps all blocks, or reset the index"
    )


class ReportInvalid(CoordinatorError):
    code = "coordinator-report"
    message = "{reason}"
    grpc_status = "INVALID_ARGUMENT"
