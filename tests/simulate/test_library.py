"""What nodes share: coins are where a chain of blocks leaves them."""

from chaindeck.ledger.connect import apply_change, genesis_coins
from tests.simulate.networks import begun


def paid():
    return begun(60, count=3, mining={"miners": 2}, load={"payments_per_s": 1, "from_s": 2})


def test_coins_of_a_chain_are_those_that_its_blocks_leave():
    run = paid()
    chain = run.nodes[0].keeper.active
    assert len(chain) > 2
    coins = genesis_coins(run.network)
    for block_hash in chain[1:]:
        apply_change(coins, run.library.change(block_hash))
    assert coins == run.library.coins_at(chain)


def test_coin_of_another_branch_does_not_exist():
    run = paid()
    chain = run.nodes[0].keeper.active
    made = [outpoint for outpoint, _ in run.library.change(chain[-1]).created]
    assert run.library.coin(made[0], chain) is not None
    assert run.library.coin(made[0], chain[:-1]) is None
    assert run.library.coin(bytes(36), chain) is None


def test_spent_coin_exists_below_the_block_that_spends_it():
    run = paid()
    chain = run.nodes[0].keeper.active
    height = next(h for h, key in enumerate(chain) if h and run.library.change(key).spent)
    outpoint, coin = run.library.change(chain[height]).spent[0]
    assert run.library.coin(outpoint, chain[:height]) == coin
    assert run.library.coin(outpoint, chain) is None


def test_each_new_block_is_shown_once():
    run = begun(1, mining={"miners": 3})
    seen = []
    run.library.when_new = lambda block, change, active: seen.append(block.hash)
    run.world.run_until(run.world.now_us + 60_000_000)
    assert len(seen) == len(set(seen)) > 1
