"""Reports wait in records until the coordinator has taken them down."""

import asyncio
import time
from typing import Literal

import pytest
from asgiref.sync import sync_to_async
from django.test import RequestFactory

from chaindeck.control.people import reports
from chaindeck.records.models import PendingReport
from chaindeck.records.services import pending
from chaindeck.rpc.errors import PartRefused, PartUnreachable
from chaindeck.rpc.forms import ReportEventRequest

pytestmark = pytest.mark.usefixtures("database")
LIMIT_S = 20


class Taker:
    """Takes reports down, unless told to refuse."""

    def __init__(self, *errors: Exception | None) -> None:
        self.errors = list(errors)
        self.taken: list[ReportEventRequest] = []

    async def report_event(self, form):
        if self.errors and (error := self.errors.pop(0)):
            raise error
        self.taken.append(form)
        return True


def keep(action: str = "sign-in") -> None:
    reports.report(RequestFactory().get("/"), action, "did it", user="ann")


def send(taker: Taker, count: int) -> None:
    async def run() -> None:
        sender = reports.ReportSender(taker)
        task = asyncio.create_task(sender.run())
        async with asyncio.timeout(LIMIT_S):
            while len(taker.taken) < count or await waiting():
                await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(run())


@sync_to_async
def waiting() -> int:
    return PendingReport.objects.count()


def test_reports_are_sent_in_order_and_forgotten():
    for number in range(3):
        keep(f"act-{number}")
    taker = Taker()
    send(taker, 3)
    assert [form.action for form in taker.taken] == ["act-0", "act-1", "act-2"]
    assert taker.taken[0].user_name == "ann"


def test_report_is_sent_again_until_it_is_taken(monkeypatch):
    monkeypatch.setattr(reports, "REPORT_RETRY_S", 0.01)
    keep()
    away = PartUnreachable(address="here", reason="away")
    busy = PartRefused(text="busy", status="UNAVAILABLE", code="busy")
    taker = Taker(away, busy)
    send(taker, 1)
    assert len(taker.taken) == 1


def test_report_that_will_never_be_taken_holds_up_no_other():
    keep("bad")
    keep("good")
    taker = Taker(PartRefused(text="no", status="INVALID_ARGUMENT", code="report-invalid"))
    send(taker, 1)
    assert [form.action for form in taker.taken] == ["good"]


def test_old_report_is_told_under_the_time_of_its_sending():
    keep()
    PendingReport.objects.update(time_ms=1_000_000_000_000)
    taker = Taker()
    send(taker, 1)
    (form,) = taker.taken
    assert abs(form.time_ms - time.time() * 1000) < 60_000
    assert "of 2001-09-09 01:46:40 UTC" in form.description


class Bell(asyncio.Event):
    """Says when somebody waits for it."""

    def __init__(self) -> None:
        super().__init__()
        self.is_waited_for = asyncio.Event()

    async def wait(self) -> Literal[True]:
        self.is_waited_for.set()
        return await super().wait()


def test_ring_wakes_the_sender(monkeypatch):
    monkeypatch.setattr(reports, "REPORT_LOOK_S", 60)

    async def run() -> None:
        taker = Taker()
        sender = reports.ReportSender(taker)
        bell = sender._bell = Bell()
        task = asyncio.create_task(sender.run())
        async with asyncio.timeout(LIMIT_S):
            await bell.is_waited_for.wait()
        await sync_to_async(keep)()
        sender.ring()
        async with asyncio.timeout(LIMIT_S):
            while not taker.taken:
                await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(run())


def test_too_many_reports_push_out_the_oldest(monkeypatch):
    monkeypatch.setattr(pending, "PENDING_REPORTS_KEPT", 2)
    for number in range(4):
        keep(f"act-{number}")
    kept = [item.body["action"] for item in pending.reports_waiting(limit=9)]
    assert kept == ["act-2", "act-3"]
