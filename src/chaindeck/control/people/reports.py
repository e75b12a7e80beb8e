"""Tells the coordinator what people did, so that it stands in the activity log for good.

A report is kept in records first, in the transaction of what it tells of, and sent from there.
While the coordinator is away reports wait; what is sent twice is taken down once, by its id.
"""

from __future__ import annotations

import asyncio
import time

from asgiref.sync import sync_to_async
from django.db import DatabaseError, transaction
from django.http import HttpRequest

from chaindeck.control import wiring
from chaindeck.control.limits import (
    REPORT_BATCH,
    REPORT_FRESH_MS,
    REPORT_LOOK_S,
    REPORT_RETRY_S,
    UPKEEP_S,
)
from chaindeck.control.threads import with_database
from chaindeck.node.logs import get_logger
from chaindeck.records.services.pending import (
    Pending,
    report_date,
    report_forget,
    report_keep,
    reports_waiting,
)
from chaindeck.records.services.trials import trials_prune
from chaindeck.rpc.client import CoordinatorClient
from chaindeck.rpc.errors import PartRefused, RpcError
from chaindeck.rpc.forms import ReportEventRequest

_log = get_logger("web")


def report(
    request: HttpRequest, action: str, description: str, *, user: str, severity: str = "info"
) -> None:
    """Keep what somebody did, and have it sent once the transaction is through."""
    body = {
        "action": action,
        "description": description,
        "severity": severity,
        "user_name": user[:150],
        "ip_address": address_of(request),
    }
    for gone in report_keep(body=body):
        _log.warning("a report had to go, for too many wait", **gone.body)
    transaction.on_commit(wiring.ring)


def address_of(request: HttpRequest) -> str:
    address: str = request.META.get("REMOTE_ADDR", "")
    return address


class ReportSender:
    """Run it for as long as the process lives; `ring` says that there is something to send."""

    def __init__(self, coordinator: CoordinatorClient) -> None:
        self._coordinator = coordinator
        self._bell = asyncio.Event()
        self._cleaned_s = 0.0

    def ring(self) -> None:
        self._bell.set()

    async def run(self) -> None:
        while True:
            self._bell.clear()
            wait_s = REPORT_LOOK_S if await self._send_all() else REPORT_RETRY_S
            await self._clean()
            try:
                async with asyncio.timeout(wait_s):
                    await self._bell.wait()
            except TimeoutError:
                continue

    async def _send_all(self) -> bool:
        """Return whether nothing waits any more."""
        try:
            while waiting := await _waiting():
                for pending in waiting:
                    await self._send(pending)
        except (RpcError, DatabaseError) as error:
            _log.warning("reports wait", reason=str(error))
            return False
        return True

    async def _send(self, pending: Pending) -> None:
        now_ms = time.time_ns() // 1_000_000
        time_ms, body = pending.time_ms, dict(pending.body)
        if abs(now_ms - time_ms) > REPORT_FRESH_MS:
            body["description"] += f" (reported late, of {_moment(time_ms)})"
            time_ms = now_ms
            await _date(pending.report_id, time_ms)
        form = ReportEventRequest(report_id=pending.report_id, time_ms=time_ms, **body)
        try:
            await self._coordinator.report_event(form)
        except PartRefused as error:
            if error.status != "INVALID_ARGUMENT":
                raise
            # Asked again it would be refused again, and hold up all that come after it.
            _log.warning("a report was refused", reason=error.text, **pending.body)
        await _forget(pending.report_id)

    async def _clean(self) -> None:
        if time.monotonic() - self._cleaned_s > UPKEEP_S:
            self._cleaned_s = time.monotonic()
            try:
                await _prune()
            except DatabaseError as error:
                _log.warning("old failures wait to be forgotten", reason=str(error))


def _moment(time_ms: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(time_ms / 1000))


@sync_to_async
@with_database
def _waiting() -> list[Pending]:
    return reports_waiting(limit=REPORT_BATCH)


@sync_to_async
@with_database
def _date(report_id: str, time_ms: int) -> None:
    report_date(report_id=report_id, time_ms=time_ms)


@sync_to_async
@with_database
def _forget(report_id: str) -> None:
    report_forget(report_id=report_id)


@sync_to_async
@with_database
def _prune() -> None:
    trials_prune()
