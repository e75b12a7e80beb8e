"""Payments: what waits, offering new ones, and what became of one."""

from __future__ import annotations

from itertools import islice, pairwise

import msgspec

from chaindeck.kernel import merkle_branch
from chaindeck.ledger.codec import (
    block_offsets,
    decode_transaction,
    decode_transactions,
)
from chaindeck.ledger.errors import RuleError
from chaindeck.ledger.json_form import transaction_from_json
from chaindeck.ledger.pool_types import Accepted, Pooled, Rejected
from chaindeck.ledger.strict_json import read_json
from chaindeck.ledger.types import Block, Payment, Transaction, TxId
from chaindeck.node.api.blocks import confirmations
from chaindeck.node.api.context import Context
from chaindeck.node.api.failures import detail_of, failure
from chaindeck.node.api.forms import (
    PoolAnswer,
    PooledView,
    PoolQuery,
    PositionView,
    ProofView,
    SubmitAnswer,
    SubmitQuery,
    TransactionAnswer,
    TransactionQuery,
    TransactionView,
)
from chaindeck.node.api.requests import (
    BYTES,
    JSON,
    Request,
    Response,
    answer,
    encode_json,
    read_tx_id,
)
from chaindeck.node.describe import describe_transaction
from chaindeck.node.errors import BatchTooLarge, ContentTypeUnknown, ParameterInvalid
from chaindeck.node.limits import MAX_BATCH_BYTES, MAX_BATCH_TRANSACTIONS

_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_PAYMENTS_A_UNIT = 4
_LARGEST_CURSOR = 1 << 200
_ORDERS = {"fee": "by_fee", "age": "by_age", "size": "by_size"}


async def get_pool(context: Context, request: Request) -> Response:
    query = request.query(PoolQuery)
    after = None if query.cursor is None else int(query.cursor)
    if after is not None and abs(after) > _LARGEST_CURSOR:
        raise ParameterInvalid(field="cursor", reason="no page gave this cursor")
    listing = getattr(context.service.state.pool, _ORDERS[query.sort])(after)
    page = list(islice(listing, query.limit + 1))
    shown = page[: query.limit]
    cursor = str(shown[-1][0]) if len(page) > len(shown) else None
    views = [_pooled_view(entry) for _, entry in shown]
    return answer(PoolAnswer(context.pool_totals(), views, cursor))


async def post_transactions(context: Context, request: Request) -> Response:
    """Take one transaction, a list of them, or packed ones."""
    is_dry = request.query(SubmitQuery).dry_run if request.query_string else False
    kind = request.content_type
    if kind == JSON:
        body = await request.body(MAX_BATCH_BYTES)
        if body.lstrip()[:1] == b"[":
            return await _submit_list(context, request, body, is_dry=is_dry)
        return await _submit_one(context, body, is_dry=is_dry)
    if kind == BYTES:
        transactions = decode_transactions(await request.body(MAX_BATCH_BYTES))
        _check_count(request, len(transactions))
        return await _submit_all(context, list(transactions), is_dry=is_dry)
    raise ContentTypeUnknown(expected=f"{JSON.decode()} or {BYTES.decode()}")


async def get_transaction(context: Context, request: Request) -> Response:
    wants_proof = request.query(TransactionQuery).proof
    tx_id = read_tx_id(request.argument)
    service = context.service
    entry = service.state.pool.get(tx_id)
    if entry is not None:
        return answer(_pooled_answer(context, entry))
    place = service.store.find_transaction(tx_id)
    if place is not None:
        return answer(_confirmed_answer(context, tx_id, place, wants_proof=wants_proof))
    dropped = service.dropped(tx_id)
    if dropped is not None:
        return answer(
            TransactionAnswer(
                tx_id.hex(), "dropped", reason=dropped.code.value, detail=dropped.detail
            )
        )
    return answer(TransactionAnswer(tx_id.hex(), "unknown"))


def transaction_view(context: Context, transaction: Transaction) -> TransactionView:
    return msgspec.convert(describe_transaction(context.network, transaction), TransactionView)


# Offering


async def _submit_one(context: Context, body: bytes, *, is_dry: bool) -> Response:
    transaction = _read_one(context, body)
    (result,) = await context.service.submit_transactions([transaction], dry_run=is_dry)
    _count(context, result)
    if isinstance(result, Rejected):
        return failure(result.error)
    return answer(_result_view(result))


def _read_one(context: Context, body: bytes) -> Transaction:
    try:
        return transaction_from_json(body, context.prefix)
    except RuleError as error:
        context.meters.rejected[error.code] += 1
        raise


async def _submit_list(
    context: Context, request: Request, body: bytes, *, is_dry: bool
) -> Response:
    items = read_json(body, _LIST)
    _check_count(request, len(items))
    return await _submit_all(
        context, [_read(context, bytes(item)) for item in items], is_dry=is_dry
    )


async def _submit_all(
    context: Context, items: list[Transaction | RuleError], *, is_dry: bool
) -> Response:
    """Offer what is a transaction, and answer for every item in its place."""
    offered = [item for item in items if isinstance(item, Transaction)]
    results = iter(await context.service.submit_transactions(offered, dry_run=is_dry))
    answers = []
    for item in items:
        if isinstance(item, RuleError):
            context.meters.rejected[item.code] += 1
            answers.append(SubmitAnswer(None, "rejected", error=detail_of(item)))
            continue
        result = next(results)
        _count(context, result)
        answers.append(_result_view(result))
    return Response(encode_json(answers))


def _read(context: Context, raw: bytes) -> Transaction | RuleError:
    try:
        return transaction_from_json(raw, context.prefix)
    except RuleError as error:
        # The traceback would keep the whole batch in memory.
        return error.with_traceback(None)


def _check_count(request: Request, count: int) -> None:
    if count > MAX_BATCH_TRANSACTIONS:
        raise BatchTooLarge(limit=MAX_BATCH_TRANSACTIONS, count=count)
    request.charge(request.identity, count // _PAYMENTS_A_UNIT)


def _count(context: Context, result: Accepted | Rejected) -> None:
    if isinstance(result, Accepted):
        context.meters.accepted += 1
    else:
        context.meters.rejected[result.error.code] += 1


def _result_view(result: Accepted | Rejected) -> SubmitAnswer:
    if isinstance(result, Rejected):
        return SubmitAnswer(result.tx_id.hex(), "rejected", error=detail_of(result.error))
    replaced = [lost.tx_id.hex() for lost in result.replaced]
    return SubmitAnswer(result.tx_id.hex(), "accepted", result.fee, replaced)


# Looking


def _pooled_view(entry: Pooled) -> PooledView:
    outputs = entry.transaction.outputs
    return PooledView(
        entry.id.hex(),
        entry.fee,
        entry.fee * 1000 // entry.size,
        entry.size,
        entry.arrived_ms,
        sum(output.amount for output in outputs if isinstance(output, Payment)),
    )


def _pooled_answer(context: Context, entry: Pooled) -> TransactionAnswer:
    position = context.service.state.pool.position(entry.id)
    assert position is not None, "nothing ran since it was found"
    return TransactionAnswer(
        entry.id.hex(),
        "pooled",
        transaction=transaction_view(context, entry.transaction),
        fee=entry.fee,
        arrived_ms=entry.arrived_ms,
        position=PositionView(position.bytes_ahead, position.blocks),
    )


def _confirmed_answer(
    context: Context, tx_id: TxId, place: tuple[int, int], *, wants_proof: bool
) -> TransactionAnswer:
    service = context.service
    height, index = place
    block_hash = service.store.active_hash(height)
    assert block_hash is not None, "an index names blocks of the active chain"
    block = service.load_block(block_hash)
    assert block is not None, "what is connected is here, or load_block raises Pruned"
    return TransactionAnswer(
        tx_id.hex(),
        "confirmed",
        transaction=transaction_view(context, decode_transaction(_leaves(block)[index])),
        height=height,
        block=block_hash.hex(),
        index=index,
        confirmations=confirmations(context, service.state.tree.entry(block_hash)),
        time_ms=block.header.time_ms,
        proof=_proof(block, index) if wants_proof else None,
    )


def _proof(block: Block, index: int) -> ProofView:
    leaves = _leaves(block)
    return ProofView(
        index=index,
        size=len(leaves),
        branch=[node.hex() for node in merkle_branch(leaves, index)],
        header=block.header.raw.hex(),
        transaction=leaves[index].hex(),
    )


def _leaves(block: Block) -> list[bytes]:
    offsets = [*block_offsets(block.index), len(block.raw)]
    return [block.raw[start:end] for start, end in pairwise(offsets)]
