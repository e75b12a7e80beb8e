"""A bucket of cost units empties by asking and fills with time."""

from chaindeck.node.api.rates import Rates


def test_burst_may_be_taken_at_once_and_then_the_rate():
    rates = Rates(10, 20)
    assert [rates.take("a", 1, 0.0) for _ in range(20)] == [0.0] * 20
    assert rates.take("a", 1, 0.0) == 0.1
    assert rates.take("a", 1, 0.1) == 0.0
    assert rates.take("a", 1, 0.1) > 0


def test_refusal_takes_nothing():
    rates = Rates(10, 20)
    rates.take("a", 19, 0.0)
    assert rates.take("a", 5, 0.0) == 0.4
    assert rates.take("a", 1, 0.0) == 0.0


def test_bucket_never_holds_more_than_the_burst():
    rates = Rates(10, 20)
    rates.take("a", 1, 0.0)
    assert rates.take("a", 20, 1e6) == 0.0
    assert rates.take("a", 1, 1e6) > 0


def test_what_costs_more_than_a_bucket_takes_a_full_one_and_leaves_a_debt():
    rates = Rates(10, 20)
    assert rates.take("a", 100, 0.0) == 0.0
    assert rates.take("a", 1, 1.0) > 0


def test_clients_do_not_share():
    rates = Rates(10, 20)
    rates.take("a", 20, 0.0)
    assert rates.take("b", 20, 0.0) == 0.0


def test_only_so_many_clients_are_remembered():
    rates = Rates(1, 2, max_clients=3)
    for client in "abcd":
        rates.take(client, 2, 0.0)
    assert len(rates) == 3
    assert rates.take("d", 1, 0.0) > 0
    assert rates.take("a", 1, 0.0) == 0.0, "forgotten, so new"
