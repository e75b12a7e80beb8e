"""Nothing that a client sends is an error of the node's: queries, bodies, anything at all."""

import http.client
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaindeck.node.api import requests
from chaindeck.node.api.forms import PoolQuery
from chaindeck.node.api.requests import read_query
from chaindeck.node.api.table import list_routes
from chaindeck.node.errors import BodyTooLarge, BodyTooSlow, ParameterInvalid
from chaindeck.node.limits import MAX_FORM_BYTES
from tests.ledger.forge import ALICE, address
from tests.node.api.serving import read_all

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["inputs", "outputs", "timestamp", "id", "raw", "hash", "height", "blocks"]
            )
            | st.text(max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
POSTS = [
    route.path
    for route in list_routes(has_miner=True, has_dev_tools=True, has_peers=True)
    if route.body is not None
]


@pytest.mark.parametrize(
    "query",
    [b"limit", b"limit=1&limit=2", b"=1", b"limit=%FF", b"\xff", b"&".join([b"a=1"] * 40),
     b"limit=1e3", b"limit=", b"sort=%00", b"unknown=1", b"cursor=1%0A"],
)  # fmt: skip
def test_malformed_query_is_refused(query):
    with pytest.raises(ParameterInvalid):
        requests.read_tx_id(read_query(query, PoolQuery).cursor or "")


def test_query_without_parameters_has_the_defaults():
    assert read_query(b"", PoolQuery) == PoolQuery()


@given(st.binary(max_size=60))
def test_any_query_is_read_or_refused(query):
    try:
        read_query(query, PoolQuery)
    except ParameterInvalid:
        return


@given(path=st.sampled_from(POSTS), value=JSON_VALUES)
def test_any_json_is_answered_properly(api, path, value):
    if isinstance(value, dict) and isinstance(value.get("blocks"), int):
        value["blocks"] = 0
    answer = api.post(path, json.dumps(value).encode(), token=api.cookie, kind="application/json")
    assert answer.status < 500
    if answer.status >= 400:
        assert set(answer.json["error"]) == {"code", "message", "field"}


@given(
    path=st.sampled_from(POSTS),
    body=st.binary(max_size=300),
    kind=st.sampled_from(["application/json", "application/octet-stream", "text/plain", ";"]),
)
def test_any_bytes_are_answered_properly(api, path, body, kind):
    answer = api.post(path, body or b"x", token=api.cookie, kind=kind)
    assert 200 <= answer.status < 500


@pytest.mark.parametrize("size", [MAX_FORM_BYTES, MAX_FORM_BYTES + 1])
def test_form_has_at_most_64_kilobytes(api, size):
    body = json.dumps({"address": address(ALICE), "blocks": 1}).encode().ljust(size)
    answer = api.post("/api/mine", body, token=api.cookie, kind="application/json")
    if size <= MAX_FORM_BYTES:
        assert answer.status == 200
    else:
        assert (answer.status, answer.code) == (413, BodyTooLarge.code)


def chunked(api, pieces, path="/api/mine"):
    head = (
        f"POST {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {api.cookie}\r\n"
        "content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    with api.line() as line:
        line.sendall(head.encode())
        for piece in pieces:
            line.sendall(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        line.sendall(b"0\r\n\r\n")
        response = http.client.HTTPResponse(line)
        response.begin()
        return response.status, response.read()


def test_body_in_chunks_is_put_together(api):
    form = json.dumps({"address": address(ALICE), "blocks": 1}).encode()
    assert chunked(api, [form[:9], form[9:]])[0] == 200


def test_chunks_beyond_the_limit_are_refused(api):
    status, body = chunked(api, [b" " * (MAX_FORM_BYTES - 9), b" " * 10])
    assert status == 413
    assert b"api-body-size" in body


@pytest.mark.parametrize("start", [b"", b"["])
def test_body_that_does_not_end_is_not_waited_for(api, monkeypatch, start):
    monkeypatch.setattr(requests, "API_BODY_TIMEOUT_S", 0.05)
    head = b"POST /api/transactions HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n"
    with api.line() as line:
        line.sendall(head + start)
        answered = read_all(line)
    assert answered.startswith(b"HTTP/1.1 408")
    assert BodyTooSlow.code.encode() in answered


def test_client_that_leaves_in_the_middle_of_a_body_is_forgotten(api, caplog):
    with api.line() as line:
        line.sendall(
            b"POST /api/transactions HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n["
        )
    assert api.get("/health").status == 200
    assert not caplog.records


def test_no_content_type_is_taken_for_json(api):
    assert api.post("/api/transactions", b"[]").json == []
