"""Connections that are too many, too slow, too large or not HTTP, and a stop that is quick."""

import asyncio
import http.client
import socket
import threading
import time

import pytest

from chaindeck.node.api import server as server_module
from chaindeck.node.api.server import serve
from chaindeck.node.errors import HeadersTooLarge, HeadersTooSlow, HttpMalformed, Stopping
from chaindeck.node.limits import API_MAX_HEADER_BYTES
from tests.node.api.serving import read_all, serving, speak

STOP_S = 5
"""What a stop may take, on a busy machine too."""


@pytest.mark.parametrize(
    "raw",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nbad header\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n",
        b"POST /api/mine HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nhost: a\r\n\r\n",
    ],
)
def test_what_is_not_http_is_refused_in_our_form(api, raw):
    answered = speak(api, raw)
    assert answered.startswith(b"HTTP/1.1 400 ")
    assert HttpMalformed.code.encode() in answered


def request_of(size):
    """A request whose first line and headers have so many bytes as they are counted."""
    fixed = len(b"/health") + len(b"hosta") + len(b"connectionclose") + len(b"x-filling")
    return (
        b"GET /health HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx-filling: "
        + b"x" * (size - fixed)
        + b"\r\n\r\n"
    )


@pytest.mark.parametrize("size", [API_MAX_HEADER_BYTES, API_MAX_HEADER_BYTES + 1])
def test_headers_have_at_most_32_kilobytes(api, size):
    answered = speak(api, request_of(size))
    if size <= API_MAX_HEADER_BYTES:
        assert answered.startswith(b"HTTP/1.1 200 ")
    else:
        assert answered.startswith(b"HTTP/1.1 431 ")
        assert HeadersTooLarge.code.encode() in answered


def test_headers_that_never_end_are_cut_off(api):
    with api.line() as line:
        line.sendall(b"GET / HTTP/1.1\r\nx: ")
        for _ in range(3):
            line.sendall(b"x" * 12_000)
            time.sleep(0)
        assert b"431" in read_all(line)


def test_headers_that_take_too_long_are_cut_off(api, monkeypatch):
    monkeypatch.setattr(server_module, "API_HEADER_TIMEOUT_S", 0.05)
    for start in (b"", b"GET / HTTP/1.1\r\nx: "):
        with api.line() as line:
            line.sendall(start)
            answered = read_all(line)
        assert answered.startswith(b"HTTP/1.1 408 ")
        assert HeadersTooSlow.code.encode() in answered


def test_second_request_on_a_line_is_timed_too(api, monkeypatch):
    with api.line() as line:
        line.sendall(b"GET /health HTTP/1.1\r\nhost: a\r\n\r\n")
        response = http.client.HTTPResponse(line)
        response.begin()
        assert response.read()
        monkeypatch.setattr(server_module, "API_HEADER_TIMEOUT_S", 0.05)
        line.sendall(b"GET /health")
        assert read_all(line).startswith(b"HTTP/1.1 408 ")


def test_line_that_rests_between_requests_stays(api, monkeypatch):
    monkeypatch.setattr(server_module, "API_HEADER_TIMEOUT_S", 0.05)
    line = http.client.HTTPConnection("127.0.0.1", api.port, timeout=10)
    line.request("GET", "/health")
    line.getresponse().read()
    time.sleep(1.2)  # longer than two rounds of the check
    line.request("GET", "/health")
    assert line.getresponse().read()
    line.close()


def test_too_many_connections_are_turned_away(fresh, monkeypatch):
    monkeypatch.setattr(server_module, "API_MAX_CONNECTIONS", 2)
    lines = [fresh.line() for _ in range(2)]
    while fresh.call(lambda: len(fresh.server.server_state.connections)) < 2:
        pass
    answered = speak(fresh, b"")
    assert answered.startswith(b"HTTP/1.1 503 ")
    assert b"api-busy" in answered
    for line in lines:
        line.close()


def test_requests_in_a_row_on_one_line_are_answered_in_order(api):
    one = b"GET /api/block/0 HTTP/1.1\r\nhost: a\r\n\r\n"
    last = b"GET /health HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
    answered = speak(api, one.replace(b"host: a", b"host: localhost") + last)
    assert answered.count(b"HTTP/1.1 200 ") == 2
    assert answered.index(b"is_active") < answered.index(b"instance_id")


def test_stop_is_quick_though_connections_rest_and_somebody_waits(tmp_path):
    from tests.ledger.forge import ALICE, address

    with serving(tmp_path) as api:
        resting = http.client.HTTPConnection("127.0.0.1", api.port, timeout=10)
        resting.request("GET", "/health")
        resting.getresponse().read()
        tip = api.get("/api/status").json["tip"]
        path = f"/api/template?address={address(ALICE)}&longpoll={tip}"
        answers = []
        waiter = threading.Thread(target=lambda: answers.append(api.get(path, token=api.cookie)))
        waiter.start()
        while not api.app.context.long_polls.taken:
            time.sleep(0.01)
        started = time.monotonic()
    assert time.monotonic() - started < STOP_S
    waiter.join()
    resting.close()
    assert answers[0].status == 200


@pytest.mark.parametrize("start", [b"", b"["])
def test_stop_answers_whoever_sends_a_body_still(tmp_path, start, caplog):
    with serving(tmp_path) as api, api.line() as line:
        line.sendall(
            b"POST /api/transactions HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n"
        )
        line.sendall(start)
        while not api.call(lambda: len(api.server.server_state.tasks)):
            time.sleep(0.005)
        api.loop.call_soon_threadsafe(api.closing.set)
        answered = read_all(line)
    assert answered.startswith(b"HTTP/1.1 503 ")
    assert Stopping.code.encode() in answered
    assert not caplog.records


def test_request_that_outlasts_a_stop_is_told_so(tmp_path, monkeypatch):
    """The server cancels it; nobody gets a plain text, nor the log a traceback."""
    monkeypatch.setattr(server_module, "API_STOP_TIMEOUT_S", 0.1)
    with serving(tmp_path) as api:

        async def hang(_: object) -> bool:
            await asyncio.Event().wait()
            return True

        monkeypatch.setattr(api.service, "submit_block", hang)
        answers = []
        raw = api.service.network.block.raw
        waiter = threading.Thread(
            target=lambda: answers.append(
                api.post("/api/block", raw, kind="application/octet-stream", token=api.cookie)
            )
        )
        waiter.start()
        while not api.call(lambda: len(api.server.server_state.tasks)):
            time.sleep(0.005)
    waiter.join(20)
    assert (answers[0].status, answers[0].code) == (503, Stopping.code)


def test_taken_port_is_an_error_for_the_caller(api):
    with pytest.raises(OSError, match="in use"):
        api.run(serve(api.app, port=api.port))


def test_server_takes_a_listener_and_ipv6(api):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        second = api.run(serve(api.app, listener=listener))
        assert second.port == port
        api.run(second.stop())
    third = api.run(serve(api.app, host="::1"))
    api.run(third.stop())
    api.app.context.stopping.clear()
