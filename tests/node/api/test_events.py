"""The feed over a WebSocket: what is followed, what was missed, and who is too slow."""

import asyncio
import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosedError, InvalidStatus

from chaindeck.node.api import context as context_module
from chaindeck.node.api import events as events_module
from chaindeck.node.errors import MessageInvalid, TopicUnknown
from chaindeck.node.feed import TOPICS
from chaindeck.node.limits import (
    FEED_EVENTS,
    MAX_FEED_READERS,
    SUBSCRIBER_EVENTS,
    WEBSOCKET_MESSAGE_BYTES,
)
from tests.ledger.forge import BOB
from tests.node.api.serving import WAIT_S, serving
from tests.node.running import faucet_payment


def read(reader):
    return json.loads(reader.recv(timeout=WAIT_S))


def tell(api, count=1, topic="stats"):
    for number in range(count):
        api.call(api.service.feed.publish, topic, {"number": number})


def code_of(closed):
    assert closed.rcvd is not None
    return closed.rcvd.code


def refusal(api, query="", **options):
    with pytest.raises(InvalidStatus) as caught, api.follow(query, **options):
        pass
    response = caught.value.response
    return response.status_code, json.loads(response.body)["error"]["code"]


def test_reader_is_greeted_and_hears_of_blocks_and_payments(fresh):
    with fresh.follow() as reader:
        feed = fresh.service.feed
        assert read(reader) == {
            "type": "hello", "epoch": feed.epoch, "sequence": 0, "topics": sorted(TOPICS),
        }  # fmt: skip
        payment = faucet_payment(fresh.service, BOB.key_hash, fee=5)
        fresh.offer(payment)
        event = read(reader)
        assert (event["type"], event["sequence"], event["topic"]) == ("event", 1, "transaction")
        assert (event["data"]["id"], event["data"]["status"]) == (payment.id.hex(), "pooled")
        (block_hash,) = fresh.mine()
        event = read(reader)
        assert (event["sequence"], event["topic"]) == (2, "block")
        assert (event["data"]["hash"], event["data"]["tx_count"]) == (block_hash, 2)


def test_reader_hears_only_of_its_topics(api):
    with api.follow("?topics=block,reorg") as reader:
        assert read(reader)["topics"] == ["block", "reorg"]
        tell(api, topic="stats")
        tell(api, topic="reorg")
        assert read(reader)["topic"] == "reorg"


def test_reader_may_change_its_topics(api):
    with api.follow("?topics=") as reader:
        assert read(reader)["topics"] == []
        reader.send('{"subscribe": ["stats", "peer"], "unsubscribe": ["peer", "sync"]}')
        assert read(reader) == {"type": "topics", "topics": ["stats"]}
        tell(api, topic="peer")
        tell(api, topic="stats")
        assert read(reader)["topic"] == "stats"
        reader.send('{"unsubscribe": ["stats"]}')
        assert read(reader)["topics"] == []


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("", "json-syntax"), ("x", "json-syntax"), ("[]", "json-shape"), ("7", "json-shape"),
        ('{"subscribe": "block"}', "json-shape"), ('{"topics": []}', "json-shape"),
        ('{"subscribe": ["moon"]}', TopicUnknown.code), (b"{}", MessageInvalid.code),
        ("[" * 3_000, "json-shape"),
    ],
)  # fmt: skip
def test_bad_message_is_complained_about_and_the_socket_stays(api, message, code):
    with api.follow() as reader:
        read(reader)
        reader.send(message)
        complaint = read(reader)
        assert (complaint["type"], complaint["code"]) == ("error", code)
        reader.send("{}")
        assert read(reader)["type"] == "topics"


@given(st.text(max_size=40) | st.binary(max_size=40))
def test_any_message_is_answered(talking, message):
    talking.send(message)
    assert read(talking)["type"] in ("error", "topics")


@pytest.fixture(scope="module")
def talking(api):
    with api.follow("?topics=") as reader:
        read(reader)
        yield reader


@pytest.mark.parametrize("size", [WEBSOCKET_MESSAGE_BYTES, WEBSOCKET_MESSAGE_BYTES + 1])
def test_message_has_at_most_16_kilobytes(api, size):
    with api.follow() as reader:
        read(reader)
        reader.send("{}".ljust(size))
        if size <= WEBSOCKET_MESSAGE_BYTES:
            assert read(reader)["type"] == "topics"
        else:
            with pytest.raises(ConnectionClosedError) as caught:
                read(reader)
            assert code_of(caught.value) == 1009


def test_reader_that_comes_back_gets_what_it_missed(api):
    with api.follow("?topics=stats") as reader:
        hello = read(reader)
    tell(api, 3)
    query = f"?topics=stats&epoch={hello['epoch']}&since={hello['sequence']}"
    with api.follow(query) as reader:
        assert read(reader)["sequence"] == hello["sequence"] + 3
        numbers = [read(reader)["sequence"] - hello["sequence"] for _ in range(3)]
        assert numbers == [1, 2, 3]


def test_reader_of_another_epoch_is_told_of_a_gap(api):
    tell(api)
    with api.follow("?epoch=of-yesterday&since=1") as reader:
        hello = read(reader)
        assert read(reader) == {"type": "gap", "sequence": hello["sequence"]}
        tell(api)
        assert read(reader)["sequence"] == hello["sequence"] + 1


def test_reader_from_the_future_is_told_of_a_gap(api):
    sequence = api.service.feed.sequence
    with api.follow(f"?epoch={api.service.feed.epoch}&since={sequence + 1}") as reader:
        read(reader)
        assert read(reader)["type"] == "gap"


def test_reader_that_missed_more_than_is_kept_is_told_of_a_gap(fresh):
    async def fill():
        for _ in range(FEED_EVENTS + 1):
            fresh.service.feed.publish("stats", {})

    fresh.run(fill())
    with fresh.follow(f"?epoch={fresh.service.feed.epoch}&since=0") as reader:
        read(reader)
        gap = read(reader)
        event = read(reader)
        assert gap["type"] == "gap"
        assert event["sequence"] == gap["sequence"] + 1


def test_slow_reader_loses_events_and_is_told_so(fresh):
    """Nobody reads while far more is told than the sockets' buffers and the queue can hold."""
    with fresh.follow("?topics=stats", max_queue=1) as reader:
        read(reader)

        async def flood():
            for _ in range(40):
                for _ in range(SUBSCRIBER_EVENTS):
                    fresh.service.feed.publish("stats", {"filling": "x" * 200})
                await asyncio.sleep(0)

        fresh.run(flood())
        total = 40 * SUBSCRIBER_EVENTS
        kinds, last = [], 0
        while last < total:
            message = read(reader)
            kinds.append(message["type"])
            assert message["sequence"] > last
            last = message["sequence"]
        assert "gap" in kinds
        assert len(kinds) < total


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("?topics=moon", "ws-topic"), ("?since=1", "api-parameter"), ("?epoch=x", "api-parameter"),
        ("?since=-1&epoch=x", "api-parameter"), ("?since=x&epoch=x", "api-parameter"),
        ("?token=x", "api-parameter"), ("?topics=block&topics=reorg", "api-parameter"),
    ],
)  # fmt: skip
def test_bad_parameter_refuses_the_handshake(api, query, code):
    assert refusal(api, query) == (400, code)


def test_page_of_another_origin_may_not_follow(api):
    assert refusal(api, origin="https://evil.example") == (403, "api-origin")


def test_listed_page_may_follow(tmp_path):
    page = "https://panel.example"
    with serving(tmp_path, origins=[page]) as api, api.follow(origin=page) as reader:
        assert read(reader)["type"] == "hello"


def test_reader_needs_the_scope_to_read(tmp_path):
    with serving(tmp_path, open_loopback=False) as api:
        assert refusal(api) == (401, "api-token-missing")
        scoped = {
            scope: {"Authorization": f"Bearer {api.tokens.create_token([scope], scope)}"}
            for scope in ("submit", "read")
        }
        assert refusal(api, additional_headers=scoped["submit"]) == (403, "api-scope")
        bad = {"Authorization": "Bearer cd_cookie_x"}
        assert refusal(api, additional_headers=bad) == (401, "api-token-unknown")
        with api.follow(additional_headers=scoped["read"]) as reader:
            assert read(reader)["type"] == "hello"


def test_only_so_many_may_follow(api):
    places = api.app.context.readers
    before, places.taken = places.taken, MAX_FEED_READERS
    try:
        assert refusal(api) == (503, "api-busy")
    finally:
        places.taken = before


def test_other_addresses_have_no_socket(api):
    import websockets.sync.client

    url = f"ws://127.0.0.1:{api.port}/ws/other"
    with pytest.raises(InvalidStatus) as caught, websockets.sync.client.connect(url):
        pass
    assert caught.value.response.status_code == 404


def test_reader_that_leaves_frees_its_place(fresh):
    with fresh.follow() as reader:
        read(reader)
        assert fresh.service.feed.reader_count == 1

    async def freed():
        while fresh.service.feed.reader_count or fresh.app.context.readers.taken:
            await asyncio.sleep(0.01)

    fresh.run(freed())


def test_reader_that_asks_too_much_is_told_and_stays(tmp_path):
    from chaindeck.node.api.rates import Rates

    with serving(tmp_path, rates=Rates(0.001, 6)) as api, api.follow() as reader:
        read(reader)
        reader.send("{}")
        assert read(reader)["type"] == "topics"
        reader.send("{}")
        assert read(reader)["code"] == "api-rate"


def test_stop_closes_every_socket_with_its_code(tmp_path):
    with contextlib.ExitStack() as stack:
        with serving(tmp_path) as api:
            reader = stack.enter_context(api.follow())
            read(reader)
        with pytest.raises(ConnectionClosedError) as caught:
            read(reader)
    assert code_of(caught.value) == 1012


def test_event_is_written_once_for_all_readers(monkeypatch):
    from chaindeck.node.feed import FeedEvent

    monkeypatch.setattr(events_module, "ENCODED_EVENTS", 2)
    texts = events_module.EventTexts()
    event = FeedEvent(1, "block", {"a": 1})
    assert texts.of(event) is texts.of(event)
    assert json.loads(texts.of(event)) == {
        "type": "event", "sequence": 1, "topic": "block", "data": {"a": 1},
    }  # fmt: skip
    for number in range(2, 5):
        texts.of(FeedEvent(number, "block", {}))
    assert len(texts._texts) <= 2


def test_places_are_given_back_after_a_failure():
    places = context_module.Places(1, "things")

    def fail():
        with places.taking():
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert places.taken == 0


def test_fault_while_telling_ends_the_socket_instead_of_its_silence(fresh, monkeypatch, caplog):
    def fail(*_):
        raise ZeroDivisionError("a fault")

    monkeypatch.setattr(events_module.EventTexts, "of", fail)
    with fresh.follow() as reader:
        read(reader)
        tell(fresh)
        with pytest.raises(ConnectionClosedError):
            read(reader)
    assert "a fault" in caplog.text
