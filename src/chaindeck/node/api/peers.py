"""Peers: who is linked, and an operator's orders about them."""

from __future__ import annotations

from chaindeck.node.api.context import Context
from chaindeck.node.api.forms import NoQuery
from chaindeck.node.api.peer_forms import (
    CaptureForm,
    DropQuery,
    PeerForm,
    PeersAnswer,
    PeersSummary,
    PeerTaken,
)
from chaindeck.node.api.requests import Request, Response, answer

_MS = 1_000


async def get_peers(context: Context, request: Request) -> Response:
    request.query(NoQuery)
    peering = context.peering
    assert peering is not None, "the route is there only with peers"
    return answer(
        PeersAnswer(
            node_key=peering.key.hex(),
            listens_at=peering.listens_at,
            summary=peering.summary(),
            peers=peering.views(),
            barred=peering.bars(),
        )
    )


async def post_peers(context: Context, request: Request) -> Response:
    request.query(NoQuery)
    form = await request.form(PeerForm)
    assert context.peering is not None
    await context.peering.add(form.address)
    return answer(PeerTaken(form.address, "added"))


async def delete_peers(context: Context, request: Request) -> Response:
    query = request.query(DropQuery)
    assert context.peering is not None
    await context.peering.drop(query.address, query.bar_s * _MS)
    return answer(PeerTaken(query.address, "barred" if query.bar_s else "dropped"))


async def post_capture(context: Context, request: Request) -> Response:
    request.query(NoQuery)
    form = await request.form(CaptureForm)
    assert context.peering is not None
    if form.seconds:
        return answer(await context.peering.start_capture(form.seconds))
    return answer(context.peering.end_capture())


async def delete_capture(context: Context, request: Request) -> Response:
    request.query(NoQuery)
    assert context.peering is not None
    return answer(context.peering.end_capture())


def summary_of(context: Context) -> PeersSummary | None:
    return None if context.peering is None else context.peering.summary()
