"""Where the node stands: status, live figures, health."""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from typing import Literal

from chaindeck.ledger.ports import Entry
from chaindeck.node.api.context import Context
from chaindeck.node.api.forms import NoQuery
from chaindeck.node.api.meters import cpu_s, memory_bytes
from chaindeck.node.api.peers import summary_of
from chaindeck.node.api.requests import Request, Response, answer
from chaindeck.node.api.standing_forms import (
    HealthAnswer,
    Intervals,
    NetworkView,
    Propagation,
    StatsAnswer,
    StatusAnswer,
    SyncView,
)
from chaindeck.node.limits import STATS_WINDOW_BLOCKS


async def get_status(context: Context, request: Request) -> Response:
    request.query(NoQuery)
    service = context.service
    tip = service.tip
    return answer(
        StatusAnswer(
            node_id=service.instance_id,
            version=program_version(),
            network=_network_view(context),
            profile=_profile(context),
            height=tip.header.height,
            tip=tip.header.hash.hex(),
            tip_time_ms=tip.header.time_ms,
            work=str(tip.work),
            mempool=context.pool_totals(),
            sync=_sync_view(context),
            peers=summary_of(context),
            time_ms=service.clock.now_ms(),
            started_ms=service.started_ms,
            uptime_s=context.uptime_s,
            clock_offset_ms=_clock_offset_ms(context),
            warnings=_warnings(context),
        )
    )


async def get_stats(context: Context, request: Request) -> Response:
    request.query(NoQuery)
    service = context.service
    window = service.state.tree.window(service.tip, STATS_WINDOW_BLOCKS + 1)
    if window[0].header.height == 0:
        # Its time is when the network was described, not when it started.
        window = window[1:]
    span_s = _span_s(window)
    return answer(
        StatsAnswer(
            time_ms=service.clock.now_ms(),
            height=service.tip.header.height,
            window_blocks=max(0, len(window) - 1),
            blocks_per_minute=_rate(60 * (len(window) - 1), span_s),
            transactions_per_s=_rate(sum(entry.header.tx_count for entry in window[1:]), span_s),
            network_hashes_per_s=_rate(window[-1].work - window[0].work if window else 0, span_s),
            own_hashes_per_s=context.miner.hash_rate() if context.miner else None,
            intervals=_intervals(context, window),
            propagation=_propagation(context),
            mempool=context.pool_totals(),
            feed_readers=service.feed.reader_count,
            feed_sequence=service.feed.sequence,
            memory_bytes=memory_bytes(),
            cpu_s=cpu_s(),
            uptime_s=context.uptime_s,
        )
    )


async def get_health(context: Context, request: Request) -> Response:
    request.query(NoQuery)
    service = context.service
    height = service.tip.header.height
    return answer(
        HealthAnswer(ok=True, instance_id=service.instance_id, pid=os.getpid(), height=height)
    )


@cache
def program_version() -> str:
    return version("chaindeck")


def _network_view(context: Context) -> NetworkView:
    genesis = context.network.genesis
    return NetworkView(
        name=genesis.name,
        id=context.network.id.hex(),
        address_prefix=genesis.address_prefix,
        maturity=genesis.maturity,
        max_block_bytes=genesis.max_block_bytes,
        block_interval_ms=genesis.block_interval_ms,
    )


def _profile(context: Context) -> Literal["dev", "local", "consortium"]:
    if context.dev is not None:
        return "dev"
    return "consortium" if context.network.miners else "local"


def _sync_view(context: Context) -> SyncView:
    best = context.service.state.tree.best_header().header.height
    return SyncView(context.peering.sync_state() if context.peering else "current", best)


def _clock_offset_ms(context: Context) -> int | None:
    return context.peering.clock_offset_ms() if context.peering else None


def _warnings(context: Context) -> list[str]:
    warnings = []
    if context.dev is not None:
        warnings.append("This is a development chain: its coins are worth nothing.")
        if context.dev.clock.is_frozen:
            warnings.append("The clock stands still.")
    if context.peering is not None:
        warnings += context.peering.warnings()
    if context.miner is not None:
        warnings += context.miner.warnings()
    return warnings + context.observer.warnings()


def _span_s(window: Sequence[Entry]) -> float:
    return (window[-1].header.time_ms - window[0].header.time_ms) / 1000 if window else 0.0


def _rate(count: int, span_s: float) -> float | None:
    return count / span_s if span_s else None


def _propagation(context: Context) -> Propagation | None:
    ages = context.observer.ages()
    return None if ages is None else Propagation(*ages)


def _intervals(context: Context, window: Sequence[Entry]) -> Intervals | None:
    if len(window) < 2:
        return None
    times = [entry.header.time_ms for entry in window]
    steps = [after - before for before, after in itertools.pairwise(times)]
    return Intervals(
        target_ms=context.network.genesis.block_interval_ms,
        mean_ms=sum(steps) / len(steps),
        shortest_ms=min(steps),
        longest_ms=max(steps),
        latest_ms=steps[-1],
    )
