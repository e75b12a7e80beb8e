"""A simulated disk: batches are whole, and the last ones may be lost with the power."""

import pytest

from chaindeck.ledger import state
from chaindeck.ledger.checkpoints import Checkpoint
from tests.simulate.networks import begun, live


def mined(blocks=3):
    run = begun(1, count=1, mining={"miners": 1})
    node = run.nodes[0]
    while len(node.keeper.active) <= blocks:
        live(run, 1)
    return run, node


def test_nothing_is_lost_in_a_crash_that_tears_nothing():
    _, node = mined()
    before = list(node.keeper.active)
    node.crash()
    node.start()
    assert node.keeper.active == before
    assert node.state.tip.header.hash == before[-1]


def test_torn_connection_leaves_a_large_body_that_the_restart_connects_again(monkeypatch):
    monkeypatch.setattr(state, "ONE_CHANGE_BYTES", 0)
    _, node = mined()
    before = list(node.keeper.active)
    node.crash(torn_batches=1)
    assert node.keeper.active == before[:-1]
    assert before[-1] in node.keeper.bodies
    node.start()
    assert node.keeper.active == before


def test_torn_block_is_gone_with_its_mark():
    _, node = mined()
    before = list(node.keeper.active)
    node.crash(torn_batches=1)
    assert node.keeper.active == before[:-1]
    assert before[-1] not in node.keeper.bodies
    assert before[-1] not in node.keeper.marks
    node.start()
    assert node.state.tip.header.hash == before[-2]


def test_checkpoint_outlives_a_crash_unless_it_is_torn():
    _, node = mined()
    keeper = node.keeper
    one, two = (Checkpoint(1, bytes([number]) * 32, ()) for number in (1, 2))
    for held in ([one], [two, one]):
        with keeper.writing() as batch:
            batch.save_checkpoints(1, held)
    assert keeper.load_checkpoints() == [two, one]
    keeper.tear(1)
    assert keeper.load_checkpoints() == [one]


def test_no_more_is_torn_than_is_journaled():
    _, node = mined()
    assert node.keeper.tear(9) == 2
    assert node.keeper.tear(1) == 0


def test_keeper_answers_for_heights_it_has_and_no_others():
    run, node = mined()
    keeper = node.keeper
    assert keeper.active_hash(0) == run.network.block.hash
    assert keeper.active_hash(-1) is None
    assert keeper.active_hash(len(keeper.active)) is None
    assert keeper.load_body(keeper.active[-1]) is not None
    assert keeper.load_body(bytes(32)) is None
    assert keeper.load_entry(keeper.active[-1]) is None


def test_blocks_connect_and_disconnect_in_order_only():
    run, node = mined()
    keeper = node.keeper
    block = run.library.blocks[keeper.active[1]]
    change = run.library.change(block.hash)
    with pytest.raises(AssertionError):
        keeper.connect(node.state.tip, block, change, None)
    with pytest.raises(AssertionError):
        keeper.disconnect(keeper.active[1])


def test_forgetting_is_torn_like_any_other_change():
    _, node = mined()
    tip, now_ms = node.keeper.active[-1], 1 << 50
    state.run_here(node.state.invalidate(tip, now_ms))
    state.run_here(node.state.forget([tip]))
    assert tip not in node.keeper.bodies
    assert tip not in node.keeper.marks
    node.keeper.forget([tip])
    assert node.keeper.tear(2) == 2
    assert tip in node.keeper.bodies
    assert node.keeper.marks[tip].is_failed
