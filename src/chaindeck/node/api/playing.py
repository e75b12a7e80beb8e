"""Development chains only: snapshots, starting over, the clock, the faucet."""

from __future__ import annotations

from chaindeck.ledger.types import Amount
from chaindeck.node.api.context import Context
from chaindeck.node.api.forms import (
    LATEST_TIME_MS,
    ClockAnswer,
    ClockForm,
    FaucetAnswer,
    FaucetForm,
    NoQuery,
    RevertForm,
    SnapshotAnswer,
    TipAnswer,
)
from chaindeck.node.api.ports import DevTools
from chaindeck.node.api.requests import Request, Response, answer
from chaindeck.node.errors import ParameterInvalid


async def post_snapshot(context: Context, request: Request) -> Response:
    request.query(NoQuery)
    return answer(SnapshotAnswer(await _tools(context).snapshot()))


async def post_revert(context: Context, request: Request) -> Response:
    request.query(NoQuery)
    form = await request.form(RevertForm)
    await _tools(context).revert(form.id)
    return _tip(context)


async def post_reset(context: Context, request: Request) -> Response:
    request.query(NoQuery)
    await _tools(context).reset()
    return _tip(context)


async def post_clock(context: Context, request: Request) -> Response:
    request.query(NoQuery)
    form = await request.form(ClockForm)
    clock = _tools(context).clock
    time_ms = clock.now_ms() if form.time_ms is None else form.time_ms
    if form.advance_ms is not None:
        time_ms += form.advance_ms
    if not 0 <= time_ms <= LATEST_TIME_MS:
        raise ParameterInvalid(field="advance_ms", reason="the time is from 1970 to 9999")
    if form != ClockForm():
        clock.set(time_ms, is_frozen=form.is_frozen)
    return answer(ClockAnswer(clock.now_ms(), clock.is_frozen))


async def post_faucet(context: Context, request: Request) -> Response:
    request.query(NoQuery)
    form = await request.form(FaucetForm)
    key_hash = context.key_hash(form.address)
    tx_id = await _tools(context).faucet(key_hash, Amount(form.amount))
    return answer(FaucetAnswer(tx_id.hex()))


def _tools(context: Context) -> DevTools:
    assert context.dev is not None, "without tools there are no such routes"
    return context.dev


def _tip(context: Context) -> Response:
    tip = context.service.tip
    return answer(TipAnswer(tip.header.height, tip.header.hash.hex(), str(tip.work)))
