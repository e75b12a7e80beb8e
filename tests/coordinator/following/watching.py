"""Runs a follower beside real nodes, and compares what it wrote with what they have."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable

from chaindeck.coordinator.following import ChainFollower, WriterThread
from chaindeck.records.bulk import fetch
from chaindeck.records.selectors import chain, events
from chaindeck.records.selectors.addresses import address_summary
from tests.functional.processes import NodeProcess

WAIT_S = 30


class Watch:
    """A follower that runs, and reads of what it wrote."""

    def __init__(self, follower: ChainFollower, writer: WriterThread) -> None:
        self.follower = follower
        self.writer = writer

    async def until(self, condition: Callable[[], bool], limit_s: float = WAIT_S) -> None:
        """Wait until something holds that can be seen in records."""
        deadline = time.monotonic() + limit_s
        while not await self.writer.run(condition):
            assert time.monotonic() < deadline, self.follower.state
            await asyncio.sleep(0.01)

    async def reaches(self, node: NodeProcess, limit_s: float = WAIT_S) -> None:
        """Wait until records stand where a node stands."""

        async def stands() -> bool:
            status = await asyncio.to_thread(node.get, "/api/status")
            place = await self.writer.run(chain.chain_place)
            return place is not None and place.hash == status["tip"]

        deadline = time.monotonic() + limit_s
        while not await stands():
            assert time.monotonic() < deadline, self.follower.state
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def following(*nodes: NodeProcess | str) -> AsyncIterator[Watch]:
    urls = [node if isinstance(node, str) else node.url for node in nodes]
    with WriterThread() as writer:
        follower = ChainFollower(urls, writer)
        task = asyncio.create_task(follower.run())
        try:
            yield Watch(follower, writer)
            assert not task.done(), task
        finally:
            task.cancel()
            await asyncio.wait([task])


async def mine(node: NodeProcess, blocks: int = 1, to: str | None = None) -> None:
    body = {"blocks": blocks} | ({"address": to} if to else {})
    await asyncio.to_thread(node.post, "/api/mine", body)


def check_equal(node: NodeProcess) -> None:
    """Records hold the node's chain: blocks, transactions and what each address has."""
    status = node.get("/api/status")
    ours = dict(fetch("SELECT block_index, hash FROM blocks WHERE is_on_chain = %s", [True]))
    start: int | None = 0
    theirs: dict[int, str] = {}
    while start is not None:
        page = node.get(f"/api/blockchain?from={start}&limit=2000")
        theirs |= {row["height"]: row["hash"] for row in page["blocks"]}
        start = page["next"]
    assert ours == theirs
    place = chain.chain_place()
    assert place is not None
    assert (place.height, place.hash) == (status["height"], status["tip"])
    for (text,) in fetch("SELECT address FROM addresses LIMIT 5"):
        held = node.get(f"/api/address/{text}?limit=1")["balance"]["confirmed"]
        ((key_hash,),) = fetch("SELECT key_hash FROM addresses WHERE address = %s", [text])
        summary = address_summary(key_hash)
        assert (summary["balance"] if summary else 0) == held


def check_journal() -> None:
    """Numbers have no gap and no repeat; blocks told of follow each other and end at the tip."""
    bounds = events.events_bounds()
    told = events.events_after(since=0, limit=10_000)
    assert [event.seq for event in told] == list(range(1, bounds.last + 1))
    tip = None
    for event in told:
        if event.topic != "block":
            continue
        data = event.data
        if event.kind == "connected":
            assert tip in (None, data["previous"]), event
            tip = data["hash"]
        else:
            assert tip == data["hash"], event
            tip = data["previous"]
    place = chain.chain_place()
    assert place is None or tip in (None, place.hash)
