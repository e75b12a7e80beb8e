"""How everything stands, gathered from records and from the coordinator, which may be away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from pathlib import Path
from typing import Literal, TypeVar

import msgspec
from django.conf import settings

from chaindeck.control import wiring
from chaindeck.control.api.forms import (
    ChainStanding,
    CoordinatorStanding,
    NodeRow,
    RoomStanding,
    StatFigures,
    StatsAnswer,
    StatusAnswer,
)
from chaindeck.control.limits import RECENT_EXECUTIONS, STATS_DEADLINE_S
from chaindeck.records.bulk import moment
from chaindeck.records.selectors.chain import chain_place
from chaindeck.records.selectors.standing import nodes_all, status_find
from chaindeck.rpc.client import CoordinatorClient
from chaindeck.rpc.errors import RpcError
from chaindeck.rpc.forms import ExecutionPage, SystemStats
from chaindeck.store.atomic import read_json
from chaindeck.store.errors import StoreError

T = TypeVar("T")


class _Running(msgspec.Struct, frozen=True):
    """What a part's `running.json` says of it, as far as it matters here."""

    pid: int
    instance: str


_RUNNING = msgspec.json.Decoder(_Running)


def status() -> StatusAnswer:
    """Return what `/api/status/` says. In a thread; waits for the coordinator, but not for long."""
    try:
        stats = wiring.ask(lambda client: within(client.get_system_stats()))
    except (RpcError, TimeoutError):
        stats = None
    return status_with(stats)


def status_with(stats: SystemStats | None) -> StatusAnswer:
    found = status_find()
    coordinator = _coordinator(stats)
    return StatusAnswer(
        # Nobody watches nodes while the coordinator is away; rows say how they were seen last.
        node_status=found["node_status"] if found and coordinator.running else "unknown",
        nodes=msgspec.convert(nodes_all(), list[NodeRow]),
        coordinator=coordinator,
        security=RoomStanding(),
        files=RoomStanding(),
        pipelines=RoomStanding(),
        chains=_chains(coordinator.problems.get("following")),
        last_updated=moment(found["last_updated_ms"]).isoformat() if found else None,
    )


def stats() -> StatsAnswer:
    """Return what `/api/stats/` says: zeros, and why, while the coordinator is away."""
    try:
        figures, page = wiring.ask(_ask_figures)
    except TimeoutError:
        text = f"the coordinator gave no answer within {STATS_DEADLINE_S:.0f} s"
        return StatsAnswer(StatFigures(), "unknown", error=text)
    except RpcError as error:
        return StatsAnswer(StatFigures(), "unknown", error=str(error))
    return StatsAnswer(
        StatFigures(
            active_pipelines=figures.active_executions,
            total_executions=figures.total_executions,
            success_rate=figures.success_rate,
            cpu_usage=figures.cpu_percent,
            memory_usage=figures.memory_percent,
            uptime=figures.uptime_s,
        ),
        _health(figures),
        page.executions,
    )


def _health(figures: SystemStats) -> Literal["healthy", "degraded"]:
    """Say whether every node answers, and every part of the coordinator is well."""
    is_sick = any(entry.state == "sick" for entry in figures.components)
    return "degraded" if is_sick or figures.nodes_up < figures.nodes else "healthy"


async def within(answer: Awaitable[T]) -> T:
    """Wait for an answer as long as a page may. Raises `TimeoutError`."""
    async with asyncio.timeout(STATS_DEADLINE_S):
        return await answer


async def _ask_figures(client: CoordinatorClient) -> tuple[SystemStats, ExecutionPage]:
    figures = client.get_system_stats()
    page = client.list_executions(limit=RECENT_EXECUTIONS)
    return await within(asyncio.gather(figures, page))


def _coordinator(stats: SystemStats | None) -> CoordinatorStanding:
    if stats is None:
        return CoordinatorStanding(running=False)
    return CoordinatorStanding(
        running=True,
        pid=_pid(stats.instance),
        uptime=stats.uptime_s,
        components={entry.name: entry.state for entry in stats.components},
        problems={entry.name: entry.detail for entry in stats.components if entry.state == "sick"},
    )


def _chains(problem: str | None) -> list[ChainStanding]:
    place = chain_place()
    if place is None or place.height < 0:
        return []
    return [ChainStanding(place.network_id, place.height, place.hash, problem)]


def _pid(instance: str) -> int | None:
    """Return the process that answers, where its note lies in this home and is its own."""
    home: Path = getattr(settings, "CHAINDECK_HOME")  # noqa: B009 - ours, unknown to Django
    path = home / "coordinator" / "running.json"
    if not path.exists():
        return None
    try:
        running = read_json(path, _RUNNING)
    except StoreError:
        return None
    return running.pid if running.instance == instance else None
