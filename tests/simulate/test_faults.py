"""What a scenario lets go wrong does go wrong, and is put right at the end."""

from chaindeck.simulate.faults import Faults
from tests.simulate.networks import begun, live


def tips(run):
    return {node.state.tip.header.hash for node in run.nodes if node.is_up}


def test_parted_network_has_two_tips_and_one_after_the_heal():
    run = begun(
        100,
        count=6,
        duration_s=300,
        mining={"miners": 6},
        faults=[{"kind": "partition", "at_s": 20, "heal_s": 200}],
    )
    live(run, 90)
    assert len(tips(run)) == 2
    live(run, 60)
    assert len(tips(run)) == 1


def test_places_are_parted_as_the_scenario_says():
    run = begun(
        15,
        count=6,
        places=[{"name": "a"}, {"name": "b"}, {"name": "c"}],
        faults=[{"kind": "partition", "at_s": 10, "heal_s": 50, "islands": [["b"]]}],
    )
    for one in run.nodes:
        for other in run.nodes:
            assert run.world.is_parted(one, other) == ((one.place == 1) != (other.place == 1))


def test_crashed_nodes_are_down_and_come_back_with_their_chain():
    run = begun(
        35,
        count=4,
        mining={"miners": 1},
        faults=[{"kind": "crash", "at_s": 30, "restart_s": 40, "nodes": 3}],
    )
    down = [node for node in run.nodes if not node.is_up]
    assert len(down) == 3
    kept = [len(node.keeper.active) for node in down]
    live(run, 6)
    assert all(node.is_up for node in run.nodes)
    assert all(len(node.keeper.active) >= before for node, before in zip(down, kept, strict=True))
    assert [node.life for node in down] == [2, 2, 2]


def test_clock_is_set_drifts_and_is_put_right():
    run = begun(
        29,
        count=2,
        faults=[
            {
                "kind": "clock",
                "at_s": 10,
                "until_s": 31,
                "nodes": 2,
                "step_ms": 5_000,
                "drift_ppm": 100_000,
            }
        ],
    )
    assert {node.clock_offset_ms for node in run.nodes} == {5_000 + 4 * 500}
    assert run.nodes[0].machine.core.offset_ms == 7_000
    live(run, 5)
    assert {node.clock_offset_ms for node in run.nodes} == {0}


def test_hash_rate_is_another_from_then_on():
    run = begun(
        5,
        mining={"miners": 2, "shares": [3, 1]},
        faults=[{"kind": "hash-rate", "at_s": 10, "power": 0.5}],
    )
    before = [node.hashes_s for node in run.nodes]
    assert before[0] == 3 * before[1] > 0
    live(run, 6)
    assert [node.hashes_s for node in run.nodes] == [rate / 2 for rate in before]


def test_fresh_node_comes_and_syncs():
    run = begun(
        45,
        mining={"miners": 2},
        faults=[{"kind": "join", "at_s": 40, "nodes": 2}],
    )
    assert len(run.nodes) == 5
    assert tips(run) == {run.nodes[0].state.tip.header.hash}


def test_nodes_come_and_go_and_some_forget():
    run = begun(
        200,
        count=6,
        duration_s=300,
        mining={"miners": 3},
        churn={"leaves_per_minute": 20, "away_s": 5, "fresh_percent": 50},
    )
    assert sum(node.life for node in run.nodes) > 30
    live(run, 100)
    run.faults.undo()
    lives = [node.life for node in run.nodes]
    assert all(node.is_up for node in run.nodes)
    live(run, 60)
    assert [node.life for node in run.nodes] == lives


def test_node_that_was_told_to_stop_keeps_its_pool():
    run = begun(20, mining={"miners": 0}, load={"payments_per_s": 0})
    assert isinstance(run.faults, Faults)
    run = begun(20, mining={"miners": 1, "shares": [1], "power": 1e-6}, load={"payments_per_s": 1})
    node = run.nodes[0]
    waiting = len(node.state.pool)
    assert waiting
    node.stop()
    node.stop()
    node.start()
    assert len(node.state.pool) == waiting
    node.crash()
    node.crash()
    node.start()
    assert not len(node.state.pool)
