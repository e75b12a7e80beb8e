"""How things stand: nodes, network, system, jobs."""

from __future__ import annotations

from typing import Any

import msgspec

from chaindeck.records.bulk import moment, time_ms_of
from chaindeck.records.models import Execution, NetworkStat, Node, SystemStatus
from chaindeck.records.rows import execution_row, node_row
from chaindeck.records.selectors.paging import check_limit, read_cursor
from chaindeck.records.types import Page

_NETWORK_COLUMNS = (
    *("total_nodes", "network_height", "tx_count", "hash_rate", "tx_rate", "blocks_per_minute"),
    *("propagation_ms", "forks", "pool_count"),
)


def nodes_all() -> list[dict[str, Any]]:
    return [node_row(node) for node in Node.objects.order_by("name")]


def node_find(name: str) -> dict[str, Any] | None:
    node = Node.objects.filter(name=name).first()
    return None if node is None else node_row(node)


def network_series(*, from_ms: int, to_ms: int, limit: int = 1_000) -> list[dict[str, Any]]:
    """Return measurements of the network, the oldest first."""
    check_limit(limit)
    found = NetworkStat.objects.filter(
        timestamp__gte=moment(from_ms), timestamp__lt=moment(to_ms)
    ).order_by("-timestamp")
    # Values and no objects: an hour has 720 rows, and the first page draws all of them.
    values = found.values_list("timestamp", *_NETWORK_COLUMNS)[:limit]
    rows = [
        {"time_ms": time_ms_of(at), **dict(zip(_NETWORK_COLUMNS, row, strict=True))}
        for at, *row in values
    ]
    return rows[::-1]


def status_find() -> dict[str, Any] | None:
    """Return how the whole stands, None before anybody said."""
    row = SystemStatus.objects.first()
    if row is None:
        return None
    return {
        "node_status": row.node_status,
        "coordinator_status": row.coordinator_status,
        "last_updated_ms": time_ms_of(row.last_updated),
        "data": msgspec.json.decode(row.data),
    }


def executions_page(
    *, kind: str | None = None, state: str | None = None, cursor: str | None = None, limit: int = 25
) -> Page:
    """Return jobs, the newest first. Raises `CursorInvalid`."""
    check_limit(limit)
    mark = read_cursor(cursor)
    given = {"kind": kind, "state": state}
    found = Execution.objects.filter(**{name: value for name, value in given.items() if value})
    if mark is not None:
        found = found.filter(started__lt=moment(mark[0]))
    rows = [execution_row(row) for row in found.order_by("-started", "-id")[: limit + 1]]
    more = str(rows[limit - 1]["started_ms"]) if len(rows) > limit else None
    return Page(rows[:limit], more)


def execution_find(execution_id: str) -> dict[str, Any] | None:
    row = Execution.objects.filter(id=execution_id).first()
    return None if row is None else execution_row(row)
