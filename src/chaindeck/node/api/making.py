"""Making blocks: by this node's own miner, or by an outside one from a template."""

from __future__ import annotations

import asyncio
import os

from chaindeck.ledger.difficulty import required_bits
from chaindeck.ledger.targets import target_of
from chaindeck.ledger.templates import Body, Template, build_body, build_template
from chaindeck.ledger.types import BlockHash, Height, KeyHash
from chaindeck.node.api.context import Context
from chaindeck.node.api.forms import (
    MineAnswer,
    MineForm,
    NoQuery,
    TemplateAnswer,
    TemplateQuery,
)
from chaindeck.node.api.requests import Request, Response, answer, read_block_hash
from chaindeck.node.limits import LONG_POLL_S

_EXTRA_NONCE_BYTES = 8
_ID_BYTES = 8


async def post_mine(context: Context, request: Request) -> Response:
    request.query(NoQuery)
    form = await request.form(MineForm)
    key_hash = None if form.address is None else context.key_hash(form.address)
    assert context.miner is not None, "without a miner there is no such route"
    hashes = await request.while_wanted(context.miner.mine(form.blocks, key_hash))
    height = context.service.tip.header.height
    return answer(MineAnswer([block_hash.hex() for block_hash in hashes], height))


async def get_template(context: Context, request: Request) -> Response:
    query = request.query(TemplateQuery)
    payee = context.key_hash(query.address)
    if query.longpoll is not None:
        tip = read_block_hash(query.longpoll, "longpoll")
        with context.long_polls.taking():
            await _wait_for_tip(context, tip)
    service = context.service
    height = Height(service.tip.header.height + 1)
    template = build_template(service.state.pool, context.network, height)
    return answer(_view(context, template, _build(context, template, payee)))


async def _wait_for_tip(context: Context, tip: BlockHash) -> None:
    """Wait until the tip is another one, until too long, or until the server stops."""
    moved = asyncio.create_task(context.service.wait_for_tip(tip))
    stopping = asyncio.create_task(context.stopping.wait())
    try:
        await asyncio.wait(
            (moved, stopping), timeout=LONG_POLL_S, return_when=asyncio.FIRST_COMPLETED
        )
    finally:
        moved.cancel()
        stopping.cancel()


def _build(context: Context, template: Template, payee: KeyHash) -> Body:
    """Assemble a body whose coinbase is like no other, so that no two miners search the same."""
    service = context.service
    parent = service.tip
    time_ms = max(service.clock.now_ms(), parent.header.time_ms + 1)
    bits = required_bits(context.network, service.state.tree, parent, time_ms).target_bits
    return build_body(
        template,
        payee,
        previous=parent.header.hash,
        time_ms=time_ms,
        target_bits=bits,
        data=os.urandom(_EXTRA_NONCE_BYTES),
    )


def _view(context: Context, template: Template, body: Body) -> TemplateAnswer:
    header = body.header
    target = target_of(header.target_bits)
    assert target is not None, "the rule gives canonical bits"
    return TemplateAnswer(
        id=header.merkle_root[:_ID_BYTES].hex(),
        height=header.height,
        previous=header.previous.hex(),
        header=header.raw.hex(),
        target=target.to_bytes(32, "big").hex(),
        target_bits=header.target_bits,
        time_ms=header.time_ms,
        coinbase=body.coinbase.raw.hex(),
        transactions=[member.raw.hex() for member in template.members],
        fees=template.fees,
        subsidy=template.subsidy,
        needs_seal=bool(context.network.miners),
    )
