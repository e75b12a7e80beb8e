"""Loads are made, sent and counted rightly, and nothing is hidden."""

from __future__ import annotations

import asyncio

import pytest

from chaindeck.client import Access, NodeClient, NodeUnreachable, ProtocolMismatch
from chaindeck.client.errors import LoadImpossible
from chaindeck.client.load.drive import Drive, Plan, drive
from chaindeck.client.load.funds import Funds
from chaindeck.client.load.payments import Payer, RequestBytes, build_requests
from chaindeck.client.load.report import percentile_ms, summarize
from chaindeck.ledger.signatures import SigningKey
from chaindeck.node.dev import FAUCET_KEY
from tests.client.servers import http_answer, scripted
from tests.ledger.forge import ALICE

NOBODY = SigningKey(b"\x05" * 32)
ONE = RequestBytes(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n", 1)


def payer(api, key=FAUCET_KEY):
    return Payer(key, api.service.network.id, "tdeck")


@pytest.fixture
def client(access):
    with NodeClient(access) as opened:
        yield opened


def funds(client, paying, **options):
    given = {"mines": True, "wait_s": 10.0, "fee": 1_000, **options}
    return Funds(client, paying, **given)


@pytest.mark.parametrize(
    ("batch", "form"), [(1, "json"), (1, "packed"), (7, "json"), (7, "packed")]
)
def test_every_payment_is_accepted_and_mined(api, client, batch, form) -> None:
    paying = payer(api)
    source = funds(client, paying)
    now_s = client.status().time_ms // 1000
    coins = source.prepare(30, now_s, lambda done, total: None)
    payments = [paying.pay(coin, ALICE.key_hash, 1_000, now_s) for coin in coins]
    requests = build_requests(payments, client.access, batch=batch, form=form, prefix="tdeck")
    assert sum(request.payments for request in requests) == 30
    done = asyncio.run(drive(requests, client.access, Plan(connections=2)))
    assert (done.sent, done.accepted, done.first_refusal) == (30, 30, "")
    assert len(done.latencies_s) == len(requests)
    assert source.empty_pool() == 0
    assert client.transaction(payments[-1].id.hex()).status == "confirmed"


def test_refusals_are_counted_and_the_first_is_shown(api, client) -> None:
    paying = payer(api)
    now_s = client.status().time_ms // 1000
    coins = funds(client, paying).prepare(1, now_s, lambda done, total: None)
    payment = paying.pay(coins[0], ALICE.key_hash, 1_000, now_s)
    requests = build_requests([payment] * 3, client.access, batch=1, form="json", prefix="tdeck")
    done = asyncio.run(drive(requests, client.access, Plan()))
    report = summarize(done, mode="m", connections=1, batch=1)
    assert (report.sent, report.accepted, report.refused) == (3, 1, 2)
    assert "pool-known" in report.first_refusal


def test_payer_without_coins_is_told_how_much_it_needs(api, client) -> None:
    with pytest.raises(LoadImpossible, match="base units") as raised:
        funds(client, payer(api, NOBODY)).prepare(5, 1, lambda done, total: None)
    assert raised.value.code == "client-load"


def test_node_that_does_not_mine_is_waited_for_only_so_long(api, client) -> None:
    source = funds(client, payer(api), mines=False, wait_s=0.1)
    client.dev_faucet(source.address, 5_000_000)
    assert source.empty_pool() > 0
    with pytest.raises(LoadImpossible, match="no block"):
        source.settle([bytes(32)])


def test_rate_is_kept_and_time_is_bounded() -> None:
    accepted = http_answer(200, b'{"status":"accepted"}')
    with scripted(*[accepted] * 50) as server:
        plan = Plan(rate_per_s=50.0)
        done = asyncio.run(drive([ONE] * 10, Access(server.url), plan))
        assert done.accepted == 10
        assert 0.17 <= done.took_s < 2
    with scripted(*[accepted] * 50) as server:
        plan = Plan(rate_per_s=20.0, limit_s=0.2)
        done = asyncio.run(drive([ONE] * 1_000, Access(server.url), plan))
        assert done.sent < 20


def test_broken_line_and_strange_answer_end_the_load() -> None:
    with scripted(b"") as server, pytest.raises(NodeUnreachable):
        asyncio.run(drive([ONE], Access(server.url), Plan()))
    with scripted(b"HTTP/1.1 200 OK\r\n\r\n") as server, pytest.raises(ProtocolMismatch):
        asyncio.run(drive([ONE], Access(server.url), Plan()))
    with pytest.raises(NodeUnreachable):
        asyncio.run(drive([ONE], Access("http://127.0.0.1:1"), Plan()))
    with pytest.raises(LoadImpossible):
        asyncio.run(drive([ONE], Access("https://127.0.0.1:1"), Plan()))


def test_percentiles_are_values_that_were_measured() -> None:
    ordered = [number / 1000 for number in range(1, 101)]
    assert [percentile_ms(ordered, percent) for percent in (50, 95, 99, 100)] == [50, 95, 99, 100]
    assert percentile_ms([], 50) == 0.0
    assert percentile_ms([0.002], 50) == 2.0
    assert summarize(Drive(), mode="m", connections=1, batch=1).accepted_per_s == 0.0
