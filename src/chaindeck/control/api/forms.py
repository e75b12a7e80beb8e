"""What programs send and get, as frozen values. Times are Unix milliseconds, or else text."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from chaindeck.control.limits import API_MAX_PAGE_ROWS, API_PAGE_ROWS
from chaindeck.rpc.forms import Execution

_LAST_MS = 253_402_300_799_999
"""The end of the year 9999, as far as calendars go."""

Moment = Annotated[int, msgspec.Meta(ge=0, le=_LAST_MS)]
Word = Annotated[str, msgspec.Meta(max_length=150)]
Rows = Annotated[int, msgspec.Meta(ge=1, le=API_MAX_PAGE_ROWS)]
# One that any SQL database can look for.
RowId = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]


class Question(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of a query, or a body."""


class NoQuestion(Question, frozen=True):
    """No parameters."""


class ActivityQuestion(Question, frozen=True):
    """Which lines of the activity log."""

    severity: Literal["info", "warning", "error", "critical"] | None = None
    action: Word | None = None
    user: Word | None = None
    from_ms: Moment | None = msgspec.field(default=None, name="from")
    to_ms: Moment | None = msgspec.field(default=None, name="to")
    cursor: Word | None = None
    limit: Rows = API_PAGE_ROWS


class NodeOrder(Question, frozen=True):
    """What shall be done with a node, or about its peers."""

    action: Literal[
        "add_peer", "drop_peer", "bar", "mine", "start", "stop", "restart", "add", "remove"
    ]
    peer: Word = ""
    bar_s: Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)] = 0
    blocks: Annotated[int, msgspec.Meta(ge=0, le=1_000)] = 0
    pay_to: Word = ""
    url: Annotated[str, msgspec.Meta(max_length=500)] = ""


class NewToken(Question, frozen=True):
    """A token to be made; without `days` it lasts for ever."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
    scope: Literal["read", "operate", "admin"]
    days: Annotated[int, msgspec.Meta(ge=1, le=3_650)] | None = None


class HealthAnswer(msgspec.Struct, frozen=True):
    """This process answers, and which one it is."""

    ok: bool
    instance: str
    pid: int


class NodeRow(msgspec.Struct, frozen=True):
    """One node as it was seen last."""

    name: str
    node_id: str
    url: str
    ip_address: str
    port: int
    last_seen_ms: int | None
    height: int
    tip: str
    is_active: bool
    is_ours: bool
    state: str
    version: str
    peers: int
    pool_count: int
    clock_offset_ms: int | None = None
    """How far its clock is ahead of the coordinator's."""


class NodesAnswer(msgspec.Struct, frozen=True):
    """All nodes, by name."""

    nodes: list[NodeRow]


class CoordinatorStanding(msgspec.Struct, frozen=True):
    """Whether the coordinator answers. `pid` is that of a coordinator on this machine."""

    running: bool
    pid: int | None = None
    uptime: float | None = None
    """Seconds."""

    components: dict[str, str] = {}
    problems: dict[str, str] = {}
    """Why each component that is sick is."""


class RoomStanding(msgspec.Struct, frozen=True):
    """A part of Chaindeck that is not in use here."""

    state: Literal["not_set_up"] = "not_set_up"
    message: str = "not set up yet"


class ChainStanding(msgspec.Struct, frozen=True):
    """How far a chain is indexed."""

    network_id: str
    height: int
    tip: str
    problem: str | None = None
    """Why it is not followed, as far as the coordinator says so."""


class StatusAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """How everything stands."""

    node_status: str
    nodes: list[NodeRow]
    coordinator: CoordinatorStanding
    security: RoomStanding
    files: RoomStanding
    pipelines: RoomStanding
    chains: list[ChainStanding]
    last_updated: str | None
    """When the nodes were last looked at, in UTC; null before that."""


class StatFigures(msgspec.Struct, frozen=True):
    """Counts and loads; the rate from 0 to 1, loads in percent, the uptime in seconds."""

    active_pipelines: int = 0
    total_executions: int = 0
    success_rate: float = 0.0
    cpu_usage: float = 0.0
    memory_usage: float = 0.0
    uptime: float = 0.0


class StatsAnswer(msgspec.Struct, frozen=True, omit_defaults=False):
    """Figures of the whole; with `error`, and zeros, while the coordinator is away."""

    stats: StatFigures
    health: Literal["healthy", "degraded", "unknown"]
    recent_executions: tuple[Execution, ...] = ()
    error: str | None = None


class ActivityRow(msgspec.Struct, frozen=True):
    """One line of the activity log."""

    id: int
    time_ms: int
    severity: str
    action: str
    user: str
    description: str
    ip_address: str
    source: str


class ActivityAnswer(msgspec.Struct, frozen=True):
    """The newest first; `cursor` asks for the next page, null on the last."""

    activities: list[ActivityRow]
    cursor: str | None


class OrderAnswer(msgspec.Struct, frozen=True):
    """What an order came to."""

    node: str
    action: str
    detail: str
    hashes: tuple[str, ...]


class TokenRow(msgspec.Struct, frozen=True):
    """A token, without what makes it one."""

    id: int
    name: str
    owner: str
    scopes: list[str]
    created_ms: int
    last_used_ms: int | None
    expires_ms: int | None


class TokensAnswer(msgspec.Struct, frozen=True):
    """The newest first: one's own, or those of all for an admin."""

    tokens: list[TokenRow]


class TokenMade(msgspec.Struct, frozen=True):
    """A new token; `token` is shown only now."""

    id: int
    token: str


class Done(msgspec.Struct, frozen=True):
    """It is done."""

    ok: bool = True
