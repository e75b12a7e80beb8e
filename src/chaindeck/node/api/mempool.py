"""The pool on the whole: totals, fees, blocks to come. Made once a second at most."""

from __future__ import annotations

import time

from chaindeck.node.api.context import Context
from chaindeck.node.api.forms import MempoolAnswer, NoQuery
from chaindeck.node.api.requests import Request, Response, encode_json
from chaindeck.node.limits import POOL_VIEW_S, PROJECTED_BLOCKS


async def get_mempool(context: Context, request: Request) -> Response:
    request.query(NoQuery)
    overview = context.overview
    if time.monotonic() >= overview.good_until_s:
        overview.body = encode_json(_look(context))
        overview.good_until_s = time.monotonic() + POOL_VIEW_S
    return Response(overview.body)


def _look(context: Context) -> MempoolAnswer:
    pool = context.service.state.pool
    genesis = context.network.genesis
    totals = context.pool_totals()
    return MempoolAnswer(
        count=totals.count,
        bytes=totals.bytes,
        floor_per_kb=totals.floor_per_kb,
        max_count=pool.limits.max_transactions,
        max_bytes=pool.limits.max_bytes,
        max_block_bytes=genesis.max_block_bytes,
        time_ms=context.service.clock.now_ms(),
        fee_histogram=pool.fee_histogram(),
        projected_blocks=pool.projected_blocks(
            genesis.max_block_bytes, genesis.max_block_signatures, PROJECTED_BLOCKS
        ),
    )
