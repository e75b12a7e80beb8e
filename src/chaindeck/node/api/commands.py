"""What only an operator may do: give blocks up, take them back, prefer one, fix a checkpoint."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from chaindeck.ledger.checkpoints import Checkpoint
from chaindeck.ledger.errors import WrongLength
from chaindeck.ledger.limits import MAX_CHECKPOINT_SIGNERS, SIGNATURE_BYTES
from chaindeck.ledger.types import BlockHash, Height
from chaindeck.node.api.context import Context
from chaindeck.node.api.forms import (
    BranchView,
    CheckpointAnswer,
    CheckpointForm,
    HashForm,
    NoQuery,
    TipAnswer,
    TipsAnswer,
)
from chaindeck.node.api.requests import (
    Request,
    Response,
    answer,
    read_block_hash,
    read_hex,
)
from chaindeck.node.describe import describe_entry


async def post_invalidate(context: Context, request: Request) -> Response:
    return await _move(context, request, context.service.invalidate)


async def post_reconsider(context: Context, request: Request) -> Response:
    return await _move(context, request, context.service.reconsider)


async def post_prefer(context: Context, request: Request) -> Response:
    return await _move(context, request, context.service.prefer)


async def post_checkpoint(context: Context, request: Request) -> Response:
    request.query(NoQuery)
    form = await request.form(CheckpointForm)
    checkpoint = Checkpoint(
        Height(form.height),
        read_block_hash(form.hash),
        _signatures(form.signatures),
    )
    is_new = await context.service.fix(checkpoint)
    tip = context.service.tip.header
    return answer(CheckpointAnswer(is_new, tip.height, tip.hash.hex()))


async def get_tips(context: Context, request: Request) -> Response:
    request.query(NoQuery)
    tips = [
        BranchView(**describe_entry(tip.entry), status=tip.status, branch_length=tip.branch_length)
        for tip in context.service.tips()
    ]
    return answer(TipsAnswer(tips))


async def _move(
    context: Context, request: Request, command: Callable[[BlockHash], Awaitable[None]]
) -> Response:
    request.query(NoQuery)
    form = await request.form(HashForm)
    await command(read_block_hash(form.hash))
    tip = context.service.tip
    return answer(TipAnswer(tip.header.height, tip.header.hash.hex(), str(tip.work)))


def _signatures(texts: list[str]) -> tuple[bytes, ...]:
    signatures = []
    for position, text in enumerate(texts[: MAX_CHECKPOINT_SIGNERS + 1]):
        signature = read_hex(text, f"signatures[{position}]")
        if len(signature) != SIGNATURE_BYTES:
            raise WrongLength(
                field=f"signatures[{position}]", expected=SIGNATURE_BYTES, actual=len(signature)
            )
        signatures.append(signature)
    return tuple(signatures)
