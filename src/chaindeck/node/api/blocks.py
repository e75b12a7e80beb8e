"""The chain: pages of headers, the whole as a stream, single blocks, and blocks from outside."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Iterator

from chaindeck.kernel import BlockIndex
from chaindeck.ledger.codec import block_offsets, decode_block, decode_transaction
from chaindeck.ledger.ports import Entry
from chaindeck.ledger.types import Block, BlockHash
from chaindeck.node.api.context import Context
from chaindeck.node.api.forms import (
    BlockForm,
    BlockQuery,
    BlockTaken,
    ChainAnswer,
    ChainQuery,
    HeaderView,
    NoQuery,
)
from chaindeck.node.api.requests import (
    BYTES,
    JSON,
    NDJSON,
    Request,
    Response,
    Stream,
    answer,
    encode_json,
    read_block_hash,
    read_form,
    read_hex,
)
from chaindeck.node.describe import describe_header, describe_transaction, miner_of, name_of
from chaindeck.node.errors import (
    BodyAwaited,
    ContentTypeUnknown,
    HeightUnknown,
    ParameterInvalid,
)
from chaindeck.node.limits import (
    BLOCK_MARGIN_BYTES,
    DEFAULT_PAGE,
    SLICE_TRANSACTIONS,
    STREAM_PIECE_BYTES,
)
from chaindeck.store.block_files import export_lines

_MAX_HEIGHT_DIGITS = 10
_HEADERS_A_UNIT = 50


async def get_chain(context: Context, request: Request) -> Response | Stream:
    """Answer a page of headers, or stream whole blocks to who accepts lines of JSON."""
    query = request.query(ChainQuery)
    if NDJSON in request.headers.get(b"accept", b""):
        request.charge(request.identity, 1_000)
        return Stream(_stream(context, query))
    limit = query.limit or DEFAULT_PAGE
    request.charge(request.identity, limit // _HEADERS_A_UNIT)
    blocks: list[HeaderView] = []
    store = context.service.store
    for height in range(query.start, query.start + limit):
        block_hash = store.active_hash(height)
        entry = None if block_hash is None else store.load_entry(block_hash)
        if entry is None:
            break
        blocks.append(_header_view(context, entry))
        if height % SLICE_TRANSACTIONS == 0:
            await asyncio.sleep(0)
    tip = context.service.tip.header
    following = query.start + len(blocks)
    more = following if blocks and following <= tip.height else None
    return answer(ChainAnswer(tip.height, tip.hash.hex(), blocks, more))


async def get_block(context: Context, request: Request) -> Response:
    query = request.query(BlockQuery)
    entry = _find(context, request.argument)
    if query.raw:
        return Response(_load_raw(context, entry.header.hash), content_type=BYTES)
    encoded = context.encoded_blocks.get(entry.header.hash)
    if encoded is None:
        block = decode_block(_load_raw(context, entry.header.hash))
        request.charge(request.identity, block.header.tx_count // SLICE_TRANSACTIONS)
        encoded = await _encode(context, entry, block)
        context.encoded_blocks.put(block.hash, encoded)
    return Response(_standing(context, entry) + encoded)


async def post_block(context: Context, request: Request) -> Response:
    request.query(NoQuery)
    service = context.service
    block = decode_block(await _read_block(context, request))
    is_new = await service.submit_block(block)
    header = block.header
    is_active = service.store.active_hash(header.height) == header.hash
    return answer(
        BlockTaken(header.hash.hex(), header.height, "accepted" if is_new else "known", is_active)
    )


def read_block_argument(text: str) -> int | BlockHash:
    """Return the height or the hash that an address names; raise `ParameterInvalid`."""
    if text.isascii() and text.isdigit() and len(text) <= _MAX_HEIGHT_DIGITS:
        return int(text)
    if len(text) != 64:
        raise ParameterInvalid(field="block", reason="a height or a hash is expected")
    return read_block_hash(text, "block")


def confirmations(context: Context, entry: Entry) -> int:
    """Return how deep a block is in the active chain, 1 for the tip, 0 for a block beside it."""
    service = context.service
    if service.store.active_hash(entry.header.height) != entry.header.hash:
        return 0
    return service.tip.header.height - entry.header.height + 1


def _find(context: Context, text: str) -> Entry:
    service = context.service
    wanted = read_block_argument(text)
    if isinstance(wanted, int):
        found = service.store.active_hash(wanted)
        if found is None:
            raise HeightUnknown(field="block", height=wanted, tip=service.tip.header.height)
        wanted = found
    return service.state.tree.entry(wanted)


def _load_raw(context: Context, block_hash: BlockHash) -> bytes:
    raw = context.service.store.load_body(block_hash)
    if raw is None:
        raise BodyAwaited(field="block", hash=block_hash.hex())
    return raw


def _standing(context: Context, entry: Entry) -> bytes:
    """The part of a block's answer that changes while the chain grows, up to the first comma."""
    depth = confirmations(context, entry)
    following = context.service.store.active_hash(entry.header.height + 1) if depth else None
    standing = {
        "is_active": depth > 0,
        "confirmations": depth,
        "next": following.hex() if following else None,
    }
    return encode_json(standing)[:-1] + b","


async def _encode(context: Context, entry: Entry, block: Block) -> bytes:
    """The part that never changes, made in slices so that others have their turn."""
    network = context.network
    head = {
        **describe_header(network, block.header),
        "size": len(block.raw),
        "work": str(entry.work),
        "miner": miner_of(network, block),
        "seal": block.seal.hex() or None,
        "sealer": name_of(network, entry.sealer),
    }
    parts = []
    for raws in _slices(block.raw, block.index):
        views = [describe_transaction(network, decode_transaction(raw)) for raw in raws]
        parts.append(encode_json(views)[1:-1])
        await asyncio.sleep(0)
    transactions = b",".join(parts)
    return encode_json(head)[1:-1] + b',"transactions":[' + transactions + b"]}"


def _slices(raw: bytes, index: BlockIndex) -> Iterator[list[bytes]]:
    offsets = [*block_offsets(index), len(raw)]
    ends = list(itertools.pairwise(offsets))
    for first in range(0, len(ends), SLICE_TRANSACTIONS):
        yield [raw[start:end] for start, end in ends[first : first + SLICE_TRANSACTIONS]]


def _header_view(context: Context, entry: Entry) -> HeaderView:
    header = entry.header
    return HeaderView(
        header.hash.hex(),
        header.height,
        header.version,
        header.previous.hex(),
        header.merkle_root.hex(),
        header.time_ms,
        header.target_bits,
        header.tx_count,
        header.nonce,
        str(entry.work),
        name_of(context.network, entry.sealer),
    )


async def _stream(context: Context, query: ChainQuery) -> AsyncGenerator[bytes, None]:
    """Lines of JSON, a block each, that `chaindeck chain import` reads."""
    store = context.service.store
    last: int = store.height()
    if query.limit is not None:
        last = min(last, query.start + query.limit - 1)
    with context.streams.taking():
        lines = export_lines(store, query.start, last)
        while piece := await asyncio.to_thread(_take_piece, lines):
            yield piece


def _take_piece(lines: Iterator[bytes]) -> bytes:
    piece = bytearray()
    for line in lines:
        piece += line
        if len(piece) >= STREAM_PIECE_BYTES:
            break
    return bytes(piece)


async def _read_block(context: Context, request: Request) -> bytes:
    limit = context.network.genesis.max_block_bytes + BLOCK_MARGIN_BYTES
    if request.content_type == BYTES:
        return await request.body(limit)
    if request.content_type == JSON:
        form = read_form(await request.body(2 * limit), BlockForm)
        return read_hex(form.raw, "raw")
    raise ContentTypeUnknown(expected=f"{BYTES.decode()} or {JSON.decode()}")
