"""What a node has that is not indexed: from where its chain goes another way, and its blocks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from chaindeck.client import AsyncNodeClient, ClientError, NodeRefused, ProtocolMismatch
from chaindeck.client.answers import HeaderRow
from chaindeck.coordinator.following.limits import FETCHES_AT_ONCE, FIRST_OVERLAP, HEADERS_A_PAGE
from chaindeck.coordinator.following.ports import Writer
from chaindeck.ledger.codec import decode_block
from chaindeck.ledger.errors import RuleError
from chaindeck.records.selectors import chain
from chaindeck.records.types import ChainPlace, NewBlock

_PRUNED = "store-pruned"


class Way(msgspec.Struct, frozen=True):
    """From what is indexed to a node's chain: what to take back to, and what comes then."""

    fork_height: int
    headers: list[HeaderRow]


async def find_way(client: AsyncNodeClient, writer: Writer, place: ChainPlace) -> Way:
    """Return where a node's chain leaves what is indexed, and its headers from there, a page."""
    floor = place.start_height
    if place.height < floor:
        return Way(floor - 1, await read_headers(client, floor, HEADERS_A_PAGE))
    headers = await read_headers(client, place.height, HEADERS_A_PAGE)
    if headers and headers[0].hash == place.hash:
        return Way(place.height, headers[1:])
    return await _walk_back(client, writer, place)


async def _walk_back(client: AsyncNodeClient, writer: Writer, place: ChainPlace) -> Way:
    """Look for the fork ever further down, until below what is indexed."""
    overlap, high = FIRST_OVERLAP, place.height
    while True:
        low = max(place.start_height, high - overlap)
        theirs = await read_headers(client, low, HEADERS_A_PAGE)
        heights = range(low, high + 1)
        ours = await writer.run(lambda heights=heights: chain.hashes_at(heights))  # type: ignore[misc]  # a default is no type's business
        for number in range(len(theirs) - 1, -1, -1):
            if ours.get(theirs[number].height) == theirs[number].hash:
                return Way(theirs[number].height, theirs[number + 1 :])
        if low == place.start_height:
            return Way(place.start_height - 1, theirs)
        high, overlap = low, min(HEADERS_A_PAGE - 1, 4 * overlap)


async def read_headers(client: AsyncNodeClient, start: int, limit: int) -> list[HeaderRow]:
    """Return one page of the headers of a node's chain."""
    rows: list[HeaderRow] = []
    async for row in client.blocks(start, page_rows=limit):
        rows.append(row)
        if len(rows) == limit:
            break
    return rows


async def fetch_blocks(client: AsyncNodeClient, headers: Sequence[HeaderRow]) -> list[bytes]:
    """Return the bytes of some blocks, several asked for at a time."""
    gate = asyncio.Semaphore(FETCHES_AT_ONCE)

    async def fetch(header: HeaderRow) -> bytes:
        async with gate:
            return await client.raw_block(header.hash)

    try:
        async with asyncio.TaskGroup() as tasks:
            fetching = [tasks.create_task(fetch(header)) for header in headers]
    except ExceptionGroup as group:
        # They failed for the same reason: the node.
        raise group.exceptions[0] from None
    return [task.result() for task in fetching]


def decode(headers: Sequence[HeaderRow], raws: Sequence[bytes], url: str) -> list[NewBlock]:
    """Read blocks; raise `ProtocolMismatch` where they are not those that were asked for."""
    blocks = []
    for header, raw in zip(headers, raws, strict=True):
        try:
            block = decode_block(raw)
        except RuleError as error:
            raise ProtocolMismatch(url=url, reason=f"block {header.height}: {error}") from None
        if block.hash.hex() != header.hash:
            raise ProtocolMismatch(url=url, reason=f"block {header.height} is another one")
        blocks.append(NewBlock(block, header.work, header.sealer, url))
    return blocks


async def find_first_body(client: AsyncNodeClient, height: int) -> int:
    """Return from which height up a node has all blocks: 0 unless it was pruned.

    The genesis block is always there; it is made of the document.
    """
    low, high = 1, height
    if height == 0 or await _has_body(client, 1):
        return 0
    while low + 1 < high:
        middle = (low + high) // 2
        if await _has_body(client, middle):
            high = middle
        else:
            low = middle
    return high


def is_pruned(error: ClientError) -> bool:
    """Whether a node says that it has given up the block that it was asked for."""
    return isinstance(error, NodeRefused) and error.code == _PRUNED


async def _has_body(client: AsyncNodeClient, height: int) -> bool:
    try:
        await client.raw_block(height)
    except NodeRefused as error:
        if is_pruned(error):
            return False
        raise
    return True
