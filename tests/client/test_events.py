"""The feed is followed across killed sockets, restarts and lines that fall silent."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import pytest

from chaindeck.client import (
    Access,
    Event,
    EventStream,
    Gap,
    NodeRefused,
    NodeUnreachable,
    ProtocolMismatch,
)
from tests.client.servers import http_answer, scripted

WAIT_S = 15


class Line:
    """A TCP line in between that can be cut, or fall silent without closing."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: list[asyncio.Task[None]] = []
        self.is_silent = False
        self.port = 0

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def _accept(self, reader, writer) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers += [writer, back]
        pumps = ((reader, back), (there, writer))
        self._tasks += [asyncio.create_task(self._pump(*pump)) for pump in pumps]

    async def _pump(self, reader, writer) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                if not self.is_silent:
                    writer.write(data)
        writer.close()


def tell(api, count=1, topic="stats"):
    def publish() -> None:
        for number in range(count):
            api.service.feed.publish(topic, {"n": number})

    api.call(publish)


async def next_of(messages):
    return await asyncio.wait_for(anext(messages), WAIT_S)


async def until_connected(stream, times=1) -> None:
    async with asyncio.timeout(WAIT_S):
        while stream.connections < times:
            await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def following(stream):
    """Read in the background into a queue, as a program does that must not miss anything."""
    queue: asyncio.Queue = asyncio.Queue()

    async def read() -> None:
        async for message in stream:
            await queue.put(message)

    task = asyncio.create_task(read())
    try:
        await until_connected(stream)
        yield queue
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def get(queue):
    return await asyncio.wait_for(queue.get(), WAIT_S)


def run(work):
    return asyncio.run(asyncio.wait_for(work, 30))


def test_events_come_in_order_and_by_topic(api) -> None:
    async def work() -> None:
        stream = EventStream(f"http://127.0.0.1:{api.port}", ["stats"])
        async with following(stream) as queue:
            await asyncio.to_thread(tell, api, 1, "sync")
            await asyncio.to_thread(tell, api, 3)
            events = [await get(queue) for _ in range(3)]
        assert [event.data["n"] for event in events] == [0, 1, 2]
        assert all(isinstance(event, Event) and event.topic == "stats" for event in events)
        assert stream.sequence == events[-1].sequence

    run(work())


def test_killed_socket_loses_and_repeats_nothing(api) -> None:
    async def work() -> None:
        async with Line(api.port) as line:
            stream = EventStream(f"http://127.0.0.1:{line.port}", ["stats"])
            async with following(stream) as queue:
                numbers = []
                for times in range(1, 5):
                    await asyncio.to_thread(tell, api, 2)
                    numbers += [(await get(queue)).sequence for _ in range(2)]
                    line.cut()
                    await asyncio.to_thread(tell, api, 1)
                    numbers.append((await get(queue)).sequence)
                    await until_connected(stream, times + 1)
        assert numbers == list(range(numbers[0], numbers[0] + 12))

    run(work())


def test_program_that_restarts_takes_up_where_it_was(api) -> None:
    async def work() -> None:
        url = f"http://127.0.0.1:{api.port}"
        place = (api.service.feed.epoch, api.service.feed.sequence)
        await asyncio.to_thread(tell, api, 2)
        stream = EventStream(url, epoch=place[0], since=place[1])
        async with contextlib.aclosing(aiter(stream)) as messages:
            first = await next_of(messages)
        assert first.sequence == place[1] + 1

    run(work())


def test_new_epoch_is_told_as_a_gap(api) -> None:
    async def work() -> None:
        stream = EventStream(f"http://127.0.0.1:{api.port}", epoch="older", since=10**6)
        async with contextlib.aclosing(aiter(stream)) as messages:
            assert await next_of(messages) == Gap(api.service.feed.sequence)
        assert stream.epoch == api.service.feed.epoch

    run(work())


def test_half_open_line_is_noticed(api) -> None:
    async def work() -> None:
        async with Line(api.port) as line:
            stream = EventStream(
                f"http://127.0.0.1:{line.port}", ["stats"],
                ping_interval_s=0.1, ping_timeout_s=0.1,
            )  # fmt: skip
            async with following(stream) as queue:
                line.is_silent = True
                await asyncio.to_thread(tell, api, 1)
                await asyncio.sleep(0.5)
                line.is_silent = False
                assert isinstance(await get(queue), Event)
            assert stream.connections == 2

    run(work())


def test_node_that_is_gone_is_given_up_after_the_time_allowed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    async def work() -> None:
        stream = EventStream(f"http://127.0.0.1:{port}", give_up_after_s=0.3)
        with pytest.raises(NodeUnreachable):
            await next_of(aiter(stream))

    run(work())


def test_topic_that_is_none_is_refused(api) -> None:
    async def work() -> None:
        stream = EventStream(f"http://127.0.0.1:{api.port}", ["weather"])
        with pytest.raises(NodeRefused) as raised:
            await next_of(aiter(stream))
        assert raised.value.code == "ws-topic"

    run(work())


def test_unknown_cookie_is_renewed_once(api, access) -> None:
    access.token = "cd_cookie_old"

    async def work() -> None:
        async with following(EventStream(access)):
            pass
        with pytest.raises(NodeRefused):
            await next_of(aiter(EventStream(Access(access.url, token="cd_x_y"))))

    run(work())


def test_busy_node_is_asked_again_until_the_time_is_over() -> None:
    busy = http_answer(503, b'{"error":{"code":"api-busy","message":"m"}}', retry_after="0")

    async def work(url) -> None:
        with pytest.raises(NodeUnreachable, match="no reader"):
            await next_of(aiter(EventStream(url, give_up_after_s=0.2)))

    with scripted(*[busy] * 5_000) as server:
        run(work(server.url))
        assert len(server.requests) > 1


def test_server_without_a_feed_is_a_mismatch() -> None:
    switching = (
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
        b"sec-websocket-accept: wrong\r\n\r\n"
    )

    async def work(url) -> None:
        with pytest.raises(ProtocolMismatch):
            await next_of(aiter(EventStream(url)))

    with scripted(switching) as server:
        run(work(server.url))
