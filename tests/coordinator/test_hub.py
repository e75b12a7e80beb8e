"""The hub and its writer: every event once and in order, whoever reads, however slowly."""

import asyncio
import contextlib

import pytest

from chaindeck.coordinator.errors import RecordsAway, SlowReader, Stopping, TopicUnknown
from chaindeck.coordinator.hub import Hub
from chaindeck.coordinator.limits import MAX_STATE_KEYS
from chaindeck.coordinator.writing import Readers, Writer
from tests.coordinator.memory import MemoryJournal


class House:
    """A hub with its writer and readers over a journal."""

    def __init__(self, journal=None, **options) -> None:
        self.journal = journal or MemoryJournal()
        self.hub = Hub(self.journal, **options)
        self.writer = Writer(self.journal, self.hub)
        self.readers = Readers(self.journal)

    async def __aenter__(self):
        await self.writer.open()
        await self.hub.wait_open()
        return self

    async def __aexit__(self, *_):
        self.hub.close()
        self.writer.close()
        self.readers.close()

    async def tell(self, count=1, **event):
        await self.writer.submit(lambda: self.journal.append(count, **event))

    def follow(self, **options):
        return self.hub.follow(self.readers.read, **options)


async def take(stream, count):
    """Return the numbers of the next events."""
    numbers: list[int] = []
    while len(numbers) < count:
        reply = await anext(stream)
        if reply.batch:
            numbers += [event.seq for event in reply.batch.events]
    return numbers


async def hello_of(stream):
    return (await anext(stream)).hello


async def test_reader_is_given_what_was_missed_and_then_what_comes():
    async with House() as house:
        await house.tell(5)
        stream = house.follow(epoch="epoch-1", since=2)
        hello = await hello_of(stream)
        assert (hello.epoch, hello.first_seq, hello.last_seq) == ("epoch-1", 1, 5)
        assert (hello.starts_after, hello.has_gap) == (2, False)
        assert await take(stream, 3) == [3, 4, 5]
        coming = asyncio.create_task(take(stream, 2))
        await house.tell(2)
        assert await coming == [6, 7]
        assert house.hub.readers == 1
        await stream.aclose()
        assert house.hub.readers == 0


async def test_reader_without_a_place_starts_with_what_comes():
    async with House() as house:
        await house.tell(3)
        stream = house.follow()
        assert (await hello_of(stream)).starts_after == 3
        await house.tell()
        assert await take(stream, 1) == [4]


@pytest.mark.parametrize(
    ("epoch", "since", "has_gap"),
    [
        ("epoch-1", 10, False),
        ("epoch-1", 5, False),
        ("epoch-1", 4, True),
        ("epoch-1", 11, True),
        ("epoch-2", 10, True),
        ("", 7, False),
    ],
)
async def test_reader_is_told_whether_it_lost_something(epoch, since, has_gap):
    journal = MemoryJournal()
    journal.append(10)
    journal.forget(5)
    async with House(journal) as house:
        hello = await hello_of(house.follow(epoch=epoch, since=since))
        assert hello.has_gap == has_gap
        assert hello.starts_after == (10 if has_gap else since)


async def test_what_left_memory_is_read_from_the_journal():
    async with House(capacity=10) as house:
        for _ in range(10):
            await house.tell(100)
        stream = house.follow(epoch="epoch-1", since=0)
        await hello_of(stream)
        assert await take(stream, 1_000) == list(range(1, 1_001))
        await house.tell()
        assert await take(stream, 1) == [1_001]


async def test_reader_that_was_up_to_date_and_falls_behind_is_cut_and_may_come_back():
    async with House(capacity=10) as house:
        stream = house.follow(epoch="epoch-1", since=0)
        await hello_of(stream)
        await house.tell()
        assert await take(stream, 1) == [1]
        for _ in range(30):
            await house.tell()
        with pytest.raises(SlowReader):
            await anext(stream)
        again = house.follow(epoch="epoch-1", since=1)
        await hello_of(again)
        assert await take(again, 30) == list(range(2, 32))


async def test_reader_whose_events_are_forgotten_meanwhile_comes_back_to_a_gap():
    async with House(capacity=5) as house:
        for _ in range(20):
            await house.tell()
        stream = house.follow(epoch="epoch-1", since=0)
        await hello_of(stream)
        house.journal.forget(3)
        with pytest.raises(SlowReader):
            await anext(stream)
        assert (await hello_of(house.follow(epoch="epoch-1", since=0))).has_gap


async def test_reader_of_some_topics_hears_of_the_others_in_heartbeats():
    async with House(heartbeat_s=0.02) as house:
        stream = house.follow(since=0, topics=["chain"])
        await hello_of(stream)
        await house.tell(4, topic="node")
        await house.tell(1, topic="chain", kind="tip")
        await house.tell(2, topic="node")
        assert await take(stream, 1) == [5]
        beat = None
        while beat is None or beat.last_seq < 7:
            beat = (await anext(stream)).heartbeat
        assert beat.time_ms > 0


async def test_topic_that_is_none_is_refused():
    async with House() as house:
        with pytest.raises(TopicUnknown):
            await anext(house.follow(topics=["moon"]))
        with pytest.raises(TopicUnknown):
            house.hub.snapshot(["transaction"])


async def test_readers_are_told_when_the_hub_ends():
    async with House() as house:
        stream = house.follow()
        await hello_of(stream)
        waiting = asyncio.create_task(anext(stream))
        await asyncio.sleep(0)
        house.hub.close()
        with pytest.raises(Stopping):
            await waiting


async def test_snapshot_has_the_last_event_of_each_key_and_none_of_what_is_gone():
    async with House() as house:
        for key in ("a", "b", "a", "c"):
            await house.tell(key=key)
        await house.tell(key="c", kind="removed")
        await house.tell(topic="block", kind="connected")
        found = house.hub.snapshot(["node"])
        assert [(event.key, event.seq) for event in found.events] == [("b", 2), ("a", 3)]
        assert (found.epoch, found.seq) == ("epoch-1", 6)


async def test_snapshot_has_a_bound():
    async with House() as house:
        journal = house.journal

        def append():
            for number in range(MAX_STATE_KEYS + 5):
                journal.append(key=str(number))

        await house.writer.submit(append)
        events = house.hub.snapshot().events
        assert len(events) == MAX_STATE_KEYS
        assert events[0].key == "5"


async def test_hub_starts_where_the_journal_stands():
    journal = MemoryJournal()
    journal.append(2_500)
    async with House(journal, capacity=100) as house:
        assert house.hub.last == 2_500
        stream = house.follow(epoch="epoch-1", since=2_450)
        await hello_of(stream)
        assert await take(stream, 50) == list(range(2_451, 2_501))
        assert house.hub.snapshot().events[0].seq == 2_500


async def test_what_was_committed_is_told_although_the_work_failed():
    async with House() as house:

        def work():
            house.journal.append()
            raise KeyError("a fault")

        stream = house.follow(since=0)
        await hello_of(stream)
        with pytest.raises(KeyError, match="a fault"):
            await house.writer.submit(work)
        assert await take(stream, 1) == [1]


async def test_what_a_broken_line_held_back_is_told_later_and_once():
    async with House() as house:
        stream = house.follow(since=0)
        await hello_of(stream)

        def work():
            house.journal.append(2)
            house.journal.is_away = True

        with pytest.raises(RecordsAway):
            await house.writer.submit(work)
        with pytest.raises(RecordsAway):
            await house.writer.submit(lambda: None)
        house.journal.is_away = False
        await house.writer.submit(lambda: None)
        await house.tell()
        assert await take(stream, 3) == [1, 2, 3]


async def test_work_that_began_is_finished_although_nobody_waits():
    async with House() as house:
        begun = asyncio.Event()
        loop = asyncio.get_running_loop()

        def work():
            loop.call_soon_threadsafe(begun.set)
            house.journal.append()

        task = asyncio.create_task(house.writer.submit(work))
        await begun.wait()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert len(house.journal.events) == 1
