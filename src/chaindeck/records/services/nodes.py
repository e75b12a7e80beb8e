"""The nodes that are known, and what the network as a whole was measured at."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from chaindeck.records.bulk import moment, now_ms
from chaindeck.records.limits import NETWORK_STATS_KEPT_S, PRUNE_ROWS
from chaindeck.records.models import NetworkStat, Node
from chaindeck.records.rows import node_row
from chaindeck.records.services.events import events_append
from chaindeck.records.types import EventDraft

_QUIET = frozenset({"last_seen_ms", "clock_offset_ms"})
"""What changes with every look and is told only together with something else."""


def node_update(*, name: str, seen_ms: int | None = None, **values: Any) -> dict[str, Any]:  # noqa: ANN401 - columns of several types
    """Note how a node stands, a new one too; tell of it if anything but the time changed.

    `values` are columns of `nodes`: node_id, ip_address, port, url, chain_height, is_active,
    tip_hash, version, peers, pool_count, clock_offset_ms, state, is_ours.
    """
    with transaction.atomic():
        node = Node.objects.select_for_update().filter(name=name).first()
        before = None if node is None else node_row(node)
        node = node or _blank(name)
        unknown = set(values) - {field.name for field in Node._meta.concrete_fields}  # noqa: SLF001 - Django's own way
        assert not unknown, f"nodes have no {unknown}"
        for column, value in values.items():
            setattr(node, column, value)
        if seen_ms is not None:
            node.last_seen = moment(seen_ms)
        node.save()
        row = node_row(node)
        if before is None:
            events_append(drafts=[EventDraft("node", "added", name, row)])
        elif _told(before) != _told(row):
            events_append(drafts=[EventDraft("node", "changed", name, row)])
        return row


def node_remove(*, name: str) -> bool:
    """Forget a node; return whether it was known."""
    with transaction.atomic():
        node = Node.objects.filter(name=name).first()
        if node is None:
            return False
        row = node_row(node)
        node.delete()
        events_append(drafts=[EventDraft("node", "removed", name, row)])
        return True


def network_measure(
    *,
    total_nodes: int,
    network_height: int,
    tx_count: int,
    forks: int = 0,
    pool_count: int = 0,
    time_ms: int | None = None,
    **rates: float | None,
) -> None:
    """Keep one measurement of the network and tell of it.

    `rates` are hash_rate, tx_rate, blocks_per_minute and propagation_ms, None where not known.
    """
    now = now_ms() if time_ms is None else time_ms
    figures: dict[str, Any] = {
        "total_nodes": total_nodes,
        "network_height": network_height,
        "tx_count": tx_count,
        "forks": forks,
        "pool_count": pool_count,
        **rates,
    }
    with transaction.atomic():
        NetworkStat.objects.create(timestamp=moment(now), **figures)
        data = {"time_ms": now, **figures}
        events_append(drafts=[EventDraft("network", "stats", "network", data)])


def network_prune(*, time_ms: int | None = None) -> int:
    """Forget measurements of the network that are too old, some at a time; return how many."""
    now = now_ms() if time_ms is None else time_ms
    limit = moment(now - NETWORK_STATS_KEPT_S * 1000)
    with transaction.atomic():
        old = NetworkStat.objects.filter(timestamp__lt=limit).order_by("timestamp")
        keys = list(old.values_list("pk", flat=True)[:PRUNE_ROWS])
        return NetworkStat.objects.filter(pk__in=keys).delete()[0]


def _blank(name: str) -> Node:
    return Node(
        name=name,
        node_id="",
        ip_address="127.0.0.1",
        port=0,
        url="",
        chain_height=-1,
        is_active=False,
        tip_hash="",
        version="",
        peers=0,
        pool_count=0,
        state="unknown",
        is_ours=False,
    )


def _told(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in _QUIET}
