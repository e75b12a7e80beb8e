"""Every payment of a load is followed to its end."""

from chaindeck.ledger.pool_types import Rejected
from chaindeck.simulate.load import Fate
from chaindeck.simulate.node import SimulatedNode
from chaindeck.simulate.running import Run
from tests.simulate.networks import begun, live, scenario


def fates(run):
    return set(run.load.fates(run.nodes).values())


def test_payments_are_made_at_their_rate_from_and_until_when_the_scenario_says():
    run = begun(
        100,
        duration_s=200,
        mining={"miners": 1},
        load={"payments_per_s": 2, "from_s": 50, "until_s": 100},
    )
    times = [(item.at_us - run.world.start_us) / 1e6 for item in run.load.submitted.values()]
    assert 60 < len(times) < 140
    assert min(times) >= 50
    live(run, 50)
    assert len(run.load.submitted) == len(times)


def test_burst_adds_its_own_rate():
    run = begun(
        40,
        mining={"miners": 1},
        load={"bursts": [{"from_s": 20, "until_s": 30, "payments_per_s": 20}]},
    )
    assert 120 < len(run.load.submitted) < 280


def test_every_payment_is_mined_in_a_network_without_trouble():
    run = Run(scenario(mining={"miners": 2}, load={"payments_per_s": 1}))
    result = run.finish()
    assert result.status == "done"
    assert result.fates["mined"] == result.payments_total > 30


def test_one_of_two_payments_of_one_coin_is_told_why_not():
    run = Run(
        scenario(count=4, mining={"miners": 2}, load={"payments_per_s": 1, "conflict_percent": 100})
    )
    result = run.finish()
    assert result.status == "done"
    assert result.fates["refused"] + result.fates["dropped"] > 10


def test_payment_of_a_node_that_crashes_alone_is_lost_and_no_fault():
    run = begun(20, count=2, mining={"miners": 1, "power": 1e-6}, load={"payments_per_s": 1e-6})
    run.nodes[1].crash()
    live(run, 5)
    run.load.pay_somebody()
    (record,) = run.load.submitted.values()
    assert fates(run) == {Fate.WAITING}
    run.nodes[0].crash()
    assert record.is_lost
    run.faults.undo()
    live(run, 5)
    assert fates(run) == {Fate.LOST}


def test_payment_that_another_node_has_is_not_lost_with_one():
    run = begun(20, count=2, mining={"miners": 1, "power": 1e-6}, load={"payments_per_s": 1e-6})
    run.load.pay_somebody()
    live(run, 2)
    (record,) = run.load.submitted.values()
    run.nodes[record.node].crash()
    assert not record.is_lost


def test_payment_that_nobody_has_and_nobody_explains_has_vanished():
    run = begun(20, mining={"miners": 1, "power": 1e-6}, load={"payments_per_s": 1e-6})
    run.load.pay_somebody()
    live(run, 2)
    (tx_id,) = run.load.submitted
    for node in run.nodes:
        node.state.pool.remove([node.state.pool.get(tx_id)])
    assert fates(run) == {Fate.VANISHED}
    run.load.note_drop(tx_id, "expired")
    assert fates(run) == {Fate.DROPPED}


def test_refused_payment_keeps_the_code_of_its_refusal(monkeypatch):
    def refuse(node, payments):
        return [Rejected(payment.id, RefusalError()) for payment in payments]

    monkeypatch.setattr(SimulatedNode, "take_payments", refuse)
    run = begun(20, mining={"miners": 1}, load={"payments_per_s": 1e-6})
    run.load.pay_somebody()
    (record,) = run.load.submitted.values()
    assert record.reason == "pool-full"
    assert fates(run) == {Fate.REFUSED}


class RefusalError(Exception):
    code = "pool-full"


def test_wallets_without_coins_look_at_the_chain_again():
    run = begun(60, duration_s=200, mining={"miners": 1}, load={"payments_per_s": 1})
    for wallet in run.load._wallets:
        wallet.coins.clear()
    made = len(run.load.submitted)
    live(run, 60)
    assert len(run.load.submitted) > made


def test_pools_are_filled_everywhere_at_once():
    run = begun(8, mining={"miners": 1, "power": 1e-6}, load={"waiting_kb": 200, "from_s": 5})
    sizes = {sum(entry.size for _, entry in node.state.pool.by_age()) for node in run.nodes}
    assert len(sizes) == 1
    assert 150_000 < sizes.pop() < 250_000
