"""The node's figures in the text format of Prometheus."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import get_args

from chaindeck.node.api.context import Context
from chaindeck.node.api.forms import NoQuery
from chaindeck.node.api.meters import LATENCY_BUCKETS_S, Latency, cpu_s, memory_bytes
from chaindeck.node.api.peer_forms import SyncState
from chaindeck.node.api.requests import Request, Response
from chaindeck.node.api.standing import program_version

_CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
Labels = Mapping[str, str | int | float]


async def get_metrics(context: Context, request: Request) -> Response:
    request.query(NoQuery)
    parts = (_chain, _mining, _network, _pool, _requests, _process)
    lines = [line for part in parts for line in part(context)]
    return Response(("\n".join(lines) + "\n").encode(), content_type=_CONTENT_TYPE)


def _family(name: str, kind: str, about: str, *samples: tuple[Labels, float]) -> Iterator[str]:
    yield f"# HELP {name} {about}"
    yield f"# TYPE {name} {kind}"
    for labels, value in samples:
        yield _sample(name, labels, value)


def _sample(name: str, labels: Labels, value: float) -> str:
    shown = ",".join(f'{key}="{_escape(str(text))}"' for key, text in labels.items())
    return f"{name}{{{shown}}} {value}" if shown else f"{name} {value}"


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _chain(context: Context) -> Iterator[str]:
    service = context.service
    tip = service.tip.header
    build = {"version": program_version(), "network": context.network.genesis.name}
    best = service.state.tree.best_header().header.height
    yield from _family("chaindeck_build_info", "gauge", "What runs.", (build, 1))
    yield from _family("chaindeck_height", "gauge", "Height of the tip.", ({}, tip.height))
    yield from _family("chaindeck_best_header_height", "gauge", "Best known header.", ({}, best))
    yield from _family(
        "chaindeck_tip_time_seconds", "gauge", "Of the tip.", ({}, tip.time_ms / 1e3)
    )
    readers = service.feed.reader_count
    yield from _family("chaindeck_feed_readers", "gauge", "WebSockets.", ({}, readers))
    events = service.feed.sequence
    yield from _family("chaindeck_feed_events_total", "counter", "Events.", ({}, events))

    observer = context.observer
    undone, deep = observer.reorganisations, observer.deep_reorganisations
    yield from _family("chaindeck_reorganisations_total", "counter", "Seen.", ({}, undone))
    yield from _family(
        "chaindeck_deep_reorganisations_total", "counter", "Of those, deep.", ({}, deep)
    )
    parked = len(observer.parked())
    yield from _family("chaindeck_parked_branches", "gauge", "They wait.", ({}, parked))
    disputes = service.state.checkpoints.conflict is not None
    yield from _family("chaindeck_checkpoint_conflict", "gauge", "1: yes.", ({}, int(disputes)))


def _mining(context: Context) -> Iterator[str]:
    rate = context.miner.hash_rate() if context.miner else 0.0
    yield from _family("chaindeck_hashes_per_second", "gauge", "Tried here.", ({}, rate))


def _network(context: Context) -> Iterator[str]:
    peering = context.peering
    if peering is None:
        return
    peers = peering.summary()
    linked: list[tuple[Labels, float]] = [
        ({"direction": "inbound"}, peers.inbound),
        ({"direction": "outbound"}, peers.outbound),
    ]
    yield from _family("chaindeck_peers", "gauge", "Linked.", *linked)
    yield from _family("chaindeck_known_addresses", "gauge", "In the book.", ({}, peers.known))
    yield from _family("chaindeck_bars", "gauge", "In force.", ({}, len(peering.bars())))
    state = peering.sync_state()
    states: list[tuple[Labels, float]] = [
        ({"state": name}, int(name == state)) for name in get_args(SyncState)
    ]
    yield from _family("chaindeck_sync_state", "gauge", "1 at what holds.", *states)


def _pool(context: Context) -> Iterator[str]:
    totals, meters = context.pool_totals(), context.meters
    yield from _family("chaindeck_pool_transactions", "gauge", "Waiting.", ({}, totals.count))
    yield from _family("chaindeck_pool_bytes", "gauge", "Waiting.", ({}, totals.bytes))
    yield from _family("chaindeck_pool_floor_per_kb", "gauge", "Fee.", ({}, totals.floor_per_kb))
    accepted = meters.accepted
    yield from _family(
        "chaindeck_payments_accepted_total", "counter", "Over the API.", ({}, accepted)
    )
    rejected: list[tuple[Labels, float]] = [
        ({"code": code}, count) for code, count in sorted(meters.rejected.items())
    ]
    yield from _family("chaindeck_payments_rejected_total", "counter", "Over the API.", *rejected)


def _requests(context: Context) -> Iterator[str]:
    meters = context.meters
    samples: list[tuple[Labels, float]] = [
        ({"route": route, "status": status}, count)
        for (route, status), count in sorted(meters.requests.items())
    ]
    yield from _family("chaindeck_requests_total", "counter", "By route and status.", *samples)
    name = "chaindeck_request_seconds"
    yield from _family(name, "histogram", "Time to answer.")
    for route, latency in sorted(meters.latencies.items()):
        yield from _histogram(name, route, latency)


def _histogram(name: str, route: str, latency: Latency) -> Iterator[str]:
    bounds = [*(str(bound) for bound in LATENCY_BUCKETS_S), "+Inf"]
    totals = list(accumulate(latency.buckets))
    for bound, total in zip(bounds, totals, strict=True):
        yield _sample(f"{name}_bucket", {"route": route, "le": bound}, total)
    yield _sample(f"{name}_sum", {"route": route}, latency.total_s)
    yield _sample(f"{name}_count", {"route": route}, totals[-1])


def _process(context: Context) -> Iterator[str]:
    memory = memory_bytes()
    yield from _family("process_resident_memory_bytes", "gauge", "Held.", ({}, memory))
    yield from _family("process_cpu_seconds_total", "counter", "Used.", ({}, cpu_s()))
    yield from _family("chaindeck_uptime_seconds", "gauge", "Of the API.", ({}, context.uptime_s))
