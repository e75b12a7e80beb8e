"""Miners in virtual time find blocks as often as their hash rate says."""

from statistics import mean

from chaindeck.ledger.errors import Held
from tests.simulate.networks import begun, live


def test_blocks_come_at_the_interval_of_the_network():
    run = begun(6_000, count=2, mining={"miners": 2}, duration_s=6_000)
    intervals = [took for _, took in run._intervals(run.nodes[0].keeper.active)]
    assert 8 < mean(intervals) < 12.5


def test_share_of_blocks_follows_the_share_of_hash_rate():
    run = begun(6_000, count=2, mining={"miners": 2, "shares": [9, 1]}, duration_s=6_000)
    found = [miner.found for miner in run.miners.values()]
    assert 0.84 < found[0] / sum(found) < 0.96


def test_miner_without_hash_rate_or_power_finds_nothing():
    run = begun(30, count=2, mining={"miners": 2})
    run.set_power(1e-9)
    run.nodes[0].crash()
    before = run.measures.found
    live(run, 300)
    assert run.measures.found == before


def test_miner_whose_clock_is_set_back_waits_until_its_tip_is_no_longer_ahead():
    run = begun(60, count=1, mining={"miners": 1})
    node, miner = run.nodes[0], run.miners[0]
    node.set_clock(-90_000)
    before = node.state.tip
    assert isinstance(node.take_block(miner.make_block()), Held)
    live(run, 10)
    assert node.state.tip is before
    live(run, 600)
    assert node.state.tip.work > before.work


def test_late_block_uses_the_easier_target_of_its_time():
    run = begun(
        10, count=1, mining={"miners": 1}, network={"difficulty": "step100"}, duration_s=9_000
    )
    run.set_power(100)
    live(run, 600)
    hard = run.nodes[0].state.tip.base_bits
    run.set_power(0.1)
    live(run, 3_000)
    active = run.nodes[0].keeper.active
    late = [took for _, took in run._intervals(active) if took > 60]
    assert late
    assert run.nodes[0].state.tip.header.target_bits != hard
