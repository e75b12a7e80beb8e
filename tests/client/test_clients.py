"""Both clients ask every route of a real node, and say what is wrong with any other server."""

from __future__ import annotations

import asyncio
import functools
import inspect

import pytest

from chaindeck.client import (
    AsyncNodeClient,
    NodeClient,
    NodeRefused,
    NodeTimeout,
    NodeUnreachable,
    ProtocolMismatch,
    calls,
)
from chaindeck.client.retries import NO_RETRIES, RetryPlan
from chaindeck.node.api.table import list_routes
from tests.client.servers import HEALTHY, http_answer, scripted
from tests.ledger.forge import ALICE, address
from tests.node.api.serving import payment_form
from tests.node.running import faucet_payment

QUICK = RetryPlan(attempts=3, first_wait_s=0.001, max_wait_s=0.002)


class Awaited:
    """The asynchronous client, called as if it waited."""

    def __init__(self, access, plan=QUICK) -> None:
        self._runner = asyncio.Runner()
        self._client = AsyncNodeClient(access, plan=plan)

    def __getattr__(self, name):
        method = getattr(self._client, name)

        @functools.wraps(method)
        def call(*arguments, **options):
            answer = method(*arguments, **options)
            if inspect.isasyncgen(answer):
                return iter(self._runner.run(_collect(answer)))
            return self._runner.run(answer)

        return call

    def __enter__(self):
        return self

    def __exit__(self, *_: object) -> None:
        async def close() -> None:
            async with self._client:
                pass
            await asyncio.sleep(0)

        self._runner.run(close())
        self._runner.close()


async def _collect(answers):
    return [item async for item in answers]


KINDS = [functools.partial(NodeClient, plan=QUICK), Awaited]


@pytest.fixture(params=KINDS, ids=["waiting", "awaited"])
def kind(request):
    return request.param


@pytest.fixture
def client(kind, access):
    with kind(access) as opened:
        yield opened


def offer(api, coin, amount=1_000):
    return api.run(_build(api, coin, amount))


async def _build(api, coin, amount):
    return faucet_payment(api.service, ALICE.key_hash, coin=coin, amount=amount, fee=500)


def test_clients_have_the_same_methods_for_every_route() -> None:
    def names(kind):
        return {
            name: list(inspect.signature(method).parameters)
            for name, method in inspect.getmembers(kind, inspect.isfunction)
            if not name.startswith("_")
        }

    assert names(NodeClient) == names(AsyncNodeClient)
    asked = inspect.getsource(calls)
    for route in list_routes(has_miner=True, has_dev_tools=True, has_peers=True):
        stem = route.path.partition("/{")[0]
        known = stem in asked or stem.startswith("/api/admin/")
        assert known or stem in ("/api/openapi.json", "/api/docs"), route.path


def test_standing_is_read(client, api) -> None:
    status = client.status()
    assert status.node_id == client.health().instance_id == api.service.instance_id
    assert status.profile == "dev"
    assert client.stats().feed_sequence >= 0
    assert client.mempool().max_count > 0
    assert "chaindeck" in client.metrics()


def test_peers_are_read_added_dropped_and_recorded(client, api) -> None:
    assert client.status().peers.topology == "mesh"
    assert client.admin_add_peer("192.0.2.7").done == "added"
    seen = client.peers()
    assert seen.listens_at == api.app.context.peering.listens_at
    assert (seen.peers, seen.summary.known) == ([], 1)
    assert client.admin_drop_peer("192.0.2.7").done == "dropped"
    assert client.admin_drop_peer("192.0.2.7", 60).done == "barred"
    assert len(client.peers().barred) == 1
    capture = client.admin_capture(60)
    assert capture.is_running
    assert client.admin_capture(0).path == capture.path
    with pytest.raises(NodeRefused) as refused:
        client.admin_capture(0)
    assert refused.value.code == "capture-missing"


def test_blocks_are_mined_and_walked_page_by_page(client) -> None:
    mined = client.mine(3, address(ALICE))
    headers = list(client.blocks(1, page_rows=2))
    assert [row.height for row in headers] == list(range(1, mined.height + 1))
    block = client.block(mined.height)
    assert block.hash == mined.hashes[-1] == headers[-1].hash
    assert client.raw_block(block.hash)[:96]
    lines = list(client.stream_chain(1))
    assert len(lines) == mined.height
    assert all(line.endswith(b"\n") for line in lines)
    assert client.template(address(ALICE)).height == mined.height + 1
    taken = client.submit_block(client.raw_block(block.hash))
    assert taken.status == "known"
    assert client.status().height == mined.height


def test_payments_are_offered_in_each_form_and_followed(client, api) -> None:
    payments = [offer(api, coin) for coin in range(3)]
    assert client.submit(payment_form(payments[0]), dry_run=True).status == "accepted"
    assert client.submit(payment_form(payments[0])).fee == 500
    (many,) = client.submit_many([payment_form(payments[1])])
    (packed,) = client.submit_packed([payments[2]])
    assert {many.status, packed.status} == {"accepted"}
    assert calls.rejection(packed) is None
    waiting = {row.id for row in client.transactions("age", page_rows=2)}
    assert waiting == {item.id.hex() for item in payments}
    assert client.transaction(packed.id).status == "pooled"
    client.mine(1, address(ALICE))
    state = client.transaction(packed.id, proof=True)
    assert (state.status, state.confirmations) == ("confirmed", 1)
    assert state.proof is not None
    assert client.transaction("00" * 32).status == "unknown"


def test_address_is_walked_page_by_page(client, api) -> None:
    client.dev_faucet(address(ALICE), 5_000)
    client.mine(2, address(ALICE))
    page = client.address(address(ALICE))
    assert page.balance.coins == len(list(client.coins(address(ALICE), page_rows=1)))
    history = list(client.history(address(ALICE), page_rows=1))
    assert len(history) >= 3
    assert history[0].height >= history[-1].height


def test_refusal_carries_the_nodes_own_words(client, api) -> None:
    payment = offer(api, 5)
    client.submit_packed([payment])
    with pytest.raises(NodeRefused) as raised:
        client.submit(payment_form(payment))
    assert (raised.value.code, raised.value.status) == ("pool-known", 409)
    (again,) = client.submit_packed([payment])
    refused = calls.rejection(again)
    assert refused is not None
    assert refused.code == "pool-known"
    with pytest.raises(NodeRefused) as raised:
        client.block(10**9)
    assert (raised.value.code, raised.value.field) == ("api-height", "block")
    with pytest.raises(NodeRefused):
        list(client.stream_chain(-1))


def test_commands_are_given(client) -> None:
    name = client.dev_snapshot()
    hashes = client.mine(2, address(ALICE)).hashes
    assert client.admin_invalidate(hashes[0]).tip != hashes[1]
    assert client.admin_reconsider(hashes[0]).tip == hashes[1]
    assert client.admin_prefer(hashes[1]).tip == hashes[1]
    assert hashes[1] in {tip.hash for tip in client.admin_tips()}
    with pytest.raises(NodeRefused):
        client.admin_checkpoint(1, hashes[0], [])
    assert client.dev_revert(name).tip != hashes[1]
    assert client.dev_clock(is_frozen=True).is_frozen
    assert client.dev_clock(advance_ms=5, is_frozen=False).time_ms > 0
    assert client.dev_reset().height == 0


def test_renewed_cookie_is_taken_up(kind, api, access) -> None:
    with kind(access) as client:
        client.mine(1, address(ALICE))
        access.token = "cd_cookie_old"
        assert client.mine(1, address(ALICE)).height > 0


def test_nobody_listening_is_unreachable(kind) -> None:
    with kind("http://127.0.0.1:1") as client, pytest.raises(NodeUnreachable) as raised:
        client.health()
    assert raised.value.code == "client-unreachable"


def test_broken_line_is_tried_again_for_questions_only(kind) -> None:
    with scripted(b"", b"", HEALTHY) as server, kind(server.url) as client:
        assert client.health().ok
        assert len(server.requests) == 3
    with scripted(b"", HEALTHY) as server, kind(server.url) as client:
        with pytest.raises(NodeUnreachable):
            client.mine(1)
        assert len(server.requests) == 1


def test_answer_cut_in_the_middle_is_a_broken_line(kind) -> None:
    cut = http_answer(200, b"x" * 100)[:-50]
    with (
        scripted(cut, is_curt=True) as server,
        kind(server.url, plan=NO_RETRIES) as client,
        pytest.raises(NodeUnreachable),
    ):
        client.health()


def test_busy_node_is_asked_again(kind) -> None:
    busy = http_answer(429, b'{"error":{"code":"api-rate","message":"m"}}', retry_after="0")
    with scripted(busy, busy, HEALTHY) as server, kind(server.url) as client:
        assert client.health().pid == 1
    with scripted(busy, busy, busy) as server, kind(server.url) as client:
        with pytest.raises(NodeRefused) as raised:
            client.health()
        assert raised.value.code == "api-rate"


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"ok":"yes"}', b"[]", b"\xff"])
def test_stranger_is_told_apart_from_a_node(kind, body) -> None:
    with scripted(http_answer(200, body)) as server, kind(server.url) as client:
        with pytest.raises(ProtocolMismatch) as raised:
            client.health()
        assert raised.value.code == "client-protocol"


def test_what_is_not_http_is_a_mismatch(kind) -> None:
    with (
        scripted(b"SSH-2.0-OpenSSH\r\n\r\n") as server,
        kind(server.url) as client,
        pytest.raises(ProtocolMismatch),
    ):
        client.health()


def test_refusal_without_a_code_gets_one(kind) -> None:
    with scripted(http_answer(404, b"nothing here")) as server, kind(server.url) as client:
        with pytest.raises(NodeRefused) as raised:
            client.health()
        assert (raised.value.code, raised.value.status) == ("client-refused", 404)
        assert "nothing here" in str(raised.value)


def test_silent_node_runs_out_of_time(kind, monkeypatch) -> None:
    health = calls.Call("GET", "/health", calls.health().shape, timeout_s=0.2)
    monkeypatch.setattr(calls, "health", lambda: health)
    with (
        scripted(is_silent=True) as server,
        kind(server.url, plan=NO_RETRIES) as client,
        pytest.raises(NodeTimeout) as raised,
    ):
        client.health()
    assert raised.value.code == "client-timeout"


def test_connection_is_kept_and_replaced_when_the_node_closed_it(kind) -> None:
    with scripted(HEALTHY, HEALTHY, b"", HEALTHY) as server, kind(server.url) as client:
        for _ in range(3):
            assert client.health().ok
