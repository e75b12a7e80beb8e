"""Each rule of a run is broken on purpose here, once, and has to be noticed."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from chaindeck.ledger.coins import decode_coin, encode_coin
from chaindeck.ledger.connect import Change
from chaindeck.ledger.pool import Pool
from chaindeck.ledger.pool_types import PoolLimits
from chaindeck.ledger.signatures import SignatureCache
from chaindeck.ledger.templates import build_template
from chaindeck.protocol.events import PeerMisbehaved
from chaindeck.protocol.inputs import TimerFired
from chaindeck.simulate import mining
from chaindeck.simulate.invariants import RULES, Broken
from chaindeck.simulate.load import Fate
from chaindeck.simulate.running import Run
from chaindeck.simulate.world import SECOND
from tests.simulate.networks import begun, live, scenario


@pytest.fixture
def breaks():
    """Expect a rule to be broken, by its name."""
    return lambda rule: pytest.raises(Broken, match=rule)


def test_tip_with_less_work_than_before_is_noticed(breaks):
    run = begun(60, mining={"miners": 2})
    node = run.nodes[0]
    node.state.tip = node.state.tree.genesis
    with breaks("work-falls"):
        run.invariants.moved(node)


def test_restart_elsewhere_than_where_the_disk_stands_is_noticed(breaks):
    run = begun(60, mining={"miners": 2})
    node = run.nodes[0]
    node.state.tip = node.state.tree.genesis
    with breaks("work-falls"):
        run.invariants.started(node)


def change_of_tip(run, **changes):
    """Show the last block again, with another change than it made."""
    chain = run.nodes[0].keeper.active
    block, change = run.library.blocks[chain[-1]], run.library.change(chain[-1])
    run.invariants._look_at_block(block, replace(change, **changes), chain[:-1])


def test_coin_that_is_spent_again_is_noticed(breaks):
    run = begun(60, mining={"miners": 2}, load={"payments_per_s": 1, "from_s": 2})
    chain = run.nodes[0].keeper.active
    spent = next(
        run.library.change(key).spent for key in chain[1:] if run.library.change(key).spent
    )
    with breaks("spent-twice"):
        change_of_tip(run, spent=spent)


def test_block_that_does_not_extend_its_branch_is_noticed(breaks):
    run = begun(60, mining={"miners": 2})
    chain = run.nodes[0].keeper.active
    block = run.library.blocks[chain[-1]]
    with breaks("spent-twice"):
        run.invariants._look_at_block(block, run.library.change(block.hash), chain[:-2])


def test_value_from_nowhere_is_noticed(breaks):
    run = begun(60, mining={"miners": 2})
    change = run.library.change(run.nodes[0].keeper.active[-1])
    (outpoint, packed), *others = change.created
    coin = decode_coin(packed)
    more = encode_coin(replace(coin, amount=coin.amount + 1))
    with breaks("value-made"):
        change_of_tip(run, created=[(outpoint, more), *others])


def test_change_that_cannot_be_undone_is_noticed(breaks):
    run = begun(60, mining={"miners": 2})
    chain = run.nodes[0].keeper.active
    outpoint, coin = next(iter(run.library.coins_at(chain[:-1]).items()))
    block, change = run.library.blocks[chain[-1]], run.library.change(chain[-1])
    twice = Change([(outpoint, coin), (outpoint, coin)], change.created, change.fees)
    with breaks("undo-differs"):
        run.invariants._check_undo(1, twice, chain[:-1])
    # Making a coin that is there already loses it when the block is undone.
    made = Change([], [(outpoint, coin)], change.fees)
    with breaks("undo-differs"):
        run.invariants._check_undo(int(block.header.height), made, chain[:-1])


def test_queue_over_its_cap_is_noticed(breaks):
    run = begun(5)
    node = run.nodes[0]
    link = next(iter(node.machine.core.links.values()))
    link.queued_blocks += [bytes(32)] * 65
    with breaks("cap-exceeded"):
        for _ in range(64):
            run.invariants.stepped(node, TimerFired())


def test_honest_node_that_bars_another_is_noticed(breaks):
    run = begun(5)
    node = run.nodes[0]
    link = next(iter(node.machine.core.links.values()))
    event = PeerMisbehaved(link.id, link.address, "frame-size", "", is_barred=True)
    with breaks("honest-barred"):
        run.invariants.barred(node, event)
    run.invariants.barred(node, replace(event, is_barred=False))


def test_good_block_that_is_taken_for_bad_is_noticed(breaks):
    run = begun(60, mining={"miners": 2})
    node = run.nodes[0]
    block = run.library.blocks[node.keeper.active[-1]]
    run.invariants.refused(node, block, ValueError())
    node.state.tree.fail(block.hash)
    with breaks("good-block-refused"):
        run.invariants.refused(node, block, _RefusalError())
    with breaks("good-block-refused"):
        run.invariants.quiet(run.nodes)


class _RefusalError(Exception):
    code = "block-size"


def test_node_without_links_is_noticed_at_the_end(breaks):
    run = begun(10, count=4, nodes={"topology": "mesh"})
    run.invariants.quiet(run.nodes)
    run.world.close_all(run.nodes[3])
    live(run, 0.1)
    with breaks("parted-at-the-end"):
        run.invariants.quiet(run.nodes)


def test_nodes_on_different_tips_are_noticed_at_the_end(breaks):
    run = begun(60, mining={"miners": 2})
    run.nodes[1].state.tip = run.nodes[1].state.tree.genesis
    with breaks("tips-differ"):
        run.invariants.quiet(run.nodes)
    run.nodes[1].state.tip = run.nodes[0].state.tip
    run.nodes[1].keeper.active = list(reversed(run.nodes[1].keeper.active))
    with breaks("tips-differ"):
        run.invariants.quiet(run.nodes)


def test_coins_other_than_the_blocks_made_are_noticed_at_the_end(breaks):
    run = begun(60, mining={"miners": 2})
    run.library._made.popitem()
    with breaks("coins-differ"):
        run.invariants.quiet(run.nodes)
    run.library.verdicts[run.nodes[0].keeper.active[-1]] = Change([(bytes(36), b"")], [], 0)
    with breaks("coins-differ"):
        run.invariants.quiet(run.nodes)


def test_payments_without_an_end_are_noticed(breaks):
    run = begun(1)
    run.invariants.settled({b"1": Fate.MINED, b"2": Fate.REFUSED, b"3": Fate.LOST})
    with breaks("payment-vanished"):
        run.invariants.settled({b"1": Fate.VANISHED})
    with breaks("payment-waits"):
        run.invariants.settled({b"1": Fate.WAITING})


def scarce(**changes):
    """Seven full blocks' worth of payments, and a tenth of the hash rate from the first moment."""
    return scenario(
        duration_s=100,
        network={"max_block_kb": 10, "difficulty": "lwma60"},
        load={"payments_per_s": 3, "from_s": 1, "wallets": 5},
        faults=[{"kind": "hash-rate", "at_s": 0, "power": 0.1}],
        **changes,
    )


def test_payments_are_waited_for_as_long_as_the_hash_rate_that_is_left_takes():
    result = Run(scarce()).finish()
    assert result.fault is None
    assert result.virtual_s > 600
    assert result.fates["waiting"] == 0 < result.fates["mined"]


def test_miners_who_leave_payments_out_are_noticed_however_long_they_take(monkeypatch):
    def forgetful(_pool, network, height):
        return build_template(Pool(network, SignatureCache(), PoolLimits()), network, height)

    monkeypatch.setattr(mining, "build_template", forgetful)
    assert Run(scarce()).finish().fault.rule == "payment-waits"


def test_whatever_a_step_raises_ends_the_run_with_its_trace():
    run = Run(scenario())
    run.world.at(run.world.start_us + 30 * SECOND, lambda: 1 // 0)
    result = run.finish()
    assert result.status == "broken"
    assert result.fault.rule == "step-raises"
    assert "ZeroDivisionError" in result.fault.detail
    assert result.fault.at_s == 30


def test_every_rule_is_broken_above():
    text = Path(__file__).read_text()
    named = {rule for rule in RULES if f'breaks("{rule}")' in text or f'== "{rule}"' in text}
    assert named == set(RULES)
