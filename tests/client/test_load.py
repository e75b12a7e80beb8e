"""Loads are made, sent and counted rightly, and nothing is hidden."""

from __future__ import annotations

import asyncio
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaindeck.client import Access, NodeClient, NodeTimeout, NodeUnreachable, ProtocolMismatch
from chaindeck.client.errors import LoadImpossible
from chaindeck.client.load import funds as funds_module
from chaindeck.client.load.circulation import Circulation, Order, least_coin
from chaindeck.client.load.drive import Drive, Plan, Prepared, drive
from chaindeck.client.load.funds import Funds
from chaindeck.client.load.latencies import Latencies
from chaindeck.client.load.payments import Payer, RequestBytes, build_requests, change_of
from chaindeck.client.load.report import summarize
from chaindeck.ledger.signatures import SigningKey
from chaindeck.node.dev import FAUCET_KEY
from tests.client.servers import http_answer, scripted
from tests.ledger.forge import ALICE

NOBODY = SigningKey(b"\x05" * 32)
ONE = RequestBytes(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n", (b"x",))
ACCEPTED = http_answer(200, b'{"status":"accepted"}')


def payer(api, key=FAUCET_KEY):
    return Payer(key, api.service.network.id, "tdeck")


@pytest.fixture
def client(access):
    with NodeClient(access) as opened:
        yield opened


def funds(client, paying, **options):
    return Funds(client, paying, **{"mines": True, "wait_s": 10.0, **options})


def prepare(source, count, least=10_000):
    return source.prepare(count, least=least, progress=lambda done, total: None)


def circulation(client, paying, source, *, coins, **options):
    order = Order(**{"to": ALICE.key_hash, "timestamp_s": 1, **options})
    found = prepare(source, coins, least_coin(order, coins))
    made = Circulation(client, source, paying, found, order)
    made.prepare()
    return made


def send(supply, access, **plan) -> Drive:
    return asyncio.run(drive(supply, access, Plan(**plan)))


@pytest.mark.parametrize(
    ("batch", "form"), [(1, "json"), (1, "packed"), (7, "json"), (7, "packed")]
)
def test_every_payment_is_accepted_and_mined(api, client, batch, form) -> None:
    paying = payer(api)
    source = funds(client, paying)
    load = circulation(client, paying, source, coins=30, count=30, batch=batch, form=form)
    done = asyncio.run(load.run(client.access, Plan(connections=2)))
    assert (done.sent, done.accepted, done.first_refusal) == (30, 30, "")
    assert done.latencies.count == -(-30 // batch)
    load.settle()
    assert (load.confirmed, load.missing, load.count_waiting()) == (30, 0, 0)


@pytest.mark.parametrize("batch", [1, 4])
def test_few_coins_carry_many_payments(api, client, batch) -> None:
    """Each coin comes back as change of what a block holds, and pays again."""
    paying = payer(api)
    load = circulation(client, paying, funds(client, paying), coins=6, count=50, batch=batch)
    done = asyncio.run(load.run(client.access, Plan(connections=2)))
    load.settle()
    assert (done.accepted, load.confirmed, load.missing) == (50, 50, 0)
    assert load.is_over
    assert done.idle_s > 0, "coins had to be waited for"


def test_payments_that_no_block_holds_are_told_from_those_that_wait(api, client) -> None:
    paying = payer(api)
    source = funds(client, paying, mines=False, wait_s=0.5)
    mining = funds(client, paying)
    coins = prepare(mining, 2)
    order = Order(to=ALICE.key_hash, timestamp_s=1, count=2)
    load = Circulation(client, source, paying, coins, order)
    load.prepare()
    first, second = load.take(), load.take()
    assert first
    assert second
    assert load.take() is None
    assert load.is_over
    done = send(Prepared([first]), client.access)
    assert done.accepted == 1
    load.settle()
    assert (load.missing, load.count_waiting()) == (2, 1), "one waits, one was never seen"
    mining.mine_or_wait()
    load.settle()
    assert (load.confirmed, load.missing, load.count_waiting()) == (1, 1, 0)


def test_time_that_is_over_leaves_nothing_to_look_for(api, client) -> None:
    paying = payer(api)
    load = circulation(client, paying, funds(client, paying), coins=40, count=400)
    done = asyncio.run(load.run(client.access, Plan(rate_per_s=50.0, limit_s=0.3)))
    load.settle()
    assert 0 < done.sent < 40
    assert (load.confirmed, load.missing, load.is_over) == (done.accepted, 0, True)


def test_time_can_be_over_while_coins_are_waited_for(api, client) -> None:
    paying = payer(api)
    (coin,) = prepare(funds(client, paying), 1)
    order = Order(to=ALICE.key_hash, timestamp_s=1, count=9)
    load = Circulation(client, funds(client, paying, mines=False), paying, [coin], order)
    done = asyncio.run(load.run(client.access, Plan(connections=2, limit_s=0.3)))
    assert (done.accepted, load.missing, load.count_waiting()) == (1, 1, 1)
    assert done.idle_s > 0.3, "of both connections together"


def test_load_whose_coins_never_come_back_ends(api, client) -> None:
    """Either every payment is refused, or the fee leaves no change worth another payment."""
    paying = payer(api)
    source = funds(client, paying)
    refused = circulation(client, paying, source, coins=1, count=2)
    source.mine_or_wait()
    taken = refused.take()
    assert send(Prepared([taken]), client.access).accepted == 1
    refused._prepared.append(taken)
    with pytest.raises(LoadImpossible, match="1 payments were refused"):
        asyncio.run(refused.run(client.access, Plan()))
    (coin,) = prepare(source, 1)
    order = Order(to=ALICE.key_hash, timestamp_s=1, count=2, fee=coin.amount - 2)
    spent = Circulation(client, source, paying, [coin], order)
    with pytest.raises(LoadImpossible, match="left too little"):
        asyncio.run(spent.run(client.access, Plan()))


def test_chain_that_loses_a_block_under_the_load_ends_it(fresh) -> None:
    with NodeClient(
        Access(f"http://127.0.0.1:{fresh.port}", folders=[fresh.service.store.folder])
    ) as client:
        paying = payer(fresh)
        load = circulation(client, paying, funds(client, paying), coins=2, count=2)
        lost = client.status().tip
        client.admin_invalidate(lost)
        client.mine(3, funds(client, paying).address)
        with pytest.raises(LoadImpossible, match="reorganised"):
            load.settle()


def test_refusals_are_counted_and_the_first_is_shown(api, client) -> None:
    paying = payer(api)
    coins = prepare(funds(client, paying), 4)
    payments = [paying.pay(coin, ALICE.key_hash, 1_000, 1) for coin in coins]
    twice = [payments[0], *payments]
    alone = build_requests(twice, client.access, batch=1, form="json", prefix="tdeck")
    supply = Prepared(alone[:2])
    report = summarize(send(supply, client.access), mode="m", batch=1)
    assert (report.sent, report.accepted, report.refused) == (2, 1, 1)
    assert "pool-known" in report.first_refusal
    assert supply.refused == [payments[0].id]
    for form, known in (("json", 0), ("packed", 1)):
        group = [payments[known], payments[known + 2], payments[known]]
        supply = Prepared(build_requests(group, client.access, batch=3, form=form, prefix="tdeck"))
        done = send(supply, client.access)
        assert done.accepted == 3 - len(supply.refused)
        assert supply.refused[-1] == payments[known].id


def test_payer_without_coins_is_told_how_much_it_needs(api, client) -> None:
    with pytest.raises(LoadImpossible, match="base units") as raised:
        prepare(funds(client, payer(api, NOBODY)), 5)
    assert raised.value.code == "client-load"


def test_one_coin_is_split_in_rounds_for_as_many_as_are_wanted(fresh, monkeypatch) -> None:
    """Splits have few outputs here: 1 coin makes 4, these make 3 each, and the rest is split."""
    monkeypatch.setattr(funds_module, "_OUTPUTS_A_SPLIT", 3)
    access = Access(f"http://127.0.0.1:{fresh.port}", folders=[fresh.service.store.folder])
    with NodeClient(access) as client:
        source = funds(client, payer(fresh, NOBODY))
        client.dev_faucet(source.address, 1_000_000)
        client.mine(1)
        coins = prepare(source, 10, least=1_000)
        assert len(set(coins)) == 10
        assert all(coin.amount >= 1_000 for coin in coins)
        again = prepare(source, 10, least=1_000)
        assert set(again) == set(coins), "coins that are there are used"


def test_node_that_does_not_mine_is_waited_for_only_so_long(api, client) -> None:
    source = funds(client, payer(api), mines=False, wait_s=0.1)
    with pytest.raises(LoadImpossible, match="no block"):
        source.settle([bytes(32)])


def test_change_of_a_payment_is_what_its_coin_held_before_less_fee_and_payment(api, client) -> None:
    paying = payer(api)
    (coin,) = prepare(funds(client, paying), 1)
    change = change_of(paying.pay(coin, ALICE.key_hash, 7, 1))
    assert change.amount == coin.amount - 8


def test_rate_is_kept_and_time_is_bounded() -> None:
    with scripted(*[ACCEPTED] * 50) as server:
        done = send(Prepared([ONE] * 10), Access(server.url), rate_per_s=50.0)
        assert done.accepted == 10
        assert 0.17 <= done.took_s < 2
    with scripted(*[ACCEPTED] * 50) as server:
        supply = Prepared([ONE] * 1_000)
        done = send(supply, Access(server.url), rate_per_s=20.0, limit_s=0.2)
        assert done.sent < 20
        assert supply.refused == [b"x"], "what was taken too late was not sent"


def test_node_that_does_not_answer_is_not_waited_for_for_ever(monkeypatch) -> None:
    monkeypatch.setattr("chaindeck.client.load.drive.ANSWER_TIMEOUT_S", 0.1)
    with scripted(is_silent=True) as server, pytest.raises(NodeTimeout):
        send(Prepared([ONE]), Access(server.url), limit_s=0.1)


def test_broken_line_and_strange_answer_end_the_load() -> None:
    with scripted(b"") as server, pytest.raises(NodeUnreachable):
        send(Prepared([ONE]), Access(server.url))
    with scripted(b"HTTP/1.1 200 OK\r\n\r\n") as server, pytest.raises(ProtocolMismatch):
        send(Prepared([ONE]), Access(server.url))
    with pytest.raises(NodeUnreachable):
        send(Prepared([ONE]), Access("http://127.0.0.1:1"))
    with pytest.raises(LoadImpossible):
        send(Prepared([ONE]), Access("https://127.0.0.1:1"))


def latencies(*times_s: float) -> Latencies:
    made = Latencies()
    for took_s in times_s:
        made.note(took_s)
    return made


def test_percentiles_are_values_that_were_measured() -> None:
    times = latencies(*[number / 1000 for number in range(100, 0, -1)])
    found = [times.percentile_ms(percent) for percent in (50, 95, 99, 100)]
    assert found == pytest.approx([50, 95, 99, 100], rel=0.002)
    assert latencies().percentile_ms(50) == 0.0
    assert latencies(0.002).percentile_ms(50) == 2.0
    assert latencies(-1.0).percentile_ms(50) == 0.0
    assert summarize(Drive(1), mode="m", batch=1).accepted_per_s == 0.0


@given(st.lists(st.floats(0, 100), min_size=1), st.floats(0.1, 100))
def test_percentile_is_right_to_two_thousandths(times_s, percent) -> None:
    ordered = sorted(times_s)
    exact = ordered[max(1, math.ceil(len(ordered) * percent / 100)) - 1]
    found = latencies(*times_s).percentile_ms(percent) / 1000
    assert found == pytest.approx(exact, rel=0.002, abs=1e-6)


def test_many_times_take_little_memory() -> None:
    times = latencies(*[number / 1_000_003 for number in range(100_000)])
    assert times.count == 100_000
    assert len(times._counts) < 5_000
