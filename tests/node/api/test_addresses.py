"""An address shows balance, coins and history, with what waits beside what is confirmed."""

import time

import pytest

from chaindeck.ledger.coins import decode_coin
from chaindeck.node.api import holdings as holdings_module
from chaindeck.node.dev import FAUCET_KEY
from tests.ledger.forge import ALICE, BOB, CAROL, address, pay, spend
from tests.node.api.serving import serving
from tests.node.running import faucet_payment


def ask(api, key, query=""):
    return api.get(f"/api/address/{address(key)}{query}").json


def test_unused_address_holds_nothing(api):
    answer = ask(api, CAROL)
    assert answer["balance"] == {"confirmed": 0, "pending_in": 0, "pending_out": 0, "coins": 0}
    assert (answer["coins"], answer["pending"], answer["history"]) == ([], [], [])


def test_waiting_payment_is_pending_for_both_sides(fresh):
    fresh.mine(3)
    payment = faucet_payment(fresh.service, BOB.key_hash, amount=700)
    fresh.offer(payment)
    bob = ask(fresh, BOB)
    assert bob["balance"] == {"confirmed": 0, "pending_in": 700, "pending_out": 0, "coins": 0}
    assert bob["pending"] == [
        {"tx_id": payment.id.hex(), "output_index": 0, "amount": 700, "spent_by": None}
    ]
    faucet = fresh.get(f"/api/address/{faucet_address(fresh)}").json
    spent = [coin for coin in faucet["coins"] if coin["spent_by"]]
    assert [coin["spent_by"] for coin in spent] == [payment.id.hex()]
    assert faucet["balance"]["pending_out"] == spent[0]["amount"]
    assert faucet["balance"]["pending_in"] == spent[0]["amount"] - 700


def faucet_address(api):
    return address(FAUCET_KEY)


def test_confirmed_payment_is_a_coin_and_history(fresh):
    payment = faucet_payment(fresh.service, BOB.key_hash, amount=700)
    fresh.offer(payment)
    fresh.mine()
    bob = ask(fresh, BOB)
    assert bob["balance"]["confirmed"] == 700
    (coin,) = bob["coins"]
    assert coin == {
        "tx_id": payment.id.hex(), "output_index": 0, "amount": 700, "height": 1,
        "is_reward": False, "is_mature": True, "spent_by": None,
    }  # fmt: skip
    assert bob["history"] == [
        {"tx_id": payment.id.hex(), "height": 1, "index": 1, "received": 700, "spent": 0}
    ]


def test_pages_of_coins_and_history_join_into_all(fresh):
    fresh.mine(7, BOB)
    coins, history, query = [], [], "?limit=3"
    while True:
        answer = ask(fresh, BOB, query)
        coins += answer["coins"]
        history += answer["history"]
        if answer["coins_cursor"] is None:
            break
        query = (
            f"?limit=3&coins_cursor={answer['coins_cursor']}"
            f"&history_cursor={answer['history_cursor']}"
        )
    assert [row["height"] for row in history] == [7, 6, 5, 4, 3, 2, 1]
    assert len({coin["tx_id"] for coin in coins}) == 7
    assert answer["balance"]["coins"] == 7


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("tdeck1qqqq", "address-form"),
        (address(BOB)[:-1] + "x", "address-checksum"),
        (address(BOB, "deck"), "address-prefix"),
        ("%00", "address-form"),
        ("x" * 500, "address-form"),
    ],
)
def test_what_is_no_address_here_is_refused(api, text, code):
    answer = api.get(f"/api/address/{text}")
    assert (answer.status, answer.code) == (422, code)
    assert answer.json["error"]["field"] == "address"


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=1001", "coins_cursor=00", "history_cursor=zz", f"coins_cursor={'G' * 72}"],
)
def test_bad_parameter_is_refused(api, query):
    answer = api.get(f"/api/address/{address(BOB)}?{query}")
    assert (answer.status, answer.code) == (400, "api-parameter")


def test_any_cursor_of_the_right_length_gives_a_page(api):
    for digit in ("0", "f"):
        query = f"?coins_cursor={digit * 72}&history_cursor={digit * 16}"
        assert ask(api, BOB, query)["coins"] == []


def test_count_that_took_long_is_kept_for_a_while(tmp_path, monkeypatch):
    monkeypatch.setattr(holdings_module, "_WORTH_KEEPING_S", 0)
    monkeypatch.setattr(holdings_module, "HOLDINGS_REST_FACTOR", 1_000_000)
    monkeypatch.setattr(holdings_module, "HOLDINGS_KEPT", 1)
    with serving(tmp_path) as api:
        assert ask(api, BOB)["balance"]["confirmed"] == 0
        api.mine(1, BOB)
        assert ask(api, BOB)["balance"]["confirmed"] == 0
        ask(api, CAROL)
        assert ask(api, BOB)["balance"]["confirmed"] > 0, "another address took the one place"


def test_balance_is_of_one_moment_though_blocks_come_between_pages(fresh, monkeypatch):
    """Every walk but the last, which lets nobody in between, finds the chain changed."""
    numbers = iter(range(1_000))
    monkeypatch.setattr(fresh.service.store, "sequence", lambda: next(numbers))
    started = time.monotonic()
    assert ask(fresh, ALICE)["balance"]["confirmed"] == 0
    assert time.monotonic() - started < 5


def test_pool_is_searched_in_slices(fresh, monkeypatch):
    monkeypatch.setattr(holdings_module, "_ENTRIES_A_SLICE", 2)
    for coin in range(5):
        fresh.offer(faucet_payment(fresh.service, BOB.key_hash, coin=coin, amount=10))
    assert ask(fresh, BOB)["balance"]["pending_in"] == 50


def test_payment_with_many_outputs_is_pending_for_each(fresh):
    service = fresh.service
    outpoint, packed = service.store.coins_of(FAUCET_KEY.key_hash).coins[0]
    held = decode_coin(packed)
    outputs = [pay(BOB.key_hash, 10)] * 20 + [pay(CAROL.key_hash, held.amount - 200)]
    fresh.offer(spend(service.network.id, [(outpoint, held)], outputs, FAUCET_KEY))
    assert ask(fresh, BOB)["balance"]["pending_in"] == 200
    assert [coin["output_index"] for coin in ask(fresh, CAROL)["pending"]] == [20]
    assert ask(fresh, ALICE)["pending"] == []
