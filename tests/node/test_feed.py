"""The feed numbers events without gaps, and no reader can hold it up."""

from __future__ import annotations

import asyncio

import pytest

from chaindeck.node.feed import Feed, FeedEvent


def numbers(events: list[FeedEvent]) -> list[int]:
    return [event.sequence for event in events]


async def take(subscription):
    return await asyncio.wait_for(subscription.take(), 5)


def test_reader_gets_what_happens_after_it_came() -> None:
    async def follow() -> None:
        feed = Feed("epoch")
        feed.publish("block", {"height": 1})
        reader = feed.subscribe(["block"])
        feed.publish("block", {"height": 2})
        feed.publish("transaction", {"id": "x"})
        feed.publish("block", {"height": 3})
        events, had_gap = await take(reader)
        assert (numbers(events), had_gap) == ([2, 4], False)
        assert [event.data["height"] for event in events] == [2, 3]
        assert feed.sequence == 4

    asyncio.run(follow())


def test_reader_waits_until_something_happens() -> None:
    async def follow() -> None:
        feed = Feed("epoch")
        reader = feed.subscribe(["block"])
        taking = asyncio.create_task(reader.take())
        await asyncio.wait({taking}, timeout=0.01)
        assert not taking.done()
        feed.publish("block", {})
        events, _ = await asyncio.wait_for(taking, 5)
        assert numbers(events) == [1]

    asyncio.run(follow())


@pytest.mark.parametrize(
    ("since", "expected", "has_gap"),
    [(0, [3, 4, 5], True), (1, [3, 4, 5], True), (2, [3, 4, 5], False), (4, [5], False)],
)
def test_reader_that_comes_back_gets_what_it_missed(
    since: int, expected: list[int], *, has_gap: bool
) -> None:
    async def follow() -> None:
        feed = Feed("epoch", capacity=3)
        for _ in range(5):
            feed.publish("block", {})
        events, had_gap = await take(feed.subscribe(["block"], since=since))
        assert (numbers(events), had_gap) == (expected, has_gap)

    asyncio.run(follow())


def test_gap_is_told_even_if_nothing_of_the_topic_is_left() -> None:
    async def follow() -> None:
        feed = Feed("epoch", capacity=1)
        feed.publish("block", {})
        feed.publish("reorg", {})
        feed.publish("transaction", {})
        events, had_gap = await take(feed.subscribe(["block"], since=0))
        assert (events, had_gap) == ([], True)

    asyncio.run(follow())


def test_reader_that_is_up_to_date_has_missed_nothing() -> None:
    async def follow() -> None:
        feed = Feed("epoch")
        feed.publish("block", {})
        reader = feed.subscribe(["block"], since=1)
        feed.publish("block", {})
        events, had_gap = await take(reader)
        assert (numbers(events), had_gap) == ([2], False)

    asyncio.run(follow())


def test_slow_reader_loses_its_place_and_is_told_once() -> None:
    async def follow() -> None:
        feed = Feed("epoch")
        slow = feed.subscribe(["block"], capacity=2)
        for _ in range(5):
            feed.publish("block", {})
        events, had_gap = await take(slow)
        assert (numbers(events), had_gap) == ([5], True)
        feed.publish("block", {})
        events, had_gap = await take(slow)
        assert (numbers(events), had_gap) == ([6], False)

    asyncio.run(follow())


def test_reader_that_left_gets_nothing_more() -> None:
    async def follow() -> None:
        feed = Feed("epoch")
        reader = feed.subscribe(["block"])
        assert feed.reader_count == 1
        reader.close()
        reader.close()
        assert feed.reader_count == 0
        feed.publish("block", {})
        waiting = asyncio.create_task(reader.take())
        done, _ = await asyncio.wait({waiting}, timeout=0.01)
        assert not done
        waiting.cancel()

    asyncio.run(follow())
