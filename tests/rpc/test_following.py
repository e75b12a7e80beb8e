"""A stream that is followed across servers that end, fall silent, or will not have the reader."""

import asyncio

import pytest

from chaindeck.rpc import forms
from chaindeck.rpc.access import coordinator_access
from chaindeck.rpc.channel import RpcChannel
from chaindeck.rpc.contract import COORDINATOR
from chaindeck.rpc.errors import PartRefused, RequestInvalid, TooManyCalls
from chaindeck.rpc.following import Away, EventFollower
from chaindeck.rpc.forms import Event, StreamHello
from chaindeck.rpc.server import RpcServer
from tests.rpc.desks import Desk, serving


def hello(place, *, epoch="e", has_gap=False):
    greeting = forms.StreamHello(
        epoch=epoch, first_seq=1, last_seq=9, has_gap=has_gap, starts_after=place
    )
    return forms.StreamEventsReply(hello=greeting)


def batch(*numbers):
    events = tuple(
        Event(seq=seq, time_ms=1, topic="node", kind="changed", key="a", data={}) for seq in numbers
    )
    return forms.StreamEventsReply(batch=forms.EventBatch(events=events))


def beat(last):
    return forms.StreamEventsReply(heartbeat=forms.Heartbeat(time_ms=1, last_seq=last))


async def test_follower_comes_back_with_its_place_to_the_next_server(home):
    access = coordinator_access(home)
    first, second = Desk(), Desk()
    first.replies = [hello(3), batch(4, 5), beat(7)]
    second.replies = [hello(7), batch(8)]
    first.held.set()
    server = await RpcServer.start(COORDINATOR, first, access, instance="1")
    async with RpcChannel(access) as channel:
        items = aiter(EventFollower(channel, {"node"}, epoch="e", since=3))
        assert isinstance(await anext(items), StreamHello)
        assert [(await anext(items)).seq for _ in range(2)] == [4, 5]
        assert isinstance(await anext(items), Away)
        await server.stop()
        server = await RpcServer.start(COORDINATOR, second, access, instance="2")
        assert (await anext(items)).starts_after == 7
        assert (await anext(items)).seq == 8
        second.held.set()
        await items.aclose()
    await server.stop()
    asked = forms.StreamEventsRequest(epoch="e", since=7, topics=("node",))
    assert second.asked[0] == ("stream_events", asked)


async def test_follower_takes_over_another_epoch(home):
    desk = Desk()
    desk.replies = [hello(2, epoch="new", has_gap=True)]
    async with serving(home, desk) as (_, channel):
        follower = EventFollower(channel, epoch="old", since=90)
        assert (await anext(aiter(follower))).has_gap
        assert (follower.epoch, follower.since) == ("new", 2)


async def test_stream_that_falls_silent_is_left_for_another(home):
    desk = Desk()
    desk.replies = [hello(0)]
    async with serving(home, desk) as (_, channel):
        items = aiter(EventFollower(channel, silence_s=0.05))
        kinds = [type(await anext(items)) for _ in range(3)]
        assert kinds == [StreamHello, Away, StreamHello]


async def test_reader_that_will_not_be_had_is_told(home):
    desk = Desk()
    desk.trouble = RequestInvalid(reason="no such topic")
    async with serving(home, desk) as (_, channel):
        with pytest.raises(PartRefused, match="no such topic"):
            await anext(aiter(EventFollower(channel)))


async def test_server_that_is_busy_is_tried_again(home):
    desk = Desk()
    desk.replies = [hello(0)]
    desk.trouble = TooManyCalls(limit=1, what="streams")
    async with serving(home, desk) as (_, channel):
        items = aiter(EventFollower(channel))
        away = await anext(items)
        assert isinstance(away, Away)
        assert "1 streams" in away.reason
        desk.trouble = None
        async with asyncio.timeout(10):
            assert isinstance(await anext(items), StreamHello)
