"""Coins are chosen to the unit: never too few, change right, the fee rate met."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaindeck.ledger.errors import TransactionSize
from chaindeck.ledger.limits import COIN, MAX_TRANSACTION_BYTES
from chaindeck.ledger.types import Data
from chaindeck.wallet.errors import NotEnough, NothingToConsolidate, TooManyInputs
from chaindeck.wallet.selection import consolidate_coins, select_coins, sweep_coins
from chaindeck.wallet.sizes import CHANGE_STUB, SPEND_BYTES, fee_for, transaction_bytes
from tests.wallet.samples import KEYS, attempt, coin, pay

amounts = st.one_of(st.integers(1, 500), st.integers(1, 10**6), st.just(25 * 10**8))
owners = st.sampled_from([key.key_hash for key in KEYS[:3]])
purses = st.lists(st.tuples(amounts, owners), max_size=12).map(
    lambda drawn: [coin(number, *item) for number, item in enumerate(drawn)]
)
payments = st.lists(st.integers(1, 2 * 10**6).map(pay), min_size=1, max_size=3)
rates = st.one_of(st.just(0), st.integers(0, 2_000), st.integers(0, 10**6))


def expect_sound(selection, coins, outputs, rate):
    assert len(set(selection.coins)) == len(selection.coins) > 0
    assert set(selection.coins) <= set(coins)
    assert selection.held == sum(item.coin.amount for item in selection.coins)
    assert selection.paid == sum(item.amount for item in outputs)
    assert selection.held == selection.paid + selection.fee + selection.change
    made = [*outputs, CHANGE_STUB] if selection.change else outputs
    least = fee_for(transaction_bytes(selection.coins, made), rate)
    worth = max(1, fee_for(SPEND_BYTES, rate))
    assert selection.fee >= least
    if selection.change:
        assert selection.fee == least
        assert selection.change >= worth
    else:
        with_change = fee_for(transaction_bytes(selection.coins, [*made, CHANGE_STUB]), rate)
        assert selection.fee < with_change + worth


@given(purses, payments, rates)
def test_selection_pays_exactly_what_it_says(coins, outputs, rate):
    selection, error = attempt(select_coins, coins, outputs, rate)
    if error:
        assert error.values["have"] < error.values["need"]
        return
    expect_sound(selection, coins, outputs, rate)


@given(purses, payments, rates)
def test_selection_is_the_same_for_the_same_coins(coins, outputs, rate):
    first, refused = attempt(select_coins, coins, outputs, rate)
    second, refused_again = attempt(select_coins, coins[::-1], outputs, rate)
    assert first == second
    assert first or refused.values == refused_again.values


@given(st.lists(amounts, min_size=1, max_size=6), st.integers(1, 2_000), rates)
def test_one_owner_is_refused_only_where_no_set_is_enough(drawn, amount, rate):
    coins = [coin(number, value) for number, value in enumerate(drawn)]
    outputs = [pay(amount)]
    subsets = itertools.chain.from_iterable(
        itertools.combinations(coins, count) for count in range(1, len(coins) + 1)
    )
    can_pay = any(
        sum(item.coin.amount for item in subset)
        >= amount + fee_for(transaction_bytes(subset, outputs), rate)
        for subset in subsets
    )
    _, error = attempt(select_coins, coins, outputs, rate)
    assert error is None if can_pay else error.code == "wallet-not-enough"


@given(st.lists(st.integers(1, 10**6), min_size=2, max_size=10), st.data())
def test_exact_match_is_found_and_leaves_nothing(drawn, data):
    coins = [coin(number, value) for number, value in enumerate(drawn)]
    wanted = data.draw(st.lists(st.sampled_from(drawn), min_size=1, max_size=1))
    selection = select_coins(coins, [pay(sum(wanted))], 0)
    assert (selection.change, selection.fee) == (0, 0)


def test_match_of_several_coins_beats_one_with_change():
    coins = [coin(1, 100), coin(2, 70), coin(3, 31), coin(4, 999)]
    selection = select_coins(coins, [pay(101)], 0)
    assert {item.coin.amount for item in selection.coins} == {70, 31}


def test_without_a_match_the_smallest_sufficient_coin_pays():
    coins = [coin(1, 10_000), coin(2, 7_000), coin(3, 4_000), coin(4, 3_500)]
    selection = select_coins(coins, [pay(6_000)], 0)
    assert [item.coin.amount for item in selection.coins] == [7_000]
    assert selection.change == 1_000


def test_last_of_the_largest_coins_is_swapped_for_the_smallest_that_does():
    coins = [coin(1, 10_000), coin(2, 9_000), coin(3, 1_000), coin(4, 300)]
    selection = select_coins(coins, [pay(10_100)], 0)
    assert [item.coin.amount for item in selection.coins] == [10_000, 300]


def test_swapped_coin_pays_for_its_own_input():
    coins = [coin(1, 10_000), coin(2, 9_000), coin(3, 1_040), coin(4, 1_000)]
    size = transaction_bytes(coins[:1], [pay(1)])
    selection = select_coins(coins, [pay(11_000 - size)], 1_000)
    assert [item.coin.amount for item in selection.coins] == [10_000, 1_040]


RATE = 1_000
SIZE = transaction_bytes([coin(0, 1)], [pay(5_000)])
WITH_CHANGE = transaction_bytes([coin(0, 1)], [pay(5_000), CHANGE_STUB])


@pytest.mark.parametrize(("spare", "change"), [(-1, 0), (0, SPEND_BYTES), (1, SPEND_BYTES + 1)])
def test_change_below_the_cost_of_spending_it_goes_to_the_fee(spare, change):
    held = 5_000 + WITH_CHANGE + SPEND_BYTES + spare
    selection = select_coins([coin(0, held)], [pay(5_000)], RATE)
    assert selection.change == change
    assert selection.fee == held - 5_000 - change


def test_last_unit_decides_whether_it_is_enough():
    assert select_coins([coin(0, 5_000 + SIZE)], [pay(5_000)], RATE).change == 0
    with pytest.raises(NotEnough) as raised:
        select_coins([coin(0, 4_999 + SIZE)], [pay(5_000)], RATE)
    assert raised.value.values == {"have": 4_999 + SIZE, "need": 5_000 + SIZE}


def test_empty_wallet_is_told_what_it_needs():
    with pytest.raises(NotEnough) as raised:
        select_coins([], [pay(10)], 0)
    assert raised.value.values == {"have": 0, "need": 10}


def test_shortage_is_told_in_coins_with_what_to_do():
    with pytest.raises(NotEnough) as raised:
        select_coins([coin(0, 2 * COIN)], [pay(1_234 * COIN + 50)], 0)
    assert str(raised.value) == (
        "1,234.0000005 coins are needed with the fee, and those worth spending hold 2: "
        "pay at least 1,232.0000005 less, or wait until more have arrived"
    )


def test_coins_that_cost_more_than_they_bring_stay():
    dust = [coin(number, 34) for number in range(1, 5)]
    selection = select_coins([*dust, coin(9, 10**6)], [pay(5_000)], 1_000)
    assert [item.coin.amount for item in selection.coins] == [10**6]


def test_tiny_coins_share_the_rounding_of_the_fee():
    assert len(select_coins([coin(1, 1), coin(2, 1)], [pay(1)], 1).coins) == 2


def test_data_alone_is_paid_for_by_one_coin():
    selection = select_coins([coin(1, 500), coin(2, 900)], [Data(b"note")], 0)
    assert [item.coin.amount for item in selection.coins] == [500]
    assert selection.change == 500


def many(count, amount=1_000):
    return [coin(number, amount) for number in range(1, count + 1)]


def test_too_many_coins_are_refused_with_the_way_out():
    for most in range(2_900, 3_000):
        if transaction_bytes(many(most + 1), [pay(1), CHANGE_STUB]) > MAX_TRANSACTION_BYTES:
            break
    purse = many(most + 50)
    assert len(select_coins(purse, [pay(1_000 * most)], 0).coins) == most
    with pytest.raises(TooManyInputs, match="consolidate") as raised:
        select_coins(purse, [pay(1_000 * most + 1)], 0)
    assert raised.value.code == "wallet-too-many-inputs"
    assert raised.value.values["count"] == most + 1


def test_outputs_beyond_the_size_are_the_ledgers_error():
    with pytest.raises(TransactionSize):
        select_coins([coin(1, 10**9)], [pay(1)] * 5_000, 0)


@given(purses, rates)
def test_sweep_leaves_one_output_and_meets_the_rate(coins, rate):
    selection, error = attempt(sweep_coins, coins, rate)
    if error:
        assert error.values["have"] < error.values["need"]
        return
    expect_sound(selection, coins, [], rate)
    assert selection.change > 0


@given(purses, rates)
def test_consolidation_merges_all_that_is_worth_it(coins, rate):
    selection, error = attempt(consolidate_coins, coins, rate)
    if error:
        assert error.code == "wallet-nothing-to-consolidate"
        return
    expect_sound(selection, coins, [], rate)
    assert len(selection.coins) > 1
    left = set(coins) - set(selection.coins)
    assert all(item.coin.amount <= fee_for(99, rate) for item in left)


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_coins_cannot_be_merged(count):
    with pytest.raises(NothingToConsolidate):
        consolidate_coins(many(count), 0)


def test_consolidation_takes_the_smallest_and_sweep_the_largest_that_fit():
    coins = [*many(3_000), coin(5_000, 1), coin(5_001, 10**9)]
    merged, swept = consolidate_coins(coins, 0), sweep_coins(coins, 0)
    assert coins[-2] in merged.coins
    assert coins[-1] not in merged.coins
    assert coins[-1] in swept.coins
    for selection in (merged, swept):
        size = transaction_bytes(selection.coins, [CHANGE_STUB])
        assert MAX_TRANSACTION_BYTES - 34 < size <= MAX_TRANSACTION_BYTES
